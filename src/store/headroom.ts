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
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free - bytes >= headroom) return;
  throw storageFull(
    `The store has ${free} bytes free; ${bytes} are needed, and ${headroom} must stay free (MIN_FREE_BYTES).`,
  );
}

export const isStorageFull = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
};
