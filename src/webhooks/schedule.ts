/** Seconds between attempts: the schedule that Standard Webhooks suggests ("Deliverability and reliability"). */
export const RETRY_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/** Delays are longer by up to this share, so that receivers that come back are not met by all at once. */
const JITTER = 0.2;
/** A receiver may ask for more time, not for ever. */
const MOST_RETRY_AFTER_SECONDS = 86_400;

/**
 * Milliseconds until the attempt after the `failed`-th one that failed; undefined where there is none.
 * @param retryAfter seconds the receiver asked for
 */
export function retryDelay(failed: number, schedule: readonly number[], retryAfter = 0): number | undefined {
  const seconds = schedule[failed - 1];
  if (seconds === undefined) return undefined;
  const asked = Math.min(retryAfter, MOST_RETRY_AFTER_SECONDS);
  return Math.round(Math.max(seconds, asked) * (1 + JITTER * Math.random()) * 1000);
}
