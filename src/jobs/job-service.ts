import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import type { Config } from '../config.js';
import { ConflictError, NotFoundError } from '../errors.js';
import type { Logger } from '../log.js';
import { showPlan } from '../plan/show-plan.js';
import type { MergeQueue } from '../queue/merge-queue.js';
import { queueName } from '../queue/settings.js';
import { isTerminal, type Job, type JobStatus } from '../schemas/job.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { ShownPlan } from '../schemas/plan.js';
import { layout } from '../store/layout.js';
import { claimKey } from './idempotency.js';
import { newJobId } from './ids.js';
import { inspect } from './inputs.js';
import type { JobStore } from './job-store.js';
import type { JobRecord } from './record.js';
import { waitingFor } from './waiting-for.js';

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
  private readonly checkpoints: CheckpointStore;
  private readonly queue: MergeQueue;
  private readonly log: Logger;

  constructor(config: Config, store: JobStore, checkpoints: CheckpointStore, queue: MergeQueue, log: Logger) {
    this.config = config;
    this.store = store;
    this.checkpoints = checkpoints;
    this.queue = queue;
    this.log = log;
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
  async submit(spec: JobSpec, idempotencyKey?: string, retryOf: string | null = null): Promise<Job> {
    const { plan, inputs } = await this.inspect(spec);
    await this.queue.ping();
    const fresh = newJobId();
    const id = idempotencyKey === undefined ? fresh : await claimKey(this.config.DATA_DIR, idempotencyKey, spec, fresh);
    const record: JobRecord = { id, created_at: new Date().toISOString(), spec, plan, inputs, retry_of: retryOf };
    if (await this.store.create(record)) {
      // Accepted from here on, queue or not: `reconcile` enqueues what this cannot.
      await this.queue.enqueue(record).catch((error) => this.log.warn({ err: error, job: id }, 'not enqueued yet'));
      this.log.info({ job: id, family: plan.family }, 'job accepted');
    }
    return this.get(id);
  }

  /** @throws NotFoundError */
  async get(id: string): Promise<Job> {
    const job = await this.store.get(id);
    if (!job) throw new NotFoundError('job_not_found', `There is no job "${id}".`);
    return job.status === 'queued' ? { ...job, waiting_for: await this.missing(job.spec) } : job;
  }

  async list(query: ListQuery): Promise<{ data: Job[]; hasMore: boolean }> {
    let ids = await this.store.ids();
    if (query.order === 'desc') ids.reverse();
    const { after } = query;
    if (after !== undefined) ids = ids.filter((id) => (query.order === 'desc' ? id < after : id > after));
    const data: Job[] = [];
    for (const id of ids) {
      const job = await this.store.get(id);
      if (!job || !matches(job, query)) continue;
      if (data.length === query.limit) return { data, hasMore: true };
      data.push(job.status === 'queued' ? { ...job, waiting_for: await this.missing(job.spec) } : job);
    }
    return { data, hasMore: false };
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
  async retry(id: string): Promise<Job> {
    const job = await this.get(id);
    if (!isTerminal(job.status))
      throw new ConflictError('job_not_finished', `Job ${id} is ${job.status}; only a finished job is retried.`);
    return this.submit(job.spec, undefined, id);
  }

  /** @throws ConflictError while the job has not ended */
  async delete(id: string): Promise<void> {
    const job = await this.get(id);
    if (!isTerminal(job.status))
      throw new ConflictError('job_not_finished', `Job ${id} is ${job.status}; cancel it before deleting it.`);
    await this.store.delete(id);
    await this.queue.withdraw(id).catch(() => {});
  }

  /** Unfinished jobs that read a checkpoint, as a source or a probe. */
  async needing(checkpoint: string): Promise<string[]> {
    const found: string[] = [];
    for (const id of await this.store.ids()) {
      const job = await this.store.get(id);
      if (!job || isTerminal(job.status)) continue;
      const { sources, probe, method, compare } = job.spec;
      const methods = [method, ...(compare?.methods ?? [])];
      const named = [sources, probe, methods.flatMap(({ calibration }) => calibration ?? [])]
        .flat()
        .some((source) => 'checkpoint' in source && source.checkpoint === checkpoint);
      if (named) found.push(id);
    }
    return found;
  }

  /**
   * Bring the queue in line with the store: jobs on disk that the queue does not know are enqueued (a crash between
   * the two, a flushed Redis); jobs it gave up without an outcome on disk are ended.
   */
  async reconcile(): Promise<void> {
    for (const id of await this.store.ids()) {
      const job = await this.store.get(id);
      const record = job && !isTerminal(job.status) ? await this.store.record(id) : undefined;
      if (!record) continue;
      const state = await this.queue.state(id);
      if (job?.cancel_requested && state !== 'active') await this.cancel(id);
      else if (state === 'missing') {
        this.log.warn({ job: id }, 'job was not in the queue; enqueued again');
        await this.queue.enqueue(record, await this.store.finishedSteps(id));
      } else if (state === 'failed') await this.end(id, 'failed');
      else if (state === 'completed') await this.queue.withdraw(id);
    }
  }

  private async end(id: string, status: 'cancelled' | 'failed'): Promise<void> {
    const error =
      status === 'cancelled'
        ? null
        : { code: 'worker_lost', message: 'The workers that ran this job died, and no attempt is left.', errors: [] };
    await this.store.finish(id, { status, finished_at: new Date().toISOString(), error });
  }

  private inspect(spec: JobSpec) {
    const roots = { checkpoints: layout(this.config.DATA_DIR).checkpoints, sourceRoots: this.config.SOURCE_ROOTS };
    return inspect(spec, roots, this.checkpoints);
  }
}

function matches(job: Job, { status, labels, createdAfter }: ListQuery): boolean {
  if (status && job.status !== status) return false;
  if (createdAfter && !(Date.parse(job.created_at) > Date.parse(createdAfter))) return false;
  return Object.entries(labels).every(([key, value]) => job.labels[key] === value);
}
