import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { redact } from '../redact.js';
import { isFinalEvent, type JobEvent } from '../schemas/event.js';
import type { Job } from '../schemas/job.js';
import { SharedWork } from '../shared-work.js';
import {
  createExclusive,
  ensureFolder,
  exists,
  isMissing,
  linkOrCopy,
  syncFolder,
  writeAtomic,
  writeSynced,
} from '../store/files.js';
import { FolderCache } from '../store/folder-cache.js';
import { isStorageFull } from '../store/headroom.js';
import { jobLayout, layout } from '../store/layout.js';
import type { ObjectStore } from '../store/object-store.js';
import { DeliveryStore } from '../webhooks/delivery-store.js';
import { readJobFile } from './damaged-job.js';
import { EventLog, FIRST_EVENT } from './event-log.js';
import { ended, queued } from './events.js';
import { JobViews } from './job-views.js';
import { readHead, readRecord } from './read-record.js';
import { initialState, type JobHead, type JobOutcome, type JobRecord, type JobState } from './record.js';
import { isOutcome, isState } from './record-shape.js';
import { removeArtifacts, removeStoredSteps } from './stored-artifacts.js';

/** How the names of the files end that say a step has finished. */
export const STEP_MARKER = '.step.json';

const JOB_ID = /^job_[0-9A-Z]{26}$/;

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
  private readonly views: JobViews;
  /** Makes jobs that have just been moved into place survive a power failure; those created at once share it. */
  private readonly syncing = new SharedWork(() => syncFolder(layout(this.dataDir).jobs));
  private readonly listed = new FolderCache<readonly string[]>(1);

  /** @param artifacts where published files are, if not in the jobs' folders */
  constructor(dataDir: string, artifacts?: ObjectStore) {
    this.dataDir = dataDir;
    this.artifacts = artifacts;
    this.views = new JobViews(dataDir);
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
   * @param plan as JSON text (UTF-8)
   * @param bases file of an earlier job whose bases it takes
   */
  async create(record: JobHead, plan: Uint8Array, bases?: string): Promise<boolean> {
    const { folder } = this.files(record.id);
    // A name of its own for each call: the same key sent twice at once creates the same job twice at once.
    const staging = `${folder}.${randomBytes(6).toString('hex')}.tmp`;
    await mkdir(staging);
    const put = (file: string, data: string | Uint8Array) => writeSynced(path.join(staging, file), data);
    await Promise.all([
      put('record.json', JSON.stringify(record)),
      put('plan.json', plan),
      put('state.json', JSON.stringify(initialState(record.steps.length))),
      bases && linkOrCopy(bases, path.join(staging, path.basename(this.files(record.id).bases))),
    ]);
    try {
      await rename(staging, folder);
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
      throw error;
    }
    await this.syncing.run();
    return true;
  }

  /** A job as clients see it right after it was created. */
  accepted(record: JobHead): Job {
    return this.views.accepted(record);
  }

  /** What was written at submission, without the plan. */
  head(id: string): Promise<JobHead | undefined> {
    return readHead(id, this.files(id));
  }

  /** What was written at submission, with the plan. @throws WeightfoldError `job_damaged` */
  record(id: string): Promise<JobRecord | undefined> {
    return readRecord(id, this.files(id));
  }

  outcome(id: string): Promise<JobOutcome | undefined> {
    return readJobFile<JobOutcome>(id, this.files(id).outcome, isOutcome);
  }

  state(id: string): Promise<JobState | undefined> {
    return readJobFile<JobState>(id, this.files(id).state, isState);
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
  get(id: string): Promise<Job | undefined> {
    return this.views.get(id);
  }

  /**
   * Events of a job with ids above `after`, oldest first, at most `limit`; undefined where there is no such job. The
   * end of a job whose writer died before it could say so is appended here.
   */
  async events(id: string, after: number, limit: number): Promise<JobEvent[] | undefined> {
    const record = await this.views.submitted(id);
    if (!record) return undefined;
    const first = after < FIRST_EVENT ? [queued(record)] : [];
    const written = await this.eventLog.read(id, after, limit - first.length);
    if (written.length === 0 && !(await exists(this.files(id).folder))) {
      this.views.forget(id);
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
    const list = async () => (await readdir(jobs)).filter((name) => JOB_ID.test(name)).sort();
    return (await this.listed.read(jobs, list)) ?? list();
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
    const text = redact(JSON.stringify(outcome));
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

  cancelRequested(id: string): Promise<boolean> {
    return exists(this.files(id).cancel);
  }

  /**
   * Remove a job with everything it has; gone for readers at once.
   * @throws WeightfoldError `store_unavailable` before anything here is removed
   */
  async delete(id: string): Promise<void> {
    await removeArtifacts(this.artifacts, id, this.files(id).artifacts);
    const trash = await ensureFolder(layout(this.dataDir).trash);
    const grave = path.join(trash, `${id}.${Date.now().toString(36)}`);
    this.views.forget(id);
    await rename(this.files(id).folder, grave);
    // Gone from here on; what cannot be removed now goes with the next sweep.
    await rm(grave, { recursive: true, force: true }).catch(() => {});
  }
}
