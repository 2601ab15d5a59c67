import type { Job } from 'bullmq';
import type { Logger } from '../src/log.js';
import type { QueuedStep } from '../src/queue/step-jobs.js';
import type { JobKeeper } from './job-keeper.js';

/** Put steps that a worker cannot finish back into the queue, where another takes them at once. */
export async function handBack(steps: readonly Job<QueuedStep>[], keeper: JobKeeper, log: Logger): Promise<void> {
  for (const step of steps) {
    const names = { job: step.data.id, step: step.data.step };
    try {
      await step.moveToWait(step.token as string);
      log.info(names, 'handed a step back');
      await keeper.takenOver(step.data.id, 'The worker stops; another goes on.');
    } catch (error) {
      // It may have ended meanwhile, or be another worker's by now: the others still go back.
      log.warn({ ...names, err: error }, 'a step could not be handed back');
    }
  }
}
