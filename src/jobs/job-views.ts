import { remember } from '../remember.js';
import { isTerminal, type Job } from '../schemas/job.js';
import { exists } from '../store/files.js';
import { FolderCache } from '../store/folder-cache.js';
import { jobFolder, jobLayout } from '../store/layout.js';
import { jobDamaged, readJobFile } from './damaged-job.js';
import { progressAtEnd } from './events.js';
import { readHead } from './read-record.js';
import { initialState, type JobHead, type JobOutcome, type JobState } from './record.js';
import { isOutcome, isState } from './record-shape.js';

/** Jobs kept in memory as last read: clients poll them far more often than they change. */
const CACHED_JOBS = 5_000;

/** What clients see of a record. */
export type Submitted = Pick<JobHead, 'id' | 'created_at' | 'spec' | 'retry_of'> & { steps: number };

/** Jobs as clients see them, put together from their files and kept while these are as they were. */
export class JobViews {
  private readonly dataDir: string;
  private readonly seen = new FolderCache<Job>(CACHED_JOBS);
  private readonly records = new Map<string, Submitted>();

  constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  /** A job right after it was created. */
  accepted(record: JobHead): Job {
    return present(this.keep(record), initialState(record.steps.length), undefined, false);
  }

  /**
   * @returns undefined where there is no such job. The very same object as long as nothing has changed
   * @throws WeightfoldError `job_damaged`
   */
  async get(id: string): Promise<Job | undefined> {
    const job = await this.seen.read(jobFolder(this.dataDir, id), () => this.read(id));
    if (!job || isTerminal(job.status)) this.records.delete(id);
    return job;
  }

  /** What a job was submitted as. */
  async submitted(id: string): Promise<Submitted | undefined> {
    const known = this.records.get(id);
    if (known) return known;
    const record = await readHead(id, jobLayout(this.dataDir, id));
    return record && this.keep(record);
  }

  /** A job that is being removed. */
  forget(id: string): void {
    this.seen.forget(jobFolder(this.dataDir, id));
    this.records.delete(id);
  }

  private async read(id: string): Promise<Job | undefined> {
    const files = jobLayout(this.dataDir, id);
    const submitted = await this.submitted(id);
    // State first: an outcome written in between then still wins.
    const state = submitted && (await readJobFile<JobState>(id, files.state, isState));
    if (!submitted || !state) {
      // A job is created and deleted as a whole: where its folder stays, the file has been lost.
      if (!(await exists(files.folder))) return undefined;
      throw jobDamaged(id, `${submitted ? 'state' : 'record'}.json is missing`);
    }
    const [outcome, cancel] = await Promise.all([
      readJobFile<JobOutcome>(id, files.outcome, isOutcome),
      exists(files.cancel),
    ]);
    // Removed in between it would look as if it had not ended.
    if (!outcome && !(await exists(files.folder))) return undefined;
    return present(submitted, state, outcome, cancel);
  }

  private keep({ id, created_at, spec, retry_of, steps }: JobHead): Submitted {
    const submitted = { id, created_at, spec, retry_of, steps: steps.length };
    remember(this.records, id, submitted, CACHED_JOBS);
    return submitted;
  }
}

function present(record: Submitted, state: JobState, outcome: JobOutcome | undefined, cancel: boolean): Job {
  return {
    id: record.id,
    object: 'job',
    status: outcome?.status ?? state.status,
    name: record.spec.name ?? null,
    labels: record.spec.labels,
    created_at: record.created_at,
    started_at: state.started_at,
    finished_at: outcome?.finished_at ?? null,
    attempt: state.attempt,
    max_attempts: record.spec.max_attempts,
    worker: state.worker,
    progress: progressAtEnd(outcome, state),
    cancel_requested: cancel,
    waiting_for: null,
    error: outcome?.error ?? null,
    retry_of: record.retry_of,
    spec: record.spec,
  };
}
