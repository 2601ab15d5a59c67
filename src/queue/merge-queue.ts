import { FlowProducer, Queue } from 'bullmq';
import type { Config } from '../config.js';
import { WeightfoldError } from '../errors.js';
import type { JobHead } from '../jobs/record.js';
import type { JobError } from '../schemas/job.js';
import type { Worker } from '../schemas/worker.js';
import { failedStep } from './failed-step.js';
import { connectRedis } from './redis.js';
import { redisReason } from './redis-reason.js';
import { CANCEL_CHANNEL, CHANGE_CHANNEL, MERGE_QUEUE, QUEUE_PREFIX, queueName, STEP_QUEUES } from './settings.js';
import { MERGE_JOB, mergeOptions, type QueuedMerge, type QueuedStep, stepJobs } from './step-jobs.js';
import { listWorkers } from './worker-directory.js';

/** Seconds after which a client may try again when the queue is away. */
const RETRY_AFTER_SECONDS = 2;
/** Written to see that writes are taken. */
const PROBE_KEY = `${QUEUE_PREFIX}:probe`;
const PROBE_MS = 60_000;

interface Opened {
  merges: Queue<QueuedMerge>;
  steps: Queue<QueuedStep>[];
  flows: FlowProducer;
}

const parts = ({ merges, steps, flows }: Opened) => [merges, ...steps, flows];

export type QueueState = 'waiting' | 'active' | 'failed' | 'completed' | 'missing';

/** The queue in domain verbs. Leaves out what it does not do: it holds no specs, no progress and no results. */
export class MergeQueue {
  private readonly connection: ReturnType<typeof connectRedis>;
  private readonly onError: (error: Error) => void;
  private opened: Opened | undefined;
  /** A ping under way: all who ask meanwhile share its answer. */
  private pinging: Promise<void> | undefined;

  private readonly config: Config;
  private subscriber: ReturnType<typeof connectRedis> | undefined;

  constructor(config: Config, onError: (error: Error) => void) {
    this.connection = connectRedis(config, false, onError);
    this.onError = onError;
    this.config = config;
  }

  /** BullMQ gives up for good on a connection that fails its first command, so the queue opens once Redis answers. */
  private async open(): Promise<Opened> {
    if (!this.opened) {
      await this.connection.ping();
      const options = { connection: this.connection, prefix: QUEUE_PREFIX };
      this.opened ??= {
        merges: new Queue<QueuedMerge>(MERGE_QUEUE, options),
        steps: STEP_QUEUES.map((name) => new Queue<QueuedStep>(name, options)),
        flows: new FlowProducer(options),
      };
      this.opened.flows.on('error', this.onError);
      for (const queue of [this.opened.merges, ...this.opened.steps]) queue.on('error', this.onError);
    }
    return this.opened;
  }

  /**
   * A flow: the merge, waiting for its first steps. Idempotent: a job that is queued already is left as it is.
   * @param finished steps that need not run again
   * @throws WeightfoldError `queue_unavailable`
   */
  async enqueue(record: JobHead, finished: ReadonlySet<string> = new Set()): Promise<void> {
    await this.reach(async () =>
      (await this.open()).flows.add({
        ...MERGE_JOB,
        data: { id: record.id },
        opts: mergeOptions(record),
        children: stepJobs(record, finished),
      }),
    );
  }

  /** Ids of all merges the queue knows, except failed ones. */
  async known(): Promise<Set<string>> {
    return this.reach(async () => {
      const { merges } = await this.open();
      const jobs = await merges.getRanges(['waiting-children', 'active', 'wait', 'prioritized', 'delayed'], 0, -1);
      return new Set(jobs);
    });
  }

  async state(id: string): Promise<QueueState> {
    const state = await this.reach(async () => (await this.open()).merges.getJobState(id));
    if (state === 'unknown') return 'missing';
    return state === 'active' || state === 'failed' || state === 'completed' ? state : 'waiting';
  }

  /** Why the queue gave a merge up, as the worker of its failed step left it. */
  async failure(record: JobHead): Promise<JobError | undefined> {
    return this.reach(async () => {
      const name = queueName(record.spec.compute.backend);
      const queue = (await this.open()).steps.find((steps) => steps.name === name);
      return queue && (await failedStep(queue, record))?.data.failure;
    });
  }

  /** Take a merge out with all its steps, waiting or ended; false when a worker has one of them. */
  async withdraw(id: string): Promise<boolean> {
    const job = await this.reach(async () => (await this.open()).merges.getJob(id));
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

  /** Be told which jobs workers have moved on. A message may be lost. */
  onChange(listener: (id: string) => void): void {
    this.subscriber = connectRedis(this.config, true, this.onError);
    this.subscriber.subscribe(CHANGE_CHANNEL).catch(this.onError);
    this.subscriber.on('message', (_, id: string) => listener(id));
  }

  /** See that Redis answers and takes writes: without them no job can be queued. @throws WeightfoldError `queue_unavailable` */
  ping(): Promise<void> {
    this.pinging ??= this.reach(async () => void (await this.connection.set(PROBE_KEY, '1', 'PX', PROBE_MS))).finally(
      () => {
        this.pinging = undefined;
      },
    );
    return this.pinging;
  }

  /** Steps waiting and running, of each queue. */
  async depths(): Promise<{ queue: string; waiting: number; active: number }[]> {
    return this.reach(async () => {
      const { steps } = await this.open();
      return Promise.all(
        steps.map(async (queue) => {
          const { active = 0, ...rest } = await queue.getJobCounts('waiting', 'prioritized', 'delayed', 'active');
          return { queue: queue.name, waiting: Object.values(rest).reduce((sum, n) => sum + n, 0), active };
        }),
      );
    });
  }

  /** Steps waiting and running, in all. */
  async depth(): Promise<{ waiting: number; active: number }> {
    const depths = await this.depths();
    const sum = (state: 'waiting' | 'active') => depths.reduce((total, depth) => total + depth[state], 0);
    return { waiting: sum('waiting'), active: sum('active') };
  }

  /** The workers that announce themselves, with what they compute with and run. */
  async workers(): Promise<Worker[]> {
    return this.reach(() => listWorkers(this.connection));
  }

  async close(): Promise<void> {
    if (this.opened) await Promise.all(parts(this.opened).map((part) => part.close().catch(() => {})));
    this.subscriber?.disconnect();
    this.connection.disconnect();
  }

  private async reach<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      const reason = redisReason(error);
      const what = reason === undefined ? 'cannot be reached' : `cannot be used: ${reason}`;
      throw new WeightfoldError(`The queue (Redis) ${what}; the request had no effect. Try again.`, {
        code: 'queue_unavailable',
        status: 503,
        retryable: true,
        retryAfter: RETRY_AFTER_SECONDS,
        cause: error,
      });
    }
  }
}
