import type { Config } from '../config.js';
import { ConflictError, NotFoundError, WeightfoldError } from '../errors.js';
import type { Logger } from '../log.js';
import { settledSpec } from '../plan/settled-spec.js';
import type { MergeQueue } from '../queue/merge-queue.js';
import type { JobEvent } from '../schemas/event.js';
import { isTerminal, type Job, type JobError, type JobStatus } from '../schemas/job.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Plan } from '../schemas/plan.js';
import { requireSpace } from '../store/headroom.js';
import type { TraceContext } from '../tracing/tracing.js';
import { isJobDamaged } from './damaged-job.js';
import { EventFeeds } from './event-feeds.js';
import { claimedBefore, claimKey, claimOf } from './idempotency.js';
import { newJobId } from './ids.js';
import { JobIndex } from './job-index.js';
import type { JobStore } from './job-store.js';
import { type ListQuery, listJobs } from './list-jobs.js';
import { Planner } from './planner.js';
import { Reconciler } from './reconciler.js';
import type { JobHead } from './record.js';
import { Downloads, deleteJob, removeExpired, removeLeftovers } from './retention.js';

/** Seconds after which a client may try again where too many jobs wait. */
const RETRY_AFTER_SECONDS = 10;
export interface Submission {
  idempotencyKey?: string;
  retryOf?: string | null;
  /** Of the request, where it is traced. */
  trace?: TraceContext;
}

/** What the API does with jobs. The store is the truth; the queue only says who runs what next. */
export class JobService {
  private readonly config: Config;
  private readonly store: JobStore;
  private readonly index: JobIndex;
  private readonly queue: MergeQueue;
  private readonly log: Logger;
  readonly downloads = new Downloads();
  readonly feeds: EventFeeds;
  private readonly listeners: ((id: string, isNew: boolean) => void)[] = [];
  private readonly planner: Planner;
  private readonly reconciler: Reconciler;

  constructor(config: Config, store: JobStore, queue: MergeQueue, log: Logger) {
    this.config = config;
    this.store = store;
    this.index = new JobIndex(store);
    this.index.onDamaged = (id, error) => log.error({ err: error, job: id }, 'a job is damaged and left out');
    this.feeds = new EventFeeds(store);
    this.planner = new Planner(config, queue);
    this.queue = queue;
    this.log = log;
    this.reconciler = new Reconciler(store, this.index, queue, log, {
      cancel: (id) => this.cancel(id),
      fail: (id, error) => this.end(id, 'failed', error),
    });
  }

  /** Be told of jobs that began or ended while this process looked. */
  onMove(listener: (before: JobStatus, job: Job) => void): void {
    this.index.onMove = (before, job) => before && listener(before, job);
  }

  /** Jobs by status. */
  counts(): Record<JobStatus, number> {
    return this.index.counts();
  }

  /** The plan as JSON text (UTF-8), with what stands in its way just now. */
  plan(spec: JobSpec): Promise<Uint8Array> {
    return this.planner.show(settledSpec(spec));
  }

  /**
   * Accept a job: planned, on disk, then in the queue. A job on disk that never reached the queue (a crash in
   * between) is found by `reconcile`.
   */
  async submit(given: JobSpec, { idempotencyKey, retryOf = null, trace }: Submission = {}): Promise<Job> {
    const spec = settledSpec(given);
    const known = idempotencyKey && (await this.submittedBefore(idempotencyKey, spec));
    if (known) return known;
    // Asked at once, heeded last: what is wrong with the spec is said first.
    const reachable = this.queue.ping();
    reachable.catch(() => {});
    const { plan, family, costs, steps, inputs, bases } = await this.planner.inspect(spec);
    await this.checkRoom(costs);
    await reachable;
    const fresh = newJobId();
    const id = idempotencyKey === undefined ? fresh : await claimKey(this.config.DATA_DIR, idempotencyKey, spec, fresh);
    const created_at = new Date().toISOString();
    const claim = idempotencyKey === undefined ? undefined : claimOf(idempotencyKey);
    const optional = { ...(claim && { claim }), ...(trace && { trace }) };
    const record: JobHead = { id, created_at, spec, steps, inputs, retry_of: retryOf, ...optional };
    // First, so that no crash in between makes the webhook miss anything.
    if (spec.webhook) await this.store.deliveries.expect(id);
    if (await this.store.create(record, plan, bases)) {
      // Accepted from here on, queue or not: `reconcile` enqueues what this cannot.
      await this.queue.enqueue(record).catch((error) => this.log.warn({ err: error, job: id }, 'not enqueued yet'));
      this.log.info({ job: id, family }, 'job accepted');
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
  private async checkRoom(costs: Plan['costs']): Promise<void> {
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
    const waiting = job.status === 'queued' ? await this.planner.missing(job.spec) : null;
    return waiting === null ? job : { ...job, waiting_for: waiting };
  }

  async list(query: ListQuery): Promise<{ data: Job[]; hasMore: boolean }> {
    const { data, hasMore } = await listJobs(this.index, query);
    return { data: await Promise.all(data.map((job) => this.withWaiting(job))), hasMore };
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
    if (await this.queue.withdraw(id)) await this.end(id, 'cancelled', null);
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

  /**
   * Also where the job is damaged, whatever it was doing.
   * @throws ConflictError while the job has not ended
   */
  async delete(id: string): Promise<void> {
    const job = await this.get(id).catch((error) => {
      if (isJobDamaged(error)) return undefined;
      throw error;
    });
    // A worker that still has a step of it stops when it looks.
    if (!job) await this.queue.announceCancel(id).catch(() => {});
    else if (!isTerminal(job.status))
      throw new ConflictError('job_not_finished', `Job ${id} is ${job.status}; cancel it before deleting it.`);
    if (!(await deleteJob(this.store, this.index, id, this.config.DATA_DIR))) throw notFound(id);
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
    const { removed, failures } = await removeExpired(this.store, this.index, this.downloads, hours, DATA_DIR);
    if (removed > 0) this.log.info({ removed, hours }, 'removed jobs past their retention');
    if (failures.length > 0)
      this.log.warn({ err: failures[0].error, jobs: failures.map(({ job }) => job) }, 'jobs not removed');
  }

  /** Bring the queue in line with the store. */
  reconcile(): Promise<void> {
    return this.reconciler.run();
  }

  /** Wait until what is remembered of ended jobs is on disk. */
  close(): Promise<void> {
    return this.index.close();
  }

  private async end(id: string, status: 'cancelled' | 'failed', error: JobError | null): Promise<void> {
    await this.store.finish(id, { status, finished_at: new Date().toISOString(), error });
    await this.moved(id);
  }
}

const notFound = (id: string) => new NotFoundError('job_not_found', `There is no job "${id}".`);
