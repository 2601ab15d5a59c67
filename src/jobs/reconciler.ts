import { WeightfoldError } from '../errors.js';
import type { Logger } from '../log.js';
import type { MergeQueue } from '../queue/merge-queue.js';
import { isTerminal, type JobError } from '../schemas/job.js';
import type { JobIndex } from './job-index.js';
import type { JobStore } from './job-store.js';

const WORKER_LOST: JobError = {
  code: 'worker_lost',
  message: 'The workers that ran this job died, and no attempt is left.',
  errors: [],
};
/** Of the jobs that wait, one in so many is read from the store again each time the queue is compared with it. */
const REFRESH_EVERY = 20;

/** What is done about jobs that the queue and the store do not agree on. */
export interface Remedies {
  cancel: (id: string) => Promise<unknown>;
  fail: (id: string, error: JobError) => Promise<void>;
}

/** Keeps the queue in line with the store, which is the truth. */
export class Reconciler {
  private readonly store: JobStore;
  private readonly index: JobIndex;
  private readonly queue: MergeQueue;
  private readonly log: Logger;
  private readonly remedies: Remedies;
  private turn = 0;

  constructor(store: JobStore, index: JobIndex, queue: MergeQueue, log: Logger, remedies: Remedies) {
    this.store = store;
    this.index = index;
    this.queue = queue;
    this.log = log;
    this.remedies = remedies;
  }

  /**
   * Look at the jobs that have not ended: those on disk that the queue does not know are enqueued (a crash between
   * the two, a flushed Redis); jobs it gave up without an outcome on disk are ended.
   */
  async run(): Promise<void> {
    await this.index.ids();
    const unfinished = [...this.index.unfinished];
    if (unfinished.length === 0) return;
    const known = await this.queue.known();
    for (const [i, id] of unfinished.entries()) {
      const seen = this.index.get(id);
      // Messages of workers may be lost, so all are looked at again in turns; those that run, every time.
      const due = seen?.status === 'running' || seen?.cancel_requested || (i + this.turn) % REFRESH_EVERY === 0;
      if (known.has(id) && !due) continue;
      await this.repair(id, known.has(id)).catch((error) => {
        // What is wrong with one job must not keep others from being queued.
        if (error instanceof WeightfoldError && error.code === 'queue_unavailable') throw error;
        this.log.warn({ err: error, job: id }, 'job not brought in line with the queue');
      });
    }
    this.turn++;
  }

  /** Look at a job again: end it where that was asked for, put it back where the queue does not know it. */
  private async repair(id: string, known: boolean): Promise<void> {
    const job = await this.index.look(id);
    if (!job || isTerminal(job.status)) return;
    if (job.cancel_requested) await this.remedies.cancel(id);
    else if (!known) await this.restore(id);
  }

  /** Put back a job that was not in the queue, or end one that the queue gave up. */
  private async restore(id: string): Promise<void> {
    const state = await this.queue.state(id);
    const record = await this.store.head(id);
    if (state === 'missing' && record) {
      this.log.warn({ job: id }, 'job was not in the queue; enqueued again');
      await this.queue.enqueue(record, await this.store.finishedSteps(id));
    } else if (state === 'failed')
      await this.remedies.fail(id, (record && (await this.queue.failure(record))) ?? WORKER_LOST);
    else if (state === 'completed') await this.queue.withdraw(id);
  }
}
