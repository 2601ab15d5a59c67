import type { Job, Queue } from 'bullmq';
import type { JobHead } from '../jobs/record.js';
import { type QueuedStep, stepJobId } from './step-jobs.js';

/** The step for which the queue gave a merge up, as its last attempt left it; undefined where none is known any more. */
export async function failedStep(
  queue: Queue<QueuedStep>,
  { id, steps }: Pick<JobHead, 'id' | 'steps'>,
): Promise<Job<QueuedStep> | undefined> {
  for (const { id: step } of steps) {
    const job = await queue.getJob(stepJobId(id, step));
    // Steps that succeeded are gone from the queue.
    if (job?.finishedOn !== undefined) return job;
  }
  return undefined;
}
