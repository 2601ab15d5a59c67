import { readdir } from 'node:fs/promises';
import { MemoryLocker, Server, type Upload } from '@tus/server';
import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import { refusePickle } from '../checkpoints/other-weights.js';
import type { UploadOptions } from '../checkpoints/receive-upload.js';
import type { Config } from '../config.js';
import { SpecError, WeightfoldError } from '../errors.js';
import type { JobService } from '../jobs/job-service.js';
import type { Logger } from '../log.js';
import { type UploadMetadata, UploadMetadataSchema } from '../schemas/upload.js';
import { requireWritable } from '../store/data-folder.js';
import { ensureFolder } from '../store/files.js';
import { requireSpace } from '../store/headroom.js';
import { layout } from '../store/layout.js';
import { tusProblem } from './problem.js';
import { isAdopted, UploadStore } from './upload-store.js';

const HOUR_MS = 3600_000;

/**
 * Resumable uploads (tus 1.0, by its reference server). What has arrived whole is checked and moved into its checkpoint
 * before the last request is answered; whoever asks meanwhile waits for that, so that nobody takes bytes that arrived
 * for a file that is there. After a crash in between the next who asks, or the sweep, makes up for it.
 */
export class Uploads {
  private readonly config: Config;
  private readonly checkpoints: CheckpointStore;
  private readonly jobs: JobService;
  private readonly log: Logger;
  private readonly store: UploadStore;
  private readonly server: Server;
  private readonly finishing = new Map<string, Promise<void>>();
  private readonly refusals = new WeakMap<object, unknown>();

  /** @param path where clients reach it */
  constructor(config: Config, checkpoints: CheckpointStore, jobs: JobService, log: Logger, path = '/v1/uploads') {
    this.config = config;
    this.checkpoints = checkpoints;
    this.jobs = jobs;
    this.log = log;
    this.store = new UploadStore({
      directory: layout(config.DATA_DIR).uploads,
      expirationPeriodInMilliseconds: config.UPLOAD_EXPIRY_HOURS * HOUR_MS,
    });
    this.server = new Server({
      path,
      datastore: this.store,
      maxSize: config.MAX_UPLOAD_BYTES,
      locker: new MemoryLocker(),
      // Relative to the request, so that it holds below any path of a proxy.
      generateUrl: (_, { path: at, id }) => `${at.slice(at.lastIndexOf('/') + 1)}/${id}`,
      // Cross-origin access is for the service's own settings to give.
      allowedOrigins: () => false,
      onUploadCreate: async (_, upload) => {
        await this.admit(upload);
        return {};
      },
      onIncomingRequest: (request, id) => this.settle(request, id),
      onUploadFinish: async (_, { id }) => {
        await this.finish(id);
        return {};
      },
      onResponseError: (request, error) => {
        this.refusals.set(request, error);
        return undefined;
      },
    });
  }

  async open(): Promise<void> {
    await ensureFolder(this.store.directory);
  }

  /** Answer a request of the protocol. @throws WeightfoldError, with what the protocol demands of the answer's headers */
  async handle(request: Request): Promise<{ status: number; headers: Headers; refusal?: WeightfoldError }> {
    const response = await this.server.handleWeb(request);
    const { status, headers } = response;
    if (status < 400) return { status, headers };
    const error = this.refusals.get(request);
    if (error instanceof WeightfoldError) return { status: error.status, headers, refusal: error };
    if (error instanceof Error) throw error;
    // The store does not say why it could not write; a full disk, or one that is away, are the usual reasons.
    if (status === 500) await requireWritable(this.config.DATA_DIR);
    if (status === 500) await this.requireSpace(Number(request.headers.get('content-length') ?? 0));
    return { status, headers, refusal: tusProblem(status, await response.text()) };
  }

  /** Finish what has arrived whole, forget what has expired. */
  async sweep(): Promise<void> {
    const names = await readdir(this.store.directory);
    for (const name of names.filter((file) => file.endsWith('.json'))) {
      const id = name.slice(0, -'.json'.length);
      const upload = await this.store.getUpload(id).catch(() => undefined);
      if (upload && isWhole(upload) && !isAdopted(upload))
        await this.finish(id).catch((error) => this.log.warn({ err: error, upload: id }, 'upload not taken'));
      else if (!upload || this.store.isExpired(upload)) await this.store.remove(id).catch(() => {});
    }
  }

  /** @throws WeightfoldError where nothing could come of an upload */
  private async admit({ metadata, size }: Upload): Promise<void> {
    const { checkpoint, filename } = describe(metadata);
    refusePickle(filename);
    await this.jobs.refuseWhileNeeded(checkpoint, 'changed');
    await this.requireSpace(size ?? 0);
  }

  /** Before a request is answered: an upload that is whole but not yet in its checkpoint gets there. */
  private async settle({ method, headers }: Pick<Request, 'method' | 'headers'>, id: string): Promise<void> {
    if (method === 'POST') return;
    const upload = await this.store.getUpload(id);
    if (method === 'PATCH') await this.requireSpace(Number(headers.get('content-length') ?? 0));
    if (!isWhole(upload) || isAdopted(upload)) return;
    // To be rid of it one need not have it first.
    if (method === 'DELETE') await this.finishing.get(id)?.catch(() => {});
    else await this.finish(id);
  }

  private finish(id: string): Promise<void> {
    const running = this.finishing.get(id) ?? this.adopt(id).finally(() => this.finishing.delete(id));
    this.finishing.set(id, running);
    return running;
  }

  private async adopt(id: string): Promise<void> {
    const upload = await this.store.getUpload(id);
    if (isAdopted(upload)) return;
    try {
      const { checkpoint, filename, sha256 } = describe(upload.metadata);
      const options: UploadOptions = {
        sha256: sha256 === undefined ? undefined : Buffer.from(sha256, 'hex'),
        maxBytes: this.config.MAX_UPLOAD_BYTES,
        maxHeaderBytes: this.config.MAX_HEADER_BYTES,
        beforeCommit: async () => {
          await this.jobs.refuseWhileNeeded(checkpoint, 'changed');
          await this.store.markAdopted(id, `${checkpoint}/${filename}`);
        },
      };
      const digest = this.store.digest(upload);
      await this.checkpoints.adopt(checkpoint, filename, this.store.location(id), options, digest);
      this.log.info({ upload: id, checkpoint, file: filename }, 'upload complete');
    } catch (error) {
      // What is wrong with the bytes stays wrong; what stands in their way may pass, and they need not come again.
      const hopeless = error instanceof WeightfoldError && error.status < 500 && error.status !== 409;
      if (hopeless) await this.store.remove(id).catch(() => {});
      throw error;
    }
  }

  private requireSpace(bytes: number): Promise<void> {
    return requireSpace(this.config.DATA_DIR, bytes, this.config.MIN_FREE_BYTES);
  }
}

const isWhole = ({ size, offset }: Upload) => size !== undefined && offset === size;

/** @throws SpecError `upload_metadata_invalid` */
function describe(metadata: Upload['metadata']): UploadMetadata {
  const given = Object.fromEntries(Object.entries(metadata ?? {}).filter(([, value]) => value !== null));
  const parsed = UploadMetadataSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new SpecError(
    'upload_metadata_invalid',
    `Upload-Metadata: ${path.join('.')} ${given[String(path[0])] === undefined ? 'is missing' : message}; checkpoint and filename are needed, sha256 is checked where given.`,
  );
}
