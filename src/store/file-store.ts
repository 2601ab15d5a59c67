import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import type { WrittenFile } from '../safetensors/writer.js';
import { exists, isMissing, sizeOf, syncFolder } from './files.js';
import { checkKey, type ObjectStore, objectMissing, storeUnavailable } from './object-store.js';

/** Names of files that are being written; keys cannot look like this, since they hold no "~". */
const UNFINISHED = '~';

/** Files below one folder. */
export class FileStore implements ObjectStore {
  readonly url: string;
  private readonly root: string;

  constructor(root: string) {
    this.root = root;
    this.url = pathToFileURL(root).href;
  }

  async put(key: string, body: Readable): Promise<WrittenFile> {
    const target = this.path(key);
    await this.requireRoot();
    await mkdir(path.dirname(target), { recursive: true });
    const temporary = `${target}${UNFINISHED}${randomBytes(6).toString('hex')}`;
    const handle = await open(temporary, 'wx');
    const output = handle.createWriteStream({ flush: true });
    const hash = createHash('sha256');
    try {
      await pipeline(body, observe(hash), output);
      await rename(temporary, target);
    } catch (error) {
      if (!output.closed) await once(output.destroy(), 'close');
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(path.dirname(target));
    return { size: output.bytesWritten, sha256: hash.digest('hex') };
  }

  async get(key: string, range?: { start: number; end: number }): Promise<Readable> {
    const handle = await open(this.path(key), 'r').catch(async (error) => {
      if (!isMissing(error)) throw error;
      await this.requireRoot();
      throw objectMissing(key);
    });
    return handle.createReadStream({ ...range, highWaterMark: 1024 * 1024 });
  }

  async size(key: string): Promise<number | undefined> {
    const size = await sizeOf(this.path(key));
    if (size === undefined) await this.requireRoot();
    return size;
  }

  async *list(folder: string): AsyncIterable<string> {
    const entries = await readdir(this.path(folder), { recursive: true, withFileTypes: true }).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    for (const entry of entries)
      if (entry.isFile() && !entry.name.includes(UNFINISHED))
        yield path.relative(this.root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/');
  }

  async delete(folder: string): Promise<void> {
    await this.requireRoot();
    await rm(this.path(folder), { recursive: true, force: true });
  }

  /** A folder that has vanished (an unmounted disk) must not look like an empty one, nor be made again elsewhere. */
  private async requireRoot(): Promise<void> {
    if (!(await exists(this.root))) throw storeUnavailable('its folder is missing');
  }

  private path(key: string): string {
    return path.join(this.root, checkKey(key));
  }
}

/** Pass a stream on, hashed on the way. */
export function observe(hash: { update: (bytes: Uint8Array) => unknown }, seen: (bytes: number) => void = () => {}) {
  return async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      hash.update(chunk);
      seen(chunk.length);
      yield chunk;
    }
  };
}
