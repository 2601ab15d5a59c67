import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import type { Config } from '../config.js';
import { ConflictError, NotFoundError, SpecError, WeightfoldError } from '../errors.js';
import type { Logger } from '../log.js';
import { showPlan } from '../plan/show-plan.js';
import type { MergeQueue } from '../queue/merge-queue.js';
import { queueName } from '../queue/settings.js';
import type { JobEvent } from '../schemas/event.js';
import { isTerminal, type Job, type JobError, type JobStatus } from '../schemas/job.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Plan, ShownPlan } from '../schemas/plan.js';
import type { Worker } from '../schemas/worker.js';
import { requireSpace } from '../store/headroom.js';
import type { TraceContext } from '../tracing/tracing.js';
import { checkWebhook } from '../webhooks/check-webhook.js';
import { EventFeeds } from './event-feeds.js';
import { claimedBefore, claimKey } from './idempotency.js';
import { newJobId } from './ids.js';
import { type Inspected, inspect } from './inputs.js';
import { JobIndex } from './job-index.js';
import type { JobStore } from './job-store.js';
import { machineFor } from './machine-for.js';
import { Outlines } from './outlines.js';
import type { JobRecord } from './record.js';
import { Downloads, deleteJob, removeExpired, removeLeftovers } from './retention.js';
import { waitingFor } from './waiting-for.js';

const WORKER_LOST: JobError = {
  code: 'worker_lost',
  message: 'The workers that ran this job died, and no attempt is left.',
  errors: [],
};
/** Seconds after which a client may try again where too many jobs wait. */
const RETRY_AFTER_SECONDS = 10;
/** Estimates take the workers of so long ago; a submission is not to wait for a list each time. */
const WORKERS_FRESH_MS = 1_000;
/** Of the jobs that wait, one in so many is read from the store again each time the queue is compared with it. */
const REFRESH_EVERY = 20;

export interface Submission {
  idempotencyKey?: string;
  retryOf?: string | null;
  /** Of the request, where it is traced. */
  trace?: TraceContext;
}

export interface ListQuery {
  status?: JobStatus;
  labels: Record<string, string>;
  createdAfter?: string;
  after?: string;
  limit: number;
  order: 'asc' | 'desc';
}

/** What the API does with jobs. The store is the truth; the queue only says who runs what next. */
export class JobService {
  private readonly config: Config;
  private readonly store: JobStore;
  private readonly index: JobIndex;
  private readonly checkpoints: CheckpointStore;
  private readonly queue: MergeQueue;
  private readonly log: Logger;
  readonly downloads = new Downloads();
  readonly feeds: EventFeeds;
  private readonly listeners: ((id: string, isNew: boolean) => void)[] = [];
  private readonly outlines: Outlines;
  private workers: { at: number; list: Promise<Worker[]> } | undefined;
  private turn = 0;

  constructor(config: Config, store: JobStore, checkpoints: CheckpointStore, queue: MergeQueue, log: Logger) {
    this.config = config;
    this.store = store;
    this.index = new JobIndex(store);
    this.index.onDamaged = (id, error) => log.error({ err: error, job: id }, 'a job is damaged and left out');
    this.feeds = new EventFeeds(store);
    this.checkpoints = checkpoints;
    this.outlines = new Outlines(config, checkpoints);
    this.queue = queue;
    this.log = log;
  }

  /** Be told of jobs that began or ended while this process looked. */
  onMove(listener: (before: JobStatus, job: Job) => void): void {
    this.index.onMove = (before, job) => before && listener(before, job);
  }

  /** Jobs by status. */
  counts(): Record<JobStatus, number> {
    return this.index.counts();
  }

  /** The plan, and what stands in its way just now. */
  async plan(spec: JobSpec): Promise<ShownPlan> {
    const plan = showPlan((await this.inspect(spec)).plan);
    const missing = await this.missing(spec);
    return missing ? { ...plan, warnings: [missing] } : plan;
  }

  /** What the job waits for beside its turn; null where that is nothing, or cannot be known just now. */
  private async missing({ compute: { backend } }: JobSpec): Promise<string | null> {
    if (queueName(backend) === queueName('auto')) return null;
    return this.queue.workers().then(
      (workers) => waitingFor(backend, workers),
      () => null,
    );
  }

