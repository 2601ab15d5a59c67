import type { MergeRun } from './attempt.js';
import { MergeSession } from './merge-session.js';

/** Run a whole merge in this process, without a queue: every step that has not finished yet, in order. */
export async function runMerge(run: MergeRun): Promise<void> {
  const session = await MergeSession.open(run);
  try {
    for (const { id } of run.record.plan.steps) await session.step(id, run);
  } finally {
    await session.close();
  }
}
