import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { remember } from '../remember.js';
import { isFinalEvent, type JobEvent } from '../schemas/event.js';
import type { Job } from '../schemas/job.js';
import { isTerminal } from '../schemas/job.js';
import {
  createExclusive,
  ensureFolder,
  isMissing,
  linkOrCopy,
  readJson,
  SETTLED_MS,
  writeAtomic,
  writeSynced,
} from '../store/files.js';
import { isStorageFull } from '../store/headroom.js';
import { jobFolder, jobLayout, layout } from '../store/layout.js';
import type { ObjectStore } from '../store/object-store.js';
import { DeliveryStore } from '../webhooks/delivery-store.js';
import { EventLog, FIRST_EVENT } from './event-log.js';
import { ended, progressAtEnd, queued } from './events.js';
import { initialState, type JobOutcome, type JobRecord, type JobState } from './record.js';
import { removeArtifacts, removeStoredSteps } from './stored-artifacts.js';

/** How the names of the files end that say a step has finished. */
export const STEP_MARKER = '.step.json';

/** Jobs kept in memory as last read: clients poll them far more often than they change. */
const CACHED_JOBS = 5_000;

const JOB_ID = /^job_[0-9A-Z]{26}$/;

/** A folder as last read. */
interface Read {
  /** Its time of change, and when this process first saw that (`performance.now()`, ms). */
  changed: bigint | undefined;
  since: number;
  /** Read again SETTLED_MS after that, so that nothing can have changed unseen since. */
  settled: boolean;
}

interface Seen extends Read {
  job: Job;
}

interface Listed extends Read {
  ids: readonly string[];
}

/** What clients see of a record; without the plan, which can be large. */
type Submitted = Pick<JobRecord, 'id' | 'created_at' | 'spec' | 'retry_of'> & { steps: number };

/**
 * Jobs as files under DATA_DIR, the record that outlives the queue. Who writes what: the API the record, once; the
 * running attempt the state; whoever ends the job the outcome, once, by exclusive creation; whoever moves it on an
 * event, each once.
 */
export class JobStore {
  private readonly dataDir: string;
  readonly artifacts: ObjectStore | undefined;
  readonly eventLog: EventLog;
  readonly deliveries: DeliveryStore;
  private readonly seen = new Map<string, Seen>();
  private readonly submitted = new Map<string, Submitted>();
  private listed: Listed | undefined;

  /** @param artifacts where published files are, if not in the jobs' folders */
  constructor(dataDir: string, artifacts?: ObjectStore) {
    this.dataDir = dataDir;
    this.artifacts = artifacts;
    this.eventLog = new EventLog(dataDir);
    this.deliveries = new DeliveryStore(dataDir);
  }

  async open(): Promise<void> {
    const { jobs, idempotency, trash, webhooks } = layout(this.dataDir);
    await Promise.all([jobs, idempotency, trash, webhooks].map(ensureFolder));
  }

  files(id: string) {
    return jobLayout(this.dataDir, id);
  }

  /**
   * Create a job as a whole; false when one with this id exists.
   * @param bases file of an earlier job whose bases it takes
   */
  async create(record: JobRecord, bases?: string): Promise<boolean> {
    const { folder } = this.files(record.id);
    // A name of its own for each call: the same key sent twice at once creates the same job twice at once.
    const staging = `${folder}.${randomBytes(6).toString('hex')}.tmp`;
    await mkdir(staging);
    const put = (file: string, value: object) => writeSynced(path.join(staging, file), JSON.stringify(value));
    await Promise.all([
      put('record.json', record),
      put('state.json', initialState(record.plan.steps.length)),
      bases && linkOrCopy(bases, path.join(staging, path.basename(this.files(record.id).bases))),
    ]);
    try {
      await rename(staging, folder);
      return true;
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
      throw error;
    }
  }

  /** A job as clients see it right after it was created. */
  accepted(record: JobRecord): Job {
    const steps = record.plan.steps.length;
    return present(this.rememberSubmitted(record), initialState(steps), undefined, false);
  }

  record(id: string): Promise<JobRecord | undefined> {
    return readJson<JobRecord>(this.files(id).record);
  }

  outcome(id: string): Promise<JobOutcome | undefined> {
    return readJson<JobOutcome>(this.files(id).outcome);
  }

  state(id: string): Promise<JobState | undefined> {
    return readJson<JobState>(this.files(id).state);
  }

  /** Steps that have left a marker. Whether their files are sound is for those to check who read them. */
  async finishedSteps(id: string): Promise<Set<string>> {
    const names = await readdir(this.files(id).steps).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    return new Set(names.flatMap((name) => (name.endsWith(STEP_MARKER) ? [name.slice(0, -STEP_MARKER.length)] : [])));
  }

  /** The job as clients see it. */
  async get(id: string): Promise<Job | undefined> {
    const [changed, now] = [await timeOfChange(jobFolder(this.dataDir, id)), performance.now()];
    const before = this.seen.get(id);
    const seen = before?.changed === changed ? before : undefined;
    if (seen?.settled) return seen.job;
    const job = changed === undefined ? undefined : await this.read(id);
    if (!job || changed === undefined) {
      this.seen.delete(id);
      this.submitted.delete(id);
      return undefined;
    }
    if (isTerminal(job.status)) this.submitted.delete(id);
    const since = seen?.since ?? now;
    remember(this.seen, id, { job, changed, since, settled: now - since > SETTLED_MS }, CACHED_JOBS);
    return job;
  }