  /**
   * Accept a job: planned, on disk, then in the queue. A job on disk that never reached the queue (a crash in
   * between) is found by `reconcile`.
   */
  async submit(spec: JobSpec, { idempotencyKey, retryOf = null, trace }: Submission = {}): Promise<Job> {
    const known = idempotencyKey && (await this.submittedBefore(idempotencyKey, spec));
    if (known) return known;
    // Asked at once, heeded last: what is wrong with the spec is said first.
    const reachable = this.queue.ping();
    reachable.catch(() => {});
    const { plan, inputs, bases } = await this.inspect(spec);
    await this.checkRoom(plan);
    await reachable;
    const fresh = newJobId();
    const id = idempotencyKey === undefined ? fresh : await claimKey(this.config.DATA_DIR, idempotencyKey, spec, fresh);
    const created_at = new Date().toISOString();
    const record: JobRecord = { id, created_at, spec, plan, inputs, retry_of: retryOf, ...(trace && { trace }) };
    // First, so that no crash in between makes the webhook miss anything.
    if (spec.webhook) await this.store.deliveries.expect(id);
    if (await this.store.create(record, bases)) {
      // Accepted from here on, queue or not: `reconcile` enqueues what this cannot.
      await this.queue.enqueue(record).catch((error) => this.log.warn({ err: error, job: id }, 'not enqueued yet'));
      this.log.info({ job: id, family: plan.family }, 'job accepted');
      if (spec.webhook) this.tell(id, true);
      return this.withWaiting(this.index.created(record));
    }
    return this.get(id);
  }

  /** The job of a request that is repeated: as it is now, whatever has become of its checkpoints or of the queue. */
  private async submittedBefore(idempotencyKey: string, spec: JobSpec): Promise<Job | undefined> {
    const id = await claimedBefore(this.config.DATA_DIR, idempotencyKey, spec);
    const job = id && (await this.index.refresh(id));
    return job ? this.withWaiting(job) : undefined;
  }

  /** @throws WeightfoldError `queue_full` (429) or `storage_full` (507) */
  private async checkRoom({ costs }: Plan): Promise<void> {
    const { MAX_QUEUED_JOBS: most, MIN_FREE_BYTES: headroom, DATA_DIR } = this.config;
    const unfinished = this.index.unfinished.size;
    if (unfinished >= most)
      throw new WeightfoldError(`${unfinished} jobs wait or run already; the limit is ${most} (MAX_QUEUED_JOBS).`, {
        code: 'queue_full',
        status: 429,
        retryable: true,
        retryAfter: RETRY_AFTER_SECONDS,
      });
    await requireSpace(DATA_DIR, costs.bytes_written, headroom);
  }

  /** @throws NotFoundError */
  async get(id: string): Promise<Job> {
    const job = await this.index.refresh(id);
    if (!job) throw notFound(id);
    return this.withWaiting(job);
  }

  /** The very same object where it waits for nothing but its turn. */
  private async withWaiting(job: Job): Promise<Job> {
    const waiting = job.status === 'queued' ? await this.missing(job.spec) : null;
    return waiting === null ? job : { ...job, waiting_for: waiting };
  }

  async list(query: ListQuery): Promise<{ data: Job[]; hasMore: boolean }> {
    const all = await this.index.ids();
    let ids = query.order === 'desc' ? all.toReversed() : all;
    const { after } = query;
    if (after !== undefined) ids = ids.filter((id) => (query.order === 'desc' ? id < after : id > after));
    const data: Job[] = [];
    for (const id of ids) {
      const seen = this.index.get(id);
      if (!seen || !matches(seen, query)) continue;
      const job = await this.index.look(id);
      if (!job || !matches(job, query)) continue;
      if (data.length === query.limit) return { data, hasMore: true };
      data.push(await this.withWaiting(job));
    }
    return { data, hasMore: false };
  }

  /** Events of a job after `after`, oldest first. @throws NotFoundError */
  async events(id: string, after: number, limit: number): Promise<{ data: JobEvent[]; hasMore: boolean }> {
    const events = await this.store.events(id, after, limit + 1);
    if (!events) throw notFound(id);
    return { data: events.slice(0, limit), hasMore: events.length > limit };
  }

  /** Idempotent; a job that ended stays as it ended. */
  async cancel(id: string): Promise<Job> {
    const job = await this.get(id);
    if (isTerminal(job.status)) return job;
    await this.store.requestCancel(id);
    if (await this.queue.withdraw(id)) await this.end(id, 'cancelled');
    else await this.queue.announceCancel(id);
    return this.get(id);
  }

  /** A new job with the spec of one that ended. @throws ConflictError while it has not */
  async retry(id: string, trace?: TraceContext): Promise<Job> {
    const job = await this.get(id);
    if (!isTerminal(job.status))
      throw new ConflictError('job_not_finished', `Job ${id} is ${job.status}; only a finished job is retried.`);
    return this.submit(job.spec, { retryOf: id, trace });
  }

  /** @throws ConflictError while the job has not ended */
  async delete(id: string): Promise<void> {
    const job = await this.get(id);
    if (!isTerminal(job.status))
      throw new ConflictError('job_not_finished', `Job ${id} is ${job.status}; cancel it before deleting it.`);
    if (!(await deleteJob(this.store, this.index, id))) throw notFound(id);
    await this.queue.withdraw(id).catch(() => {});
  }

  /** Unfinished jobs that read a checkpoint, as a source, a probe or calibration tokens. */
  async needing(checkpoint: string): Promise<string[]> {
    await this.index.ids();
    const found: string[] = [];
    for (const id of [...this.index.unfinished]) {
      if (!this.index.get(id)?.checkpoints.includes(checkpoint)) continue;
      const job = await this.index.look(id);
      if (job && !isTerminal(job.status)) found.push(id);
    }
    return found;
  }

