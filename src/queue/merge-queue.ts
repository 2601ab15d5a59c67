import { Queue } from 'bullmq';
import type { Config } from '../config.js';
import { WeightfoldError } from '../errors.js';
import type { JobRecord } from '../jobs/record.js';
import type { Worker } from '../schemas/worker.js';
import { connectRedis } from './redis.js';
import { CANCEL_CHANNEL, QUEUE_NAME, QUEUE_NAMES, QUEUE_PREFIX, queueName, RETRY_DELAY_MS } from './settings.js';
import { listWorkers } from './worker-directory.js';

/** What travels through Redis: the id. Everything else is in the store. */
export interface QueuedMerge {
  id: string;
}

/** Seconds after which a client may try again when the queue is away. */
const RETRY_AFTER_SECONDS = 2;
/** BullMQ ranks 1 highest and 0 (none) above all; the spec ranks higher numbers first. */
const LOWEST_RANK = 1001;

export type QueueState = 'waiting' | 'active' | 'failed' | 'completed' | 'missing';

/** The queue in domain verbs. Leaves out what it does not do: it holds no specs, no progress and no results. */
export class MergeQueue {
  private readonly connection: ReturnType<typeof connectRedis>;
  private readonly onError: (error: Error) => void;
  private readonly opened = new Map<string, Queue<QueuedMerge>>();

  constructor(config: Config, onError: (error: Error) => void) {
    this.connection = connectRedis(config, false, onError);
    this.onError = onError;
  }

  /** BullMQ gives up for good on a connection that fails its first command, so a queue opens once Redis answers. */
  private async queue(name: string): Promise<Queue<QueuedMerge>> {
    if (!this.opened.has(name)) await this.connection.ping();
    let queue = this.opened.get(name);
    if (!queue) {
      queue = new Queue<QueuedMerge>(name, { connection: this.connection, prefix: QUEUE_PREFIX });
      queue.on('error', this.onError);
      this.opened.set(name, queue);
    }
    return queue;
  }

  private queues(): Promise<Queue<QueuedMerge>[]> {
    return Promise.all(QUEUE_NAMES.map((name) => this.queue(name)));
  }

  /** Idempotent: a job that is queued already is left as it is. @throws WeightfoldError `queue_unavailable` */
  async enqueue({ id, spec }: JobRecord): Promise<void> {
    await this.reach(async () =>
      (await this.queue(queueName(spec.compute.backend))).add(
        'merge',
        { id },
        {
          jobId: id,
          attempts: spec.max_attempts,
          backoff: { type: 'exponential', delay: RETRY_DELAY_MS },
          priority: LOWEST_RANK - spec.priority,
          removeOnComplete: true,
          removeOnFail: { age: 24 * 3600 },
        },
      ),
    );
  }

  async state(id: string): Promise<QueueState> {
    const states = await this.reach(async () =>
      Promise.all((await this.queues()).map((queue) => queue.getJobState(id))),
    );
    const state = states.find((found) => found !== 'unknown');
    if (state === undefined) return 'missing';
    return state === 'active' || state === 'failed' || state === 'completed' ? state : 'waiting';
  }

  /** Take a job out, waiting or ended; false when a worker has it. */
  async withdraw(id: string): Promise<boolean> {
    const found = await this.reach(async () => Promise.all((await this.queues()).map((queue) => queue.getJob(id))));
    const job = found.find((one) => one !== undefined);
    if (!job) return true;
    return job.remove().then(
      () => true,
      () => false,
    );
  }

  /** Tell every worker that a job was asked to stop. */
  async announceCancel(id: string): Promise<void> {
    await this.reach(() => this.connection.publish(CANCEL_CHANNEL, id));
  }

  async ping(): Promise<void> {
    await this.reach(() => this.connection.ping());
  }

  /** Jobs waiting and running. */
  async depth(): Promise<{ waiting: number; active: number }> {
    const counts = await this.reach(async () =>
      Promise.all(
        (await this.queues()).map((queue) => queue.getJobCounts('waiting', 'prioritized', 'delayed', 'active')),
      ),
    );
    const sum = (...states: string[]) =>
      counts.flatMap((of) => states.map((state) => of[state] ?? 0)).reduce((total, n) => total + n, 0);
    return { waiting: sum('waiting', 'prioritized', 'delayed'), active: sum('active') };
  }

  /** Worker processes connected to the queue that all of them serve. */
  async workerCount(): Promise<number> {
    return this.reach(async () => (await this.queue(QUEUE_NAME)).getWorkersCount());
  }

  /** The workers that announce themselves, with what they compute with and run. */
  async workers(): Promise<Worker[]> {
    return this.reach(() => listWorkers(this.connection));
  }

  async close(): Promise<void> {
    await Promise.all([...this.opened.values()].map((queue) => queue.close().catch(() => {})));
    this.connection.disconnect();
  }

  private async reach<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      throw new WeightfoldError('The queue (Redis) cannot be reached; the request had no effect. Try again.', {
        code: 'queue_unavailable',
        status: 503,
        retryable: true,
        retryAfter: RETRY_AFTER_SECONDS,
        cause: error,
      });
    }
  }
}
