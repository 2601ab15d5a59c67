import { type Job, type Processor, Queue, WaitingChildrenError } from 'bullmq';
import { WeightfoldError } from '../src/errors.js';
import type { JobStore } from '../src/jobs/job-store.js';
import { failedStep } from '../src/queue/failed-step.js';
import type { connectRedis } from '../src/queue/redis.js';
import { MERGE_QUEUE, QUEUE_PREFIX, queueName } from '../src/queue/settings.js';
import { type QueuedMerge, type QueuedStep, stepJobs } from '../src/queue/step-jobs.js';

/** What BullMQ says where the merge has left the queue meanwhile: it ended, or was deleted. */
const MERGE_GONE = /^Missing key for parent job/;

/** Puts the steps of merges that have become ready into the queue, as the merge's children, which it waits for. */
export class MergeSteps {
  private readonly store: JobStore;
  private readonly connection: ReturnType<typeof connectRedis>;
  private readonly onError: (error: Error) => void;
  private readonly queues = new Map<string, Queue<QueuedStep>>();

  constructor(store: JobStore, connection: ReturnType<typeof connectRedis>, onError: (error: Error) => void) {
    this.store = store;
    this.connection = connection;
    this.onError = onError;
  }

  /** What a merge does between its steps. The last step ends the job in the store; then there is nothing left to do. */
  readonly process: Processor<QueuedMerge> = async (job: Job<QueuedMerge>, token = '') => {
    for (;;) {
      if (!(await this.enqueueReady(job.data.id))) return;
      if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
    }
  };

  /**
   * Once a step has ended: what waited for it need not wait for the others that run beside it. A step that is put in
   * twice runs once, or finds itself finished.
   */
  async ended({ id, step }: QueuedStep): Promise<void> {
    await this.enqueueReady(id, step).catch((error: Error) => {
      if (!MERGE_GONE.test(error.message)) throw error;
    });
  }

  /** Why the step failed for which a merge was given up; undefined where the queue does not know any more. */
  async cause(id: string): Promise<Error | undefined> {
    const record = await this.store.record(id);
    const step = record && (await failedStep(this.queue(queueName(record.spec.compute.backend)), record));
    if (!step) return undefined;
    const { failure } = step.data;
    if (!failure) return new Error(step.failedReason);
    return new WeightfoldError(failure.message, { code: failure.code, status: 500, retryable: true });
  }

  /** @returns false where the merge has ended; @param after only steps that waited for this one */
  private async enqueueReady(id: string, after?: string): Promise<boolean> {
    const record = await this.store.record(id);
    if (!record || (await this.store.outcome(id))) return false;
    const waited = (step: string) => record.plan.steps.find((s) => s.id === step)?.after.includes(after as string);
    const parent = { id, queue: `${QUEUE_PREFIX}:${MERGE_QUEUE}` };
    for (const { name, queueName, data, opts } of stepJobs(record, await this.store.finishedSteps(id)))
      if (after === undefined || waited(data.step)) await this.queue(queueName).add(name, data, { ...opts, parent });
    return true;
  }

  private queue(name: string): Queue<QueuedStep> {
    const known = this.queues.get(name);
    if (known) return known;
    const opened = new Queue<QueuedStep>(name, { connection: this.connection, prefix: QUEUE_PREFIX });
    opened.on('error', this.onError);
    this.queues.set(name, opened);
    return opened;
  }
}
