import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as tus from 'tus-js-client';
import { authorization, type CheckpointFile, dataOf, RequestError } from '../client/index.js';
import { TEMPLATE_FOLDERS } from '../schemas/name-pattern.js';
import { sha256Of } from '../store/files.js';
import { bytes } from './format.js';
import { ProgressLine } from './progress-line.js';
import { type Session, UsageError } from './session.js';

/** One request carries so much; what arrived of it is kept if it is cut. */
const CHUNK_BYTES = 64 * 1024 * 1024;
/** Waits before a cut upload goes on. */
const RETRY_DELAYS_MS = [0, 500, 2_000, 5_000, 10_000];

/** In the package for Node, and not in its types. */
const { FileUrlStorage } = tus as unknown as { FileUrlStorage: new (file: string) => tus.UrlStorage };

/** Where unfinished uploads are remembered, so that the same command goes on with them. */
async function memory(): Promise<tus.UrlStorage> {
  const cache = process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache');
  const folder = path.join(cache, 'weightfold');
  await mkdir(folder, { recursive: true });
  return new FileUrlStorage(path.join(folder, 'uploads.json'));
}

/** Upload files into a checkpoint: in pieces, going on where an earlier attempt stopped, checked by their SHA-256. */
export async function uploadFiles(
  session: Session,
  checkpoint: string,
  files: readonly string[],
): Promise<CheckpointFile[]> {
  for (const file of files)
    if (!(await stat(file).catch(() => undefined))?.isFile()) throw new UsageError(`${file} is not a file.`);
  // A service that cannot be reached or refuses the key says so here, once.
  await dataOf(session.client.GET('/v1/checkpoints', { params: { query: { limit: 1 } } }));
  const storage = await memory();
  for (const file of files) await uploadFile(session, checkpoint, file, storage);
  const { files: there } = await dataOf(
    session.client.GET('/v1/checkpoints/{name}', { params: { path: { name: checkpoint } } }),
  );
  const names = new Set(files.map(nameOf));
  return there.filter(({ file }) => names.has(file));
}

/** What a file is called in a checkpoint: chat templates keep the folder they are in. */
function nameOf(file: string): string {
  const folder = path.basename(path.dirname(path.resolve(file)));
  return TEMPLATE_FOLDERS.some((name) => name === folder) ? `${folder}/${path.basename(file)}` : path.basename(file);
}

async function uploadFile(
  session: Session,
  checkpoint: string,
  file: string,
  urlStorage: tus.UrlStorage,
): Promise<void> {
  const filename = nameOf(file);
  const { size } = await stat(file);
  const sha256 = await sha256Of(file);
  const line = new ProgressLine();
  await new Promise<void>((resolve, reject) => {
    const upload = new tus.Upload(createReadStream(file), {
      endpoint: `${session.baseUrl}/v1/uploads`,
      chunkSize: CHUNK_BYTES,
      uploadSize: size,
      retryDelays: RETRY_DELAYS_MS,
      headers: authorization(session),
      metadata: { checkpoint, filename, sha256 },
      urlStorage,
      // The same bytes for the same place, not the same path: a changed file is another upload.
      fingerprint: async () => ['weightfold', session.baseUrl, checkpoint, filename, sha256].join(' '),
      removeFingerprintOnSuccess: true,
      onProgress: (sent) => line.draw(sent / Math.max(1, size), `${filename}, ${bytes(sent)} of ${bytes(size)}`),
      onShouldRetry: (error) => !isRefused(refusalOf(error)),
      onSuccess: () => resolve(),
      onError: (error) => reject(refusalOf(error)),
    });
    upload
      .findPreviousUploads()
      .then(([previous]) => {
        if (previous) upload.resumeFromPreviousUpload(previous);
        upload.start();
      })
      .catch(reject);
  }).finally(() => line.clear());
}

/** Whether trying again is of no use: the service said why not. A wrong offset is looked up again. */
const isRefused = (error: Error) =>
  error instanceof RequestError &&
  error.status < 500 &&
  ![423, 429].includes(error.status) &&
  error.problem !== undefined;

/** The service's problem details, where it answered with some. */
function refusalOf(error: Error): Error {
  const response = (error as { originalResponse?: { getStatus(): number; getBody(): string } | null }).originalResponse;
  if (!response) return error;
  try {
    return new RequestError(response.getStatus(), JSON.parse(response.getBody()));
  } catch {
    return new RequestError(response.getStatus(), undefined);
  }
}
