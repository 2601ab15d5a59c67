import { statfs } from 'node:fs/promises';
import { WeightfoldError } from '../errors.js';

/** Seconds after which a client may try again; space comes back when somebody frees it. */
const RETRY_AFTER_SECONDS = 60;

export const storageFull = (message: string, cause?: unknown) =>
  new WeightfoldError(message, {
    code: 'storage_full',
    status: 507,
    retryable: true,
    retryAfter: RETRY_AFTER_SECONDS,
    cause,
  });

/**
 * Refuse work that would leave a file system with less than `headroom` bytes free.
 * @throws WeightfoldError `storage_full`
 */
export async function requireSpace(folder: string, bytes: number, headroom: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free - bytes >= headroom) return;
  throw storageFull(
    `The store has ${free} bytes free; ${bytes} are needed, and ${headroom} must stay free (MIN_FREE_BYTES).`,
  );
}

/** Asked by every submission; a burst of them shares an answer. */
const FRESH_MS = 100;
const known = new Map<string, { at: number; free: Promise<number> }>();

function freeBytes(folder: string): Promise<number> {
  const before = known.get(folder);
  if (before && performance.now() - before.at < FRESH_MS) return before.free;
  const free = statfs(folder).then(({ bavail, bsize }) => bavail * bsize);
  known.set(folder, { at: performance.now(), free });
  free.catch(() => known.delete(folder));
  return free;
}

export const isStorageFull = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
};
