import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { patiently } from '../../src/patience.js';
import type { WrittenFile } from '../../src/safetensors/writer.js';
import { observe } from '../../src/store/file-store.js';
import { ensureFolder, sha256Of } from '../../src/store/files.js';
import { isStorageFull } from '../../src/store/headroom.js';
import { type ObjectStore, storeUnavailable } from '../../src/store/object-store.js';
import { putFile, STORE_ATTEMPTS } from '../../src/store/put-file.js';

/** Where workers without a common disk hand each other files: a store, and the key below which those of one job lie. */
export interface SharedFiles {
  store: ObjectStore;
  key: string;
}

/**
 * What the steps of one job write, in a folder: of every worker, or of this machine alone; then each file goes through a
 * store as well, and one that another machine wrote is fetched when a step needs it.
 */
export class StepFiles {
  private readonly folder: string;
  private readonly shared: SharedFiles | undefined;

  private constructor(folder: string, shared?: SharedFiles) {
    this.folder = folder;
    this.shared = shared;
  }

  static async open(folder: string, shared?: SharedFiles): Promise<StepFiles> {
    return new StepFiles(await ensureFolder(folder), shared);
  }

  /** @param name as the step calls it; the attempt is part of the name on disk */
  path(step: string, attempt: number, name: string): string {
    return path.join(this.folder, `${step}.${attempt}.${name}`);
  }

  /** Let other machines have what an attempt wrote. @throws WeightfoldError `store_unavailable` */
  async share(step: string, attempt: number, files: Record<string, WrittenFile>): Promise<void> {
    if (!this.shared) return;
    for (const [name, written] of Object.entries(files))
      await putFile(this.shared.store, this.key(step, attempt, name), this.path(step, attempt, name), written);
  }

  /** Take back what an attempt shared that may not finish. What is left goes with the job. */
  async withdraw(step: string, attempt: number): Promise<void> {
    await this.shared?.store.delete(this.key(step, attempt)).catch(() => {});
  }

  /**
   * Have the files of a finished step here, of the size and hash stated.
   * @returns false where one is damaged or gone, in the store too
   * @throws WeightfoldError `store_unavailable`
   */
  async provide(step: string, attempt: number, files: Record<string, WrittenFile>): Promise<boolean> {
    for (const [name, written] of Object.entries(files)) {
      const file = this.path(step, attempt, name);
      if (await isSound(file, written)) continue;
      if (!this.shared) return false;
      const { store } = this.shared;
      const fetch = () => fetchFile(store, this.key(step, attempt, name), file, written);
      if (!(await patiently({ attempts: STORE_ATTEMPTS }, 'store_unavailable', fetch))) return false;
    }
    return true;
  }

  private key(step: string, attempt: number, ...name: string[]): string {
    return [this.shared?.key, `${step}.${attempt}`, ...name].join('/');
  }
}

/** @returns false where the store has no such file, or other bytes */
async function fetchFile(store: ObjectStore, key: string, file: string, written: WrittenFile): Promise<boolean> {
  if ((await store.size(key)) !== written.size) return false;
  await ensureFolder(path.dirname(file));
  // Of several processes that fetch the same file each moves its own into place.
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const hash = createHash('sha256');
    await pipeline(await store.get(key), observe(hash), createWriteStream(temporary)).catch((error) => {
      throw isStorageFull(error) ? error : storeUnavailable(`${key} was cut off: ${(error as Error).message}`);
    });
    if (hash.digest('hex') !== written.sha256) return false;
    await rename(temporary, file);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function isSound(file: string, { size, sha256 }: WrittenFile): Promise<boolean> {
  const info = await stat(file).catch(() => undefined);
  return info?.size === size && (await sha256Of(file)) === sha256;
}
