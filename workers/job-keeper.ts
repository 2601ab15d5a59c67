import type { WeightfoldError } from '../src/errors.js';
import { retrying } from '../src/jobs/events.js';
import type { JobStore } from '../src/jobs/job-store.js';
import type { JobState } from '../src/jobs/record.js';
import type { Logger } from '../src/log.js';
import type { JobError } from '../src/schemas/job.js';
import { ended } from './outcomes.js';

/** Keeps a job's record true when an attempt failed: it will be repeated, or was the last. */
export class JobKeeper {
  private readonly store: JobStore;
  private readonly log: Logger;

  constructor(store: JobStore, log: Logger) {
    this.store = store;
    this.log = log;
  }

  /** @param last whether the queue gave the job up */
  async attemptFailed(id: string, error: Error, last: boolean): Promise<void> {
    if (await this.store.outcome(id)) return;
    if (await this.store.cancelRequested(id)) {
      await this.store.finish(id, ended('cancelled'));
      return;
    }
    this.log.warn({ job: id, reason: error.message, last }, 'attempt failed');
    if (last) await this.store.finish(id, ended('failed', failureOf(error)));
    else await this.takenOver(id, 'An attempt at a step failed; it is repeated.', failureOf(error));
  }

  /** Code of a failed attempt. One that was stopped because its job has ended has that job's. */
  async codeOf(id: string, error: Error): Promise<string> {
    const outcome = await this.store.outcome(id).catch(() => undefined);
    if (outcome?.status === 'cancelled') return outcome.status;
    return outcome?.error?.code ?? failureOf(error).code;
  }

  /**
   * The queue gave a merge up because of one of its steps. The worker of that step says why, unless it died.
   * @param cause asks the queue
   */
  async mergeFailed(id: string, error: Error, cause: (id: string) => Promise<Error | undefined>): Promise<void> {
    if (await this.store.outcome(id)) return;
    await this.attemptFailed(id, (await cause(id)) ?? error, true);
  }

  /** The job waits for another attempt. @param reason for people who follow it */
  async takenOver(id: string, reason: string, error?: JobError): Promise<void> {
    const before = await this.store.state(id);
    if (!before || (await this.store.outcome(id))) return;
    const state: JobState = { ...before, status: 'queued' };
    await this.store.writeState(id, state);
    await this.store.eventLog.append(id, retrying(state, reason, error));
  }
}

/** What the queue's last word on a step means for its job. */
export function failureOf(error: Error): JobError {
  // An error of ours keeps its properties on its way through the queue's library.
  const { message, code, retryable } = error as Partial<WeightfoldError> & Error;
  if (typeof code === 'string' && typeof retryable === 'boolean') return { code, message, errors: [] };
  if (/stalled/.test(message))
    return {
      code: 'worker_crashed',
      message: `The workers that took the step up died (${message}); out of memory is the usual cause.`,
      errors: [],
    };
  return { code: 'internal_error', message, errors: [] };
}
