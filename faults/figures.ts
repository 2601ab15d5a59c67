/** What one part of the suite found: rows of the table, and whether every one holds. */
export interface Row {
  what: string;
  /** Counts and times, as measured. */
  seen: string;
  /** What must hold; empty where there is nothing to hold. */
  bound: string;
  ok: boolean;
}

/** A part that cannot run here says why. */
export class Skipped extends Error {}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
export const most = (values: readonly number[]) => Math.max(0, ...values);

/** Value below which a share `p` of the values lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0;
}

/** Work through `items` with so many at a time. */
export async function inParallel<T>(items: readonly T[], at: number, work: (item: T) => Promise<unknown>) {
  const left = items.values(); // shared: each item goes to whoever asks next
  const next = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: at }, next));
}
