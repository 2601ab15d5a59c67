import { createHash, randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { ConflictError, NotFoundError, WeightfoldError } from '../errors.js';
import { remember } from '../remember.js';
import type { CheckpointFile } from '../schemas/checkpoint.js';
import { ensureFolder, ensureIn, isMissing, sha256Of, syncFile, syncFolder, writeAtomic } from '../store/files.js';
import { layout } from '../store/layout.js';
import { readCache } from '../store/read-json.js';
import { inThread } from '../threads/in-thread.js';
import { templatesIn } from './companion-files.js';
import { refusePickle } from './other-weights.js';
import { receive, requireDigest, type UploadOptions } from './receive-upload.js';

/** Folder inside a checkpoint for sizes, hashes and unfinished uploads; file names cannot start with a dot. */
const META = '.weightfold';
const UPLOAD_PREFIX = 'upload-';
const DELETED_PREFIX = '.deleted-';
/** An upload that still runs writes more often than this: idle connections are closed within minutes. */
const ABANDONED_UPLOAD_MS = 3_600_000;
/** How often a new upload may meet the last one's folder just being removed. */
const OPEN_ATTEMPTS = 10;

/** Descriptions kept for those who ask again; the largest have some 20 MB. */
const DESCRIBED = 4;

/** An entry, and which file it is about. */
type StoredEntry = CheckpointFile & { stamp: string };

/** Uploaded checkpoints: one folder each, files appear in it whole and checked or not at all. */
export class CheckpointStore {
  private readonly root: string;
  private readonly described = new Map<string, { state: string; text: Uint8Array }>();

  /** Cap on the headers of files that were put there by hand; of uploads it is an option. */
  private readonly maxHeaderBytes: number | undefined;

  constructor(dataDir: string, maxHeaderBytes?: number) {
    this.root = layout(dataDir).checkpoints;
    this.maxHeaderBytes = maxHeaderBytes;
  }

  async openStore(): Promise<void> {
    await ensureFolder(this.root);
    await this.sweep();
  }

  folder(name: string): string {
    return path.join(this.root, name);
  }

  /**
   * Stream a file in. It is hashed on the way, checked (length, digest, safetensors or JSON), then renamed into place.
   * @throws WeightfoldError, leaving whatever was there before untouched
   */
  async put(name: string, file: string, body: Readable, options: UploadOptions): Promise<CheckpointFile> {
    refusePickle(file);
    const { output, temporary } = await this.openTemporary(name);
    try {
      const { size, sha256 } = await receive(body, output, temporary, options);
      return await this.commit(name, file, temporary, { size, sha256 }, options);
    } catch (error) {
      await rm(temporary, { force: true });
      await this.removeIfEmpty(name);
      throw conflictIfMissing(error, name);
    }
  }

  /**
   * Take a file that lies elsewhere on the same disk: checked as an upload is, then moved into place, never copied.
   * @param sha256 of the file, hex, where it is known already
   * @throws WeightfoldError, leaving the file where it is, and whatever was there before untouched
   */
  async adopt(
    name: string,
    file: string,
    location: string,
    options: UploadOptions,
    sha256?: string,
  ): Promise<CheckpointFile> {
    refusePickle(file);
    const hex = sha256 ?? (await sha256Of(location));
    requireDigest(options.sha256, Buffer.from(hex, 'hex'));
    await syncFile(location);
    // Keeps the folder from being removed as empty meanwhile.
    const { output, temporary } = await this.openTemporary(name);
    try {
      await output.close();
      const { size } = await stat(location);
      return await this.commit(name, file, location, { size, sha256: hex }, options);
    } catch (error) {
      throw conflictIfMissing(error, name);
    } finally {
      await rm(temporary, { force: true });
      await this.removeIfEmpty(name);
    }
  }

  /** Check a file that has arrived and move it into its place. */
  private async commit(
    name: string,
    file: string,
    location: string,
    { size, sha256 }: { size: number; sha256: string },
    options: UploadOptions,
  ): Promise<CheckpointFile> {
    const folder = this.folder(name);
    await inThread('checkContent', { file, location, maxHeaderBytes: options.maxHeaderBytes });
    await options.beforeCommit?.();
    const entry: CheckpointFile = { file, size, sha256, created_at: new Date().toISOString() };
    const stamp = stampOf(await stat(location, { bigint: true }));
    // The entry first: it counts only once its file is there, and it keeps others from removing the folder as empty.
    await writeAtomic(this.entryFile(name, file), JSON.stringify({ ...entry, stamp } satisfies StoredEntry));
    const place = path.join(folder, file);
    if (file.includes('/')) await ensureIn(folder, path.dirname(file));
    await rename(location, place);
    await syncFolder(path.dirname(place));
    return entry;
  }

  /** A file for an upload's bytes. Repeated where the folder goes away meanwhile, with the last file in it. */
  private async openTemporary(name: string): Promise<{ output: FileHandle; temporary: string }> {
    for (let attempt = 1; ; attempt++) {
      const meta = path.join(this.folder(name), META);
      const temporary = path.join(meta, `${UPLOAD_PREFIX}${randomBytes(9).toString('base64url')}`);
      try {
        // Each by itself: the folder of all checkpoints is not made again where it has vanished.
        await ensureIn(this.root, name);
        await ensureIn(this.folder(name), META); // may itself find that what it has just made is gone again
        return { output: await open(temporary, 'wx'), temporary };
      } catch (error) {
        if (!isMissing(error) || attempt === OPEN_ATTEMPTS) throw error;
      }
    }
  }

  async names(): Promise<string[]> {
    const entries = await readdir(this.root, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort();
  }

  /** Files with size and hash, sorted by name; undefined where there is no such checkpoint. */
  async files(name: string): Promise<CheckpointFile[] | undefined> {
    const folder = this.folder(name);
    let names: string[];
    try {
      names = (await readdir(folder)).filter((file) => !file.startsWith('.')).sort();
      names.push(...(await templatesIn(folder)));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const files = await Promise.all(names.map((file) => this.entry(name, file)));
    return files.filter((entry) => entry !== undefined);
  }

  /**
   * Size and hash of one file; undefined where there is no such file. What was written down counts only while it is
   * about the very file that is there: of two writers the last one's file may stand beside the first one's entry, and
   * a crash may have left the entry of the file before. Such a file, or one put there by hand, is hashed again.
   */
  async entry(name: string, file: string): Promise<CheckpointFile | undefined> {
    const location = path.join(this.folder(name), file);
    const info = await stat(location, { bigint: true }).catch(() => undefined);
    if (!info?.isFile()) return undefined;
    const stored = await readCache<StoredEntry>(this.entryFile(name, file));
    if (stored && stored.stamp === stampOf(info)) {
      const { stamp: _, ...entry } = stored;
      return entry;
    }
    return this.describe(name, file);
  }

  private entryFile(name: string, file: string): string {
    return path.join(this.folder(name), META, `${file.replaceAll('/', '%2F')}.json`);
  }

  private async describe(name: string, file: string): Promise<CheckpointFile | undefined> {
    const handle = await open(path.join(this.folder(name), file), 'r').catch(() => undefined);
    if (!handle) return undefined;
    const hash = createHash('sha256');
    // One handle for both, so that they are about one file.
    const info = await handle.stat({ bigint: true });
    for await (const chunk of handle.createReadStream()) hash.update(chunk as Buffer);
    const created_at = new Date(Number(info.mtimeMs)).toISOString();
    const entry = { file, size: Number(info.size), sha256: hash.digest('hex'), created_at };
    const stored: StoredEntry = { ...entry, stamp: stampOf(info) };
    // What cannot be written down is found again the next time.
    await ensureIn(this.folder(name), META)
      .then(() => writeAtomic(this.entryFile(name, file), JSON.stringify(stored)))
      .catch(() => {});
    return entry;
  }

  /**
   * Files, tensors and family of a checkpoint, as the JSON text that clients get: made beside the event loop, and kept
   * while the files are as they were.
   * @throws NotFoundError
   */
  async get(name: string): Promise<Uint8Array> {
    const files = await this.files(name);
    if (!files || files.length === 0) throw notFound(name);
    const state = JSON.stringify(files);
    const known = this.described.get(name);
    if (known?.state === state) return known.text;
    const { maxHeaderBytes } = this;
    const text = await inThread('describeCheckpoint', { name, folder: this.folder(name), files, maxHeaderBytes });
    remember(this.described, name, { state, text }, DESCRIBED);
    return text;
  }

  /** @throws NotFoundError */
  async delete(name: string): Promise<void> {
    const grave = path.join(this.root, `${DELETED_PREFIX}${name}-${randomBytes(6).toString('hex')}`);
    try {
      await rename(this.folder(name), grave);
    } catch (error) {
      if (isMissing(error)) throw notFound(name);
      throw error;
    }
    await rm(grave, { recursive: true, force: true });
  }

  /** Folders go only while they are empty, so an upload that has just begun in one keeps it. */
  private async removeIfEmpty(name: string): Promise<void> {
    await rmdir(path.join(this.folder(name), META)).catch(() => {});
    await rmdir(this.folder(name)).catch(() => {});
  }

  /** Remove what a killed process left: unfinished uploads that have not moved for long, half-deleted checkpoints. */
  private async sweep(): Promise<void> {
    const folders = await readdir(this.root);
    for (const folder of folders) {
      if (folder.startsWith(DELETED_PREFIX)) await rm(path.join(this.root, folder), { recursive: true, force: true });
      const meta = path.join(this.root, folder, META);
      for (const file of await readdir(meta).catch(() => [])) {
        if (!file.startsWith(UPLOAD_PREFIX)) continue;
        const info = await stat(path.join(meta, file)).catch(() => undefined);
        if (info && Date.now() - info.mtimeMs > ABANDONED_UPLOAD_MS) await rm(path.join(meta, file), { force: true });
      }
    }
  }
}

const conflictIfMissing = (error: unknown, name: string) =>
  isMissing(error) || (error instanceof WeightfoldError && error.code === 'file_missing')
    ? new ConflictError('checkpoint_deleted', `Checkpoint "${name}" was deleted during the upload.`)
    : error;

/** Identity of a file's content: a rename keeps it, another file or a later write has another one. */
const stampOf = ({ ino, mtimeNs, size }: BigIntStats) => `${ino}-${mtimeNs}-${size}`;

const notFound = (name: string) => new NotFoundError('checkpoint_not_found', `There is no checkpoint "${name}".`);
