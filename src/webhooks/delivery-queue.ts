import { type Job, Queue, Worker } from 'bullmq';
import type { Config } from '../config.js';
import { connectRedis } from '../queue/redis.js';
import { MAX_TAKEOVERS, QUEUE_PREFIX } from '../queue/settings.js';
import type { StoredDelivery } from './delivery-store.js';

const WEBHOOK_QUEUE = 'webhooks';
/** Receivers answer slowly, and cost nothing meanwhile. */
const CONCURRENCY = 16;
/** How often is for the deliveries' own records to say; the queue never gives one up. */
const UNBOUNDED = 1_000_000;

/** After anything else than an attempt that failed (the store, a stop): receivers must not suffer for it. */
const UNFORESEEN_MS = 30_000;

/** What travels through Redis: where the delivery is. */
export interface QueuedDelivery {
  job: string;
  event: number;
  replays: number;
}

/** An attempt failed; the next one is due in `delay` milliseconds. */
export class AttemptFailed extends Error {
  readonly delay: number;

  constructor(reason: string, delay: number) {
    super(reason);
    this.delay = delay;
  }
}

/** Deliveries by the time they are due, taken by whichever API process is free. */
export class DeliveryQueue {
  private readonly connection: ReturnType<typeof connectRedis>;
  private readonly blocking: ReturnType<typeof connectRedis>;
  private readonly worker: Worker<QueuedDelivery>;
  private readonly onError: (error: Error) => void;
  private queue: Queue<QueuedDelivery> | undefined;

  /** @param deliver throws AttemptFailed for another attempt */
  constructor(config: Config, deliver: (delivery: QueuedDelivery) => Promise<void>, onError: (error: Error) => void) {
    this.onError = onError;
    this.connection = connectRedis(config, false, onError);
    this.blocking = connectRedis(config, true, onError);
    this.worker = new Worker<QueuedDelivery>(WEBHOOK_QUEUE, (job: Job<QueuedDelivery>) => deliver(job.data), {
      connection: this.blocking,
      prefix: QUEUE_PREFIX,
      concurrency: CONCURRENCY,
      maxStalledCount: MAX_TAKEOVERS,
      settings: {
        backoffStrategy: (_made, _type, error) => (error instanceof AttemptFailed ? error.delay : UNFORESEEN_MS),
      },
    });
    this.worker.on('error', onError);
  }

  /** Idempotent: what is queued already is left as it is. */
  async add({ id, job_id, event_id, replays, next_attempt_at }: StoredDelivery): Promise<void> {
    // BullMQ gives up for good on a connection that fails its first command.
    await this.connection.ping();
    if (!this.queue) {
      this.queue = new Queue(WEBHOOK_QUEUE, { connection: this.connection, prefix: QUEUE_PREFIX });
      this.queue.on('error', this.onError);
    }
    const delay = Math.max(0, Date.parse(next_attempt_at ?? '') - Date.now() || 0);
    await this.queue.add(
      'delivery',
      { job: job_id, event: event_id, replays },
      {
        jobId: `${id}_${replays}`,
        delay,
        attempts: UNBOUNDED,
        backoff: { type: 'custom' },
        removeOnComplete: true,
        removeOnFail: true,
      },
    );
  }

  async close(): Promise<void> {
    await this.worker.close();
    await this.queue?.close().catch(() => {});
    this.connection.disconnect();
    this.blocking.disconnect();
  }
}
