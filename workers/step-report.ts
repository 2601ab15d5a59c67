import { readFile } from 'node:fs/promises';

/** What a step cost the process that ran it; its result, as far as the queue is concerned. */
export interface StepReport {
  /** Through system calls, from the page cache too; null where the system does not count them. */
  read_bytes: number | null;
  written_bytes: number | null;
  peak_memory_bytes: number;
}

/** Bytes this process has read and written so far (Linux). */
async function transferred(): Promise<{ read: number; written: number } | undefined> {
  const text = await readFile('/proc/self/io', 'utf8').catch(() => undefined);
  const count = (field: string) => Number(new RegExp(`^${field}: (\\d+)$`, 'm').exec(text ?? '')?.[1]);
  return text === undefined ? undefined : { read: count('rchar'), written: count('wchar') };
}

/** Count from now on; ask at the end of the step. A compute process runs one step at a time. */
export async function countStep(): Promise<() => Promise<StepReport>> {
  const before = await transferred();
  return async () => {
    const after = before && (await transferred());
    return {
      read_bytes: before && after ? after.read - before.read : null,
      written_bytes: before && after ? after.written - before.written : null,
      peak_memory_bytes: process.resourceUsage().maxRSS * 1024,
    };
  };
}
