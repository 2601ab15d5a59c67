import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { JobStore } from '../src/jobs/job-store.js';

const folderOf = (root: string) => path.join(root, 'steps');

/** Folder on this machine's own disk for what the steps of a job write. @param root SCRATCH_DIR */
export const scratchOf = (root: string, job: string): string => path.join(folderOf(root), job);

/** Remove what this machine has of jobs that have ended, wherever they ended. @param root SCRATCH_DIR */
export async function sweepScratch(root: string, store: JobStore): Promise<void> {
  for (const job of await readdir(folderOf(root)).catch(() => []))
    if (!(await store.record(job)) || (await store.outcome(job)))
      await rm(scratchOf(root, job), { recursive: true, force: true });
}
