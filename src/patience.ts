import { setTimeout as sleep } from 'node:timers/promises';
import { WeightfoldError } from './errors.js';

/** Waits between attempts double from the first; a server's Retry-After is obeyed up to the last. */
const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 30_000;

export interface Patience {
  /** Attempts in a row that may bring nothing. */
  attempts: number;
  signal?: AbortSignal;
}

/** Repeat what fails with this code. @throws the last error, or the first of another kind */
export async function patiently<T>({ attempts, signal }: Patience, code: string, act: () => Promise<T>): Promise<T> {
  for (let failed = 0; ; ) {
    try {
      return await act();
    } catch (error) {
      signal?.throwIfAborted();
      failed++;
      if (!(error instanceof WeightfoldError) || error.code !== code || failed >= attempts) throw error;
      await pause(failed, error.retryAfter, signal);
    }
  }
}

/** @param failed attempts that have, 1 at least; @param retryAfter seconds a server asks for */
export async function pause(failed: number, retryAfter = 0, signal?: AbortSignal): Promise<void> {
  const doubled = FIRST_WAIT_MS * 2 ** (failed - 1) * (0.5 + Math.random());
  await sleep(Math.min(LAST_WAIT_MS, Math.max(doubled, retryAfter * 1000)), undefined, { signal });
}
