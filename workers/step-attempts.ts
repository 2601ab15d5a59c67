import { type Processor, UnrecoverableError } from 'bullmq';
import type { WeightfoldError } from '../src/errors.js';
import type { JobStore } from '../src/jobs/job-store.js';
import type { QueuedStep } from '../src/queue/step-jobs.js';
import type { ComputePool } from './compute-pool.js';
import { ended, isFinal, LOST_REASON, outcomeOf, stopped, TIMEOUT_REASON } from './outcomes.js';
import type { StepReport } from './step-report.js';

/** Runs steps of the queue in compute processes, within their time. A job that ends without success ends here, once. */
export class StepAttempts {
  private readonly store: JobStore;
  private readonly pool: ComputePool;

  constructor(store: JobStore, pool: ComputePool) {
    this.store = store;
    this.pool = pool;
  }

  /** One attempt at one step. The job's end is written first; the queue is told afterwards. */
  readonly process: Processor<QueuedStep, StepReport | null> = async (job, _token, signal) => {
    const { id, step } = job.data;
    const record = await this.store.record(id);
    if (!record || (await this.store.outcome(id))) return null;
    if (await this.store.cancelRequested(id)) {
      await this.store.finish(id, ended('cancelled'));
      return null;
    }
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(TIMEOUT_REASON), record.spec.timeout_seconds * 1000);
    const stop = AbortSignal.any(signal ? [signal, timeout.signal] : [timeout.signal]);
    try {
      return await this.pool.run({ id, step }, stop);
    } catch (error) {
      const cause = stop.aborted ? stopped(stop.reason, record) : error;
      if (isFinal(cause)) {
        await this.store.finish(id, outcomeOf(cause));
        const { message, code, retryable } = cause as WeightfoldError;
        throw Object.assign(new UnrecoverableError(message), { code, retryable });
      }
      // Another step has ended the job, and this one's files went with it: nothing is left to fail.
      if (await this.store.outcome(id)) return null;
      if (stop.reason !== LOST_REASON)
        await job.updateData({ ...job.data, failure: outcomeOf(cause).error ?? undefined });
      throw cause;
    } finally {
      clearTimeout(timer);
    }
  };
}
