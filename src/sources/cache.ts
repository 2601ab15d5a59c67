import { createHash } from 'node:crypto';
import { link, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import type { Patience } from '../patience.js';
import { ensureFolder, isMissing, sizeOf, writeAtomic } from '../store/files.js';
import { layout } from '../store/layout.js';
import { readCache } from '../store/read-json.js';
import { fetchFile } from './fetch-file.js';
import type { Origin, RemoteFile } from './origin.js';

/** A fetch whose process has died is taken over after this long; a live one says so every fifth of it. */
const LOCK_STALE_MS = 15_000;

/**
 * Fetched files under DATA_DIR, by their SHA-256, for every job that reads the same bytes. A job has hard links of its
 * own to what it uses, so nothing is taken from under it: what has another link is never evicted.
 */
export class SourceCache {
  private readonly root: string;
  private readonly maxBytes: number;

  constructor(dataDir: string, maxBytes: number) {
    this.root = layout(dataDir).sources;
    this.maxBytes = maxBytes;
  }

  /** Folder that holds one job's files of one source. */
  folder(job: string, source: number): string {
    return path.join(this.root, 'jobs', job, String(source));
  }

  /**
   * Have a file at `target`, fetching it where no job has before. Of several processes that want it one fetches.
   * @param identity what the file is known by as long as its hash is not
   * @returns its SHA-256
   */
  async provide(
    origin: Origin,
    file: RemoteFile,
    identity: string,
    target: string,
    patience: Patience,
  ): Promise<string> {
    // A file without validator or hash may be another one each time: it is known by the place that asked for it.
    const reusable = file.validator !== null || file.sha256 !== null;
    const known = [reusable ? identity : target, file.name, file.size, file.validator].join('\n');
    const key = createHash('sha256').update(known).digest('hex');
    const [blobs, refs] = await Promise.all(['blobs', 'refs'].map((name) => ensureFolder(path.join(this.root, name))));
    await ensureFolder(path.dirname(target));
    const ref = path.join(refs, key);
    const use = async (): Promise<string | undefined> => {
      const sha256 = file.sha256 ?? (await readCache<{ sha256: string }>(ref))?.sha256;
      if (sha256 === undefined) return undefined;
      const taken =
        (await sizeOf(target)) === file.size || (await this.take(path.join(blobs, sha256), target, file.size));
      return taken ? sha256 : undefined;
    };
    const there = await use();
    if (there !== undefined) return there;
    const release = await lockfile.lock(ref, {
      realpath: false,
      stale: LOCK_STALE_MS,
      retries: { forever: true, minTimeout: 100, maxTimeout: 1000 },
    });
    try {
      patience.signal?.throwIfAborted();
      const meanwhile = await use();
      if (meanwhile !== undefined) return meanwhile;
      await this.evict(file.size);
      const fetched = path.join(blobs, `${key}.fetched`);
      const sha256 = await fetchFile(origin, file, fetched, patience);
      await rename(fetched, path.join(blobs, sha256));
      await writeAtomic(ref, JSON.stringify({ sha256 }));
      await this.take(path.join(blobs, sha256), target, file.size);
      return sha256;
    } finally {
      await release().catch(() => {});
    }
  }

  /** Give up what a job used. */
  async release(job: string): Promise<void> {
    await rm(path.join(this.root, 'jobs', job), { recursive: true, force: true });
  }

  /** Jobs that have files here. */
  async users(): Promise<string[]> {
    return readdir(path.join(this.root, 'jobs')).catch(() => []);
  }

  /**
   * Remove what was not used for longest until the cache, with `coming` more bytes, is within its bound; files in use
   * stay, whatever the bound.
   */
  async evict(coming = 0): Promise<void> {
    const folder = path.join(this.root, 'blobs');
    const names = (await readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]{64}$/.test(name));
    const found = await Promise.all(
      names.map(async (name) => ({ name, info: await stat(path.join(folder, name)).catch(() => undefined) })),
    );
    const blobs = found.flatMap(({ name, info }) => (info ? [{ name, info }] : []));
    let total = coming + blobs.reduce((sum, { info }) => sum + info.size, 0);
    for (const { name, info } of blobs.sort((a, b) => a.info.mtimeMs - b.info.mtimeMs)) {
      if (total <= this.maxBytes) return;
      if (info.nlink > 1) continue;
      await rm(path.join(folder, name), { force: true });
      total -= info.size;
    }
  }

  /** Link a file from the cache; false where it is not there. */
  private async take(blob: string, target: string, size: number): Promise<boolean> {
    try {
      if ((await sizeOf(blob)) !== size) return false;
      await utimes(blob, new Date(), new Date());
      await link(blob, target);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return true;
      if (isMissing(error)) return false;
      throw error;
    }
  }
}
