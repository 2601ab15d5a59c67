import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DataError, NotFoundError, WeightfoldError } from '../errors.js';
import { SafetensorsFile } from '../safetensors/file.js';
import type { Checkpoint, CheckpointFile } from '../schemas/checkpoint.js';
import { ensureFolder, isMissing, readJson, syncFolder, writeAtomic } from '../store/files.js';
import { layout } from '../store/layout.js';
import { refusePickle } from './locate-source.js';
import { INDEX_FILE, shardsOf } from './reader.js';

/** Folder inside a checkpoint for sizes, hashes and unfinished uploads; file names cannot start with a dot. */
const META = '.weightfold';
/** JSON files (config, tokenizer, index) are read whole, so they are capped. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

export interface UploadOptions {
  /** Size the client announced, if it did. */
  contentLength?: number;
  /** SHA-256 the client announced (Content-Digest), raw. */
  sha256?: Uint8Array;
  maxBytes: number;
  maxHeaderBytes: number;
}

/** Uploaded checkpoints: one folder each, files appear in it whole and checked or not at all. */
export class CheckpointStore {
  private readonly root: string;

  constructor(dataDir: string) {
    this.root = layout(dataDir).checkpoints;
  }

  async openStore(): Promise<void> {
    await ensureFolder(this.root);
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
    const folder = this.folder(name);
    const meta = await ensureFolder(path.join(folder, META));
    const temporary = path.join(meta, `upload-${randomBytes(9).toString('base64url')}`);
    try {
      const { size, sha256 } = await receive(body, temporary, options);
      await checkContent(file, temporary, options);
      const entry: CheckpointFile = { file, size, sha256, created_at: new Date().toISOString() };
      await rename(temporary, path.join(folder, file));
      await writeAtomic(path.join(meta, `${file}.json`), JSON.stringify(entry));
      await syncFolder(folder);
      return entry;
    } catch (error) {
      await rm(temporary, { force: true });
      await this.removeIfEmpty(name);
      throw error;
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
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const files = await Promise.all(
      names.map(async (file) => {
        const entry = await readJson<CheckpointFile>(path.join(folder, META, `${file}.json`));
        if (entry) return entry;
        return (await stat(path.join(folder, file))).isFile() ? describe(path.join(folder, file)) : undefined;
      }),
    );
    return files.filter((entry) => entry !== undefined);
  }

  /** Files, tensors and family of a checkpoint. @throws NotFoundError */
  async get(name: string): Promise<Checkpoint> {
    const files = await this.files(name);
    if (!files || files.length === 0) throw notFound(name);
    const folder = this.folder(name);
    const tensors: Checkpoint['tensors'] = [];
    for (const { file } of files.filter((entry) => entry.file.endsWith('.safetensors'))) {
      const opened = await SafetensorsFile.open(path.join(folder, file));
      for (const { name, dtype, shape } of opened.header.tensors.values()) tensors.push({ name, dtype, shape, file });
      await opened.close();
    }
    return {
      name,
      object: 'checkpoint',
      size: files.reduce((sum, { size }) => sum + size, 0),
      created_at: files.map((entry) => entry.created_at).sort()[0],
      files,
      missing_files: await this.missingShards(folder, files),
      family: await familyOf(folder),
      tensors,
    };
  }

  /** @throws NotFoundError */
  async delete(name: string): Promise<void> {
    const grave = path.join(this.root, `.deleted-${name}-${randomBytes(6).toString('hex')}`);
    try {
      await rename(this.folder(name), grave);
    } catch (error) {
      if (isMissing(error)) throw notFound(name);
      throw error;
    }
    await rm(grave, { recursive: true, force: true });
  }

  private async missingShards(folder: string, files: CheckpointFile[]): Promise<string[]> {
    if (!files.some(({ file }) => file === INDEX_FILE)) return [];
    const shards = shardsOf(await readFile(path.join(folder, INDEX_FILE), 'utf8'));
    return shards.filter((shard) => !files.some(({ file }) => file === shard));
  }

  private async removeIfEmpty(name: string): Promise<void> {
    const files = await this.files(name).catch(() => undefined);
    const pending = await readdir(path.join(this.folder(name), META)).catch(() => ['?']);
    if (files?.length === 0 && pending.length === 0) await rm(this.folder(name), { recursive: true, force: true });
  }
}

const notFound = (name: string) => new NotFoundError('checkpoint_not_found', `There is no checkpoint "${name}".`);

async function receive(
  body: Readable,
  target: string,
  options: UploadOptions,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  const tooLarge = () =>
    new WeightfoldError(`The file is larger than ${options.maxBytes} bytes (MAX_UPLOAD_BYTES).`, {
      code: 'upload_too_large',
      status: 413,
    });
  if ((options.contentLength ?? 0) > options.maxBytes) throw tooLarge();
  const output = createWriteStream(target, { flags: 'wx' });
  try {
    await pipeline(
      body,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          size += chunk.length;
          if (size > options.maxBytes) throw tooLarge();
          hash.update(chunk);
          yield chunk;
        }
      },
      output,
    );
  } catch (error) {
    if (!output.closed) await once(output.destroy(), 'close');
    if (error instanceof WeightfoldError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC')
      throw new WeightfoldError('The store is full.', {
        code: 'storage_full',
        status: 507,
        retryable: true,
        cause: error,
      });
    if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') throw truncated(size, options.contentLength);
    throw error;
  }
  if (options.contentLength !== undefined && size !== options.contentLength)
    throw truncated(size, options.contentLength);
  const digest = hash.digest();
  if (options.sha256 && !digest.equals(options.sha256))
    throw new WeightfoldError(
      `Content-Digest does not match: announced sha-256 ${Buffer.from(options.sha256).toString('hex')}, received ${digest.toString('hex')}. Nothing was stored.`,
      { code: 'digest_mismatch', status: 400 },
    );
  const handle = await open(target, 'r+');
  await handle.sync();
  await handle.close();
  return { size, sha256: digest.toString('hex') };
}

