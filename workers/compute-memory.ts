import { readdir, readFile } from 'node:fs/promises';

const field = (status: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);

/** Resident memory of this process's children, bytes; undefined where /proc does not tell (not Linux). */
export async function computeMemory(): Promise<number | undefined> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) return undefined;
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      return field(status, 'PPid') === process.pid ? field(status, 'VmRSS') * 1024 : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
