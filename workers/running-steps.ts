import type { Job, Worker } from 'bullmq';
import type { JobStore } from '../src/jobs/job-store.js';
import { mergeOf, type QueuedStep } from '../src/queue/step-jobs.js';
import { CANCEL_REASON, LOST_REASON } from './outcomes.js';

/**
 * Cancel requests come by pub/sub; a lost message is made up for by looking at the store this often. So is a merge that
 * has ended elsewhere, because another of its steps failed.
 */
const LOOK_MS = 2_000;

interface Running {
  job: Job<QueuedStep>;
  worker: Worker<QueuedStep>;
}

/** The steps a worker has at hand: ends those that are of no use any more, or another worker's by now. */
export class RunningSteps {
  private readonly store: JobStore;
  private readonly onChange: (merge: string) => void;
  private readonly running = new Map<string, Running>();
  private readonly poll: NodeJS.Timeout;

  /** @param onChange told whenever a step of a merge begins or ends */
  constructor(store: JobStore, onChange: (merge: string) => void, onError: (error: Error) => void) {
    this.store = store;
    this.onChange = onChange;
    this.poll = setInterval(() => {
      for (const merge of new Set(this.jobs().map(({ data }) => data.id))) void this.look(merge).catch(onError);
    }, LOOK_MS);
  }

  watch(worker: Worker<QueuedStep>): void {
    worker.on('active', (job) => {
      this.running.set(job.id as string, { job, worker });
      this.onChange(job.data.id);
    });
    worker.on('completed', ({ id }) => this.end(id as string));
    worker.on('failed', (job) => this.end(job?.id as string));
    // Renewed too late (a paused machine, a lost connection): the step is up for others, and this attempt void.
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) {
        worker.cancelJob(id, LOST_REASON);
        this.end(id);
      }
    });
  }

  /** Stop the steps of a merge. */
  cancel(merge: string): void {
    for (const [id, { job, worker }] of this.running) if (job.data.id === merge) worker.cancelJob(id, CANCEL_REASON);
  }

  jobs(): Job<QueuedStep>[] {
    return [...this.running.values()].map(({ job }) => job);
  }

  close(): void {
    clearInterval(this.poll);
  }

  private end(id: string): void {
    this.running.delete(id);
    this.onChange(mergeOf(id));
  }

  /** Stop the steps of a merge that are of no use any more. */
  private async look(merge: string): Promise<void> {
    const outcome = await this.store.outcome(merge);
    const useless = outcome ? outcome.status !== 'succeeded' : await this.isUnwanted(merge);
    for (const [id, { job, worker }] of this.running) {
      if (job.data.id !== merge) continue;
      const stopping = useless && worker.cancelJob(id, CANCEL_REASON);
      // The queue does not tell of a step whose result it refused because another worker's counted.
      if (outcome && !stopping) this.end(id);
    }
  }

  private async isUnwanted(merge: string): Promise<boolean> {
    return (await this.store.cancelRequested(merge)) || !(await this.store.state(merge));
  }
}
