import { Queue } from 'bullmq';
import type { Config } from '../config.js';
import { WeightfoldError } from '../errors.js';
import type { JobRecord } from '../jobs/record.js';
import { connectRedis } from './redis.js';
import { CANCEL_CHANNEL, QUEUE_NAME, QUEUE_PREFIX, RETRY_DELAY_MS } from './settings.js';

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
  private opened: Queue<QueuedMerge> | undefined;

  constructor(config: Config, onError: (error: Error) => void) {
    this.connection = connectRedis(config, false, onError);
    this.onError = onError;
  }

  /** BullMQ gives up for good on a connection that fails its first command, so the queue opens once Redis answers. */
  private async queue(): Promise<Queue<QueuedMerge>> {
    if (!this.opened) {
      await this.connection.ping();
      this.opened ??= new Queue<QueuedMerge>(QUEUE_NAME, { connection: this.connection, prefix: QUEUE_PREFIX });
      this.opened.on('error', this.onError);
    }
    return this.opened;
  }

  /** Idempotent: a job that is queued already is left as it is. @throws WeightfoldError `queue_unavailable` */
  async enqueue({ id, spec }: JobRecord): Promise<void> {
    await this.reach(async () =>
      (await this.queue()).add(
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
    const state = await this.reach(async () => (await this.queue()).getJobState(id));
    if (state === 'unknown') return 'missing';
    return state === 'active' || state === 'failed' || state === 'completed' ? state : 'waiting';
  }

  /** Take a job out, waiting or ended; false when a worker has it. */
  async withdraw(id: string): Promise<boolean> {
    const job = await this.reach(async () => (await this.queue()).getJob(id));
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
      (await this.queue()).getJobCounts('waiting', 'prioritized', 'delayed', 'active'),
    );
    return {
      waiting: (counts.waiting ?? 0) + (counts.prioritized ?? 0) + (counts.delayed ?? 0),
      active: counts.active ?? 0,
    };
  }

  /** Worker processes connected to the queue. */
  async workerCount(): Promise<number> {
    return this.reach(async () => (await this.queue()).getWorkersCount());
  }

  async close(): Promise<void> {
    await this.opened?.close().catch(() => {});
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