const truncated = (size: number, expected: number | undefined) =>
  new WeightfoldError(
    `The upload ended after ${size} bytes${expected === undefined ? '' : ` of ${expected}`}. Nothing was stored.`,
    {
      code: 'upload_truncated',
      status: 400,
      retryable: true,
    },
  );

async function checkContent(file: string, location: string, options: UploadOptions): Promise<void> {
  if (file.endsWith('.safetensors')) {
    const opened = await SafetensorsFile.open(location, options.maxHeaderBytes);
    await opened.close();
  } else if (file.endsWith('.json')) {
    const { size } = await stat(location);
    if (size > MAX_JSON_BYTES)
      throw new DataError('json_too_large', `"${file}" has ${size} bytes; JSON files may have ${MAX_JSON_BYTES}.`);
    const text = await readFile(location, 'utf8');
    if (file === INDEX_FILE) shardsOf(text);
    else
      try {
        JSON.parse(text);
      } catch (error) {
        throw new DataError('json_invalid', `"${file}" is not JSON: ${(error as Error).message}`);
      }
  }
}

/** A file that was put into the folder by hand: hashed when asked for. */
async function describe(location: string): Promise<CheckpointFile> {
  const hash = createHash('sha256');
  const handle = await open(location, 'r');
  for await (const chunk of handle.createReadStream()) hash.update(chunk as Buffer);
  const info = await stat(location);
  return {
    file: path.basename(location),
    size: info.size,
    sha256: hash.digest('hex'),
    created_at: info.mtime.toISOString(),
  };
}

async function familyOf(folder: string): Promise<string | null> {
  const config = await readJson<{ model_type?: unknown }>(path.join(folder, 'config.json')).catch(() => undefined);
  return typeof config?.model_type === 'string' ? config.model_type.slice(0, 64) : null;
}
