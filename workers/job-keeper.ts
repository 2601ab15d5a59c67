import type { JobStore } from '../src/jobs/job-store.js';
import type { Logger } from '../src/log.js';
import { ended } from './outcomes.js';

/** Keeps a job's record true when its compute process could not: it died, or its attempt will be repeated. */
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
    if (last) {
      const crashed = /Unexpected exit code|stalled/.test(error.message);
      const message = crashed
        ? `The compute process died (${error.message}); out of memory is the usual cause.`
        : error.message;
      await this.store.finish(
        id,
        ended('failed', { code: crashed ? 'worker_crashed' : 'internal_error', message, errors: [] }),
      );
    } else await this.takenOver(id);
  }

  /** The job waits for another attempt. */
  async takenOver(id: string): Promise<void> {
    const state = await this.store.state(id);
    if (state && !(await this.store.outcome(id))) await this.store.writeState(id, { ...state, status: 'queued' });
  }
}