  /** @throws ConflictError `checkpoint_in_use` while unfinished jobs read a checkpoint */
  async refuseWhileNeeded(checkpoint: string, action: 'changed' | 'deleted'): Promise<void> {
    const needing = await this.needing(checkpoint);
    if (needing.length === 0) return;
    throw new ConflictError(
      'checkpoint_in_use',
      `Checkpoint "${checkpoint}" cannot be ${action} while jobs read it: ${needing.slice(0, 5).join(', ')}.`,
    );
  }

  /** A worker has moved a job on. */
  async moved(id: string): Promise<void> {
    this.feeds.poke(id);
    await this.index.refresh(id);
    this.tell(id, false);
  }

  /** Be told of jobs that were moved on, and of new ones with a webhook. A message may be lost. */
  onMoved(listener: (id: string, isNew: boolean) => void): void {
    this.listeners.push(listener);
  }

  private tell(id: string, isNew: boolean): void {
    for (const listener of this.listeners) listener(id, isNew);
  }

  /** Status of a job when it was last looked at. */
  lastSeen(id: string): JobStatus | undefined {
    return this.index.get(id)?.status;
  }

  /** Remove what has outlived RETENTION_HOURS, and what dead writers left behind. */
  async sweep(): Promise<void> {
    const { RETENTION_HOURS: hours, DATA_DIR } = this.config;
    await removeLeftovers(DATA_DIR);
    if (hours === undefined) return;
    const { removed, failures } = await removeExpired(this.store, this.index, this.downloads, hours);
    if (removed > 0) this.log.info({ removed, hours }, 'removed jobs past their retention');
    if (failures.length > 0)
      this.log.warn({ err: failures[0].error, jobs: failures.map(({ job }) => job) }, 'jobs not removed');
  }

  /**
   * Bring the queue in line with the store: jobs on disk that the queue does not know are enqueued (a crash between
   * the two, a flushed Redis); jobs it gave up without an outcome on disk are ended.
   */
  async reconcile(): Promise<void> {
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
    if (job.cancel_requested) await this.cancel(id);
    else if (!known) await this.restore(id);
  }

  /** Wait until what is remembered of ended jobs is on disk. */
  close(): Promise<void> {
    return this.index.close();
  }

  /** Put back a job that was not in the queue, or end one that the queue gave up. */
  private async restore(id: string): Promise<void> {
    const state = await this.queue.state(id);
    const record = await this.store.record(id);
    if (state === 'missing' && record) {
      this.log.warn({ job: id }, 'job was not in the queue; enqueued again');
      await this.queue.enqueue(record, await this.store.finishedSteps(id));
    } else if (state === 'failed') await this.end(id, 'failed', record && (await this.queue.failure(record)));
    else if (state === 'completed') await this.queue.withdraw(id);
  }

  private async end(id: string, status: 'cancelled' | 'failed', failure: JobError = WORKER_LOST): Promise<void> {
    const error = status === 'cancelled' ? null : failure;
    await this.store.finish(id, { status, finished_at: new Date().toISOString(), error });
    await this.moved(id);
  }

  private async inspect(spec: JobSpec): Promise<Inspected> {
    checkWebhook(spec, this.config);
    const { machine, name } = machineFor(spec.compute.backend, await this.liveWorkers());
    const inspected = await inspect(spec, this.config, this.checkpoints, this.store, this.outlines, machine);
    const { plan } = inspected;
    this.checkMemory(plan);
    return { ...inspected, plan: { ...plan, costs: { ...plan.costs, estimated_for: name } } };
  }

  /** Workers as of a moment ago, for estimates: they say every few seconds that they live. */
  private liveWorkers(): Promise<Worker[]> {
    if (!this.workers || Date.now() - this.workers.at > WORKERS_FRESH_MS)
      this.workers = { at: Date.now(), list: this.queue.workers().catch(() => []) };
    return this.workers.list;
  }

  /** @throws SpecError `memory_exceeded` where no worker could hold what the plan needs at once */
  private checkMemory({ costs: { peak_memory_bytes: needed } }: Plan): void {
    const limit = this.config.WORKER_MEMORY_BYTES;
    if (limit === undefined || needed <= limit) return;
    throw new SpecError(
      'memory_exceeded',
      `The merge needs ${needed} bytes of memory at once; workers have ${limit} (WORKER_MEMORY_BYTES). ` +
        'Narrower layers, mode "separate" or the randomized solver need less.',
    );
  }
}

const notFound = (id: string) => new NotFoundError('job_not_found', `There is no job "${id}".`);

function matches(
  job: Pick<Job, 'status' | 'created_at' | 'labels'>,
  { status, labels, createdAfter }: ListQuery,
): boolean {
  if (status && job.status !== status) return false;
  if (createdAfter && !(Date.parse(job.created_at) > Date.parse(createdAfter))) return false;
  return Object.entries(labels).every(([key, value]) => job.labels[key] === value);
}
