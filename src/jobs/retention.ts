import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from '../store/files.js';
import { layout } from '../store/layout.js';
import { releaseKey } from './idempotency.js';
import type { JobIndex } from './job-index.js';
import type { JobStore } from './job-store.js';

const HOUR_MS = 3600_000;
/** Leftovers of writers that died: nothing that lives takes this long between a temporary name and the final one. */
const STALE_MS = 24 * HOUR_MS;

/** Jobs whose files somebody is downloading just now, with how many. */
export class Downloads {
  private readonly open = new Map<string, number>();

  begin(job: string): void {
    this.open.set(job, (this.open.get(job) ?? 0) + 1);
  }

  end(job: string): void {
    const left = (this.open.get(job) ?? 1) - 1;
    if (left > 0) this.open.set(job, left);
    else this.open.delete(job);
  }

  has(job: string): boolean {
    return this.open.has(job);
  }
}

/**
 * Remove jobs that ended more than `hours` ago, with their artifacts. Jobs that have not ended, or that are being
 * downloaded or whose webhook has still to be told, stay.
 * @returns how many were removed, and why each of those was not that could not be
 */
export async function removeExpired(
  store: JobStore,
  index: JobIndex,
  downloads: Downloads,
  hours: number,
  dataDir: string,
  now = Date.now(),
): Promise<{ removed: number; failures: { job: string; error: unknown }[] }> {
  let removed = 0;
  const failures: { job: string; error: unknown }[] = [];
  for (const id of await index.ids()) {
    const finished = index.get(id)?.finished_at;
    if (!finished || now - Date.parse(finished) < hours * HOUR_MS || downloads.has(id)) continue;
    if (await store.deliveries.isExpected(id)) continue;
    try {
      if (await deleteJob(store, index, id, dataDir)) removed++;
    } catch (error) {
      failures.push({ job: id, error });
    }
  }
  return { removed, failures };
}

/** Remove a job that has ended; false where somebody else has. @throws WeightfoldError `store_unavailable` */
export async function deleteJob(store: JobStore, index: JobIndex, id: string, dataDir: string): Promise<boolean> {
  const claim = (await store.head(id).catch(() => undefined))?.claim;
  const deleted = await store.delete(id).then(
    () => true,
    (error) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
  index.forget(id);
  if (deleted && claim) await releaseKey(dataDir, claim);
  return deleted;
}

/** Remove what writers that died left behind: jobs never completed under their name, and half-deleted ones. */
export async function removeLeftovers(dataDir: string, now = Date.now()): Promise<void> {
  const { jobs, trash } = layout(dataDir);
  const staged = (await readdir(jobs)).filter((name) => name.endsWith('.tmp')).map((name) => path.join(jobs, name));
  const deleted = (await readdir(trash)).map((name) => path.join(trash, name));
  for (const leftover of [...staged, ...deleted]) {
    const info = await stat(leftover).catch(() => undefined);
    if (info && now - info.mtimeMs > STALE_MS) await rm(leftover, { recursive: true, force: true });
  }
}