  private async read(id: string): Promise<Job | undefined> {
    const files = this.files(id);
    const record = this.submitted.get(id) ?? (await this.readSubmitted(id));
    if (!record) return undefined;
    // State first: an outcome written in between then still wins. A job without one has been deleted.
    const state = await readJson<JobState>(files.state);
    if (!state) return undefined;
    const [outcome, cancel] = await Promise.all([readJson<JobOutcome>(files.outcome), readJson(files.cancel)]);
    return present(record, state, outcome, cancel !== undefined);
  }

  private async readSubmitted(id: string): Promise<Submitted | undefined> {
    const record = await readJson<JobRecord>(this.files(id).record);
    if (!record) return undefined;
    return this.rememberSubmitted(record);
  }

  private rememberSubmitted({ id, created_at, spec, retry_of, plan }: JobRecord): Submitted {
    const submitted = { id, created_at, spec, retry_of, steps: plan.steps.length };
    remember(this.submitted, id, submitted, CACHED_JOBS);
    return submitted;
  }

  /**
   * Events of a job with ids above `after`, oldest first, at most `limit`; undefined where there is no such job. The
   * end of a job whose writer died before it could say so is appended here.
   */
  async events(id: string, after: number, limit: number): Promise<JobEvent[] | undefined> {
    const record = this.submitted.get(id) ?? (await this.readSubmitted(id));
    if (!record) return undefined;
    const first = after < FIRST_EVENT ? [queued(record)] : [];
    const written = await this.eventLog.read(id, after, limit - first.length);
    if (written.length === 0 && !(await exists(this.files(id).folder))) {
      this.submitted.delete(id);
      return undefined;
    }
    const events = [...first, ...written];
    const last = events.at(-1);
    if (events.length === limit || (last && isFinalEvent(last))) return events;
    const outcome = await this.outcome(id);
    if (!outcome) return events;
    await this.announceEnd(id, outcome);
    return [...events, ...(await this.eventLog.read(id, last?.id ?? after, limit - events.length))];
  }

  /** Append the event that ends a job. Of several who try, one does it. */
  private async announceEnd(id: string, outcome: JobOutcome): Promise<void> {
    const state = await this.state(id);
    if (state) await this.eventLog.append(id, ended(outcome, state));
  }

  /** Ids of all jobs, oldest first (ids sort by creation time). */
  async ids(): Promise<readonly string[]> {
    const { jobs } = layout(this.dataDir);
    const [changed, now] = [await timeOfChange(jobs), performance.now()];
    const before = this.listed?.changed === changed ? this.listed : undefined;
    if (before?.settled) return before.ids;
    const ids = (await readdir(jobs)).filter((name) => JOB_ID.test(name)).sort();
    const since = before?.since ?? now;
    this.listed = { ids, changed, since, settled: now - since > SETTLED_MS };
    return ids;
  }

  /** Whether a job has ended, without reading how. */
  hasEnded(id: string): Promise<boolean> {
    return exists(this.files(id).outcome);
  }

  get endedJobs(): string {
    return layout(this.dataDir).endedJobs;
  }

  async writeState(id: string, state: JobState): Promise<void> {
    await writeAtomic(this.files(id).state, JSON.stringify(state));
  }

  /** End a job. Of several who try, one wins and gets true. Intermediate results are of no use from then on. */
  async finish(id: string, outcome: JobOutcome): Promise<boolean> {
    const { outcome: file, steps } = this.files(id);
    const text = JSON.stringify(outcome);
    const begun = (await this.finishedSteps(id)).size > 0;
    const won = await createExclusive(file, text).catch(async (error) => {
      // A full disk must not keep a job from ending: what it wrote makes room.
      if (!isStorageFull(error)) throw error;
      await rm(steps, { recursive: true, force: true, maxRetries: 2 });
      return createExclusive(file, text);
    });
    // The outcome counts from here on: an event that cannot be written now is appended by the next who reads them.
    await Promise.all([
      this.announceEnd(id, outcome).catch(() => {}),
      rm(steps, { recursive: true, force: true, maxRetries: 2 }).catch(() => {}),
      // What cannot be removed now goes with the job.
      begun && removeStoredSteps(this.artifacts, id).catch(() => {}),
    ]);
    return won;
  }

  async requestCancel(id: string): Promise<void> {
    await createExclusive(this.files(id).cancel, JSON.stringify({ requested_at: new Date().toISOString() }));
  }

  async cancelRequested(id: string): Promise<boolean> {
    return (await readJson(this.files(id).cancel)) !== undefined;
  }

  /**
   * Remove a job with everything it has; gone for readers at once.
   * @throws WeightfoldError `store_unavailable` before anything here is removed
   */
  async delete(id: string): Promise<void> {
    await removeArtifacts(this.artifacts, id, this.files(id).artifacts);
    const grave = path.join(layout(this.dataDir).trash, `${id}.${Date.now().toString(36)}`);
    this.seen.delete(id);
    this.submitted.delete(id);
    await rename(this.files(id).folder, grave);
    await rm(grave, { recursive: true, force: true });
  }
}

/** When an entry was last added to a folder, replaced or removed: epoch, ns. Undefined where there is no such folder. */
async function timeOfChange(folder: string): Promise<bigint | undefined> {
  const info = await stat(folder, { bigint: true }).catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return info?.mtimeNs;
}

async function exists(at: string): Promise<boolean> {
  return stat(at).then(
    () => true,
    (error) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
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
