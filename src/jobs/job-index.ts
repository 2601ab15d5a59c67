import { isTerminal, JOB_STATUSES, type Job, type JobStatus } from '../schemas/job.js';
import { SharedWork } from '../shared-work.js';
import { isJobDamaged } from './damaged-job.js';
import { EndedJobs } from './ended-jobs.js';
import type { IndexedJob } from './indexed-job.js';
import type { JobStore } from './job-store.js';
import type { JobHead } from './record.js';

/** Jobs looked at at a time while the index is filled. */
const LOADERS = 16;

/**
 * Every job in memory, as last seen in the store, which stays the truth: a job that others may have moved on is read
 * again before anything is done or said about it. Jobs made elsewhere are found by listing the folder.
 */
export class JobIndex {
  private readonly store: JobStore;
  private readonly jobs = new Map<string, IndexedJob>();
  private readonly open = new Set<string>();
  /** Pollers get the very same object as long as nothing has changed. */
  private readonly noted = new WeakSet<Job>();
  private readonly damaged = new Set<string>();
  private readonly reading = new Map<string, SharedWork<Job | undefined>>();
  private readonly ended: EndedJobs;
  private readonly filling = new SharedWork(() => this.fill());
  private recalled = false;
  private filled = false;

  /** Told of every job that is not as it was when it was last seen, with the status it had then. */
  onMove: (before: JobStatus | undefined, job: Job) => void = () => {};
  /** Told once of every job whose files cannot be understood; it is left out. */
  onDamaged: (id: string, error: Error) => void = () => {};

  constructor(store: JobStore) {
    this.store = store;
    this.ended = new EndedJobs(store.endedJobs);
  }

  /** Jobs by status, as last seen. */
  counts(): Record<JobStatus, number> {
    const counts = Object.fromEntries(JOB_STATUSES.map((status) => [status, 0])) as Record<JobStatus, number>;
    for (const { status } of this.jobs.values()) counts[status]++;
    return counts;
  }

  /** Jobs that have not ended, as far as is known. */
  get unfinished(): ReadonlySet<string> {
    return this.open;
  }

  /** Ids of all jobs, oldest first; every one of them that can be read is in the index then. */
  ids(): Promise<readonly string[]> {
    return this.filling.run();
  }

  /**
   * Ids of all jobs, oldest first, and whether every one of them is in the index. After a start, while thousands are
   * still being read, nobody waits for that: what is not in the index yet can be looked at by itself.
   */
  async listed(): Promise<{ ids: readonly string[]; complete: boolean }> {
    const filling = this.filling.run();
    if (this.filled) return { ids: await filling, complete: true };
    // It is for those who wait for it to say that it failed.
    filling.catch(() => {});
    return { ids: await this.store.ids(), complete: false };
  }

  private async fill(): Promise<readonly string[]> {
    const ids = await this.store.ids();
    if (!this.recalled) await this.recall(ids);
    const unknown = ids.filter((id) => !this.jobs.has(id));
    await forEach(unknown, (id) => this.look(id));
    if (this.jobs.size > ids.length) {
      const present = new Set(ids);
      // Deleted elsewhere, or made here since the folder was listed.
      for (const id of this.jobs.keys()) if (!present.has(id)) await this.look(id);
    }
    this.filled = true;
    return ids;
  }

  /** Take what was known of ended jobs before the last start, as far as it still holds. */
  private async recall(ids: readonly string[]): Promise<void> {
    const known = await this.ended.load(new Set(ids));
    await forEach([...known.values()], async (job) => {
      if (!this.jobs.has(job.id) && (await this.store.hasEnded(job.id))) this.jobs.set(job.id, job);
    });
    this.recalled = true;
  }

  /** Wait until what is remembered of ended jobs is on disk. */
  async close(): Promise<void> {
    await this.ended.flush();
  }

  /** A job that has just been made here: as it was accepted, without reading it back. */
  created(record: JobHead): Job {
    const job = this.store.accepted(record);
    this.note(job);
    return job;
  }

  get(id: string): IndexedJob | undefined {
    return this.jobs.get(id);
  }

  /**
   * Read a job from the store again. Those who ask while it is being read share the read after that one: a thousand
   * pollers of a job cost no more than the disk can do, and nobody sees what was before they asked.
   */
  refresh(id: string): Promise<Job | undefined> {
    const known = this.reading.get(id);
    if (known) return known.run();
    const reading = new SharedWork(() => this.load(id));
    this.reading.set(id, reading);
    reading.onIdle = () => this.reading.delete(id);
    return reading.run();
  }

  /** Whether a job that may not be in the index yet can have a status; asked before all of it is read. */
  async canBe(id: string, status: JobStatus): Promise<boolean> {
    return this.jobs.has(id) || (await this.store.hasEnded(id)) === isTerminal(status);
  }

  /** As `refresh`, and undefined also where the job is damaged: one of them must not stand in the way of all others. */
  async look(id: string): Promise<Job | undefined> {
    try {
      return await this.refresh(id);
    } catch (error) {
      if (!isJobDamaged(error)) throw error;
      this.forget(id);
      if (!this.damaged.has(id)) this.onDamaged(id, error);
      this.damaged.add(id);
      return undefined;
    }
  }

  private async load(id: string): Promise<Job | undefined> {
    const job = await this.store.get(id);
    const before = this.jobs.get(id)?.status;
    // An end is final: where it seems undone the job was being deleted, and its state was read, but no outcome any more.
    if (job && !(before && isTerminal(before) && !isTerminal(job.status))) {
      this.note(job);
      return job;
    }
    this.forget(id);
    return undefined;
  }

  note(job: Job): void {
    if (this.noted.has(job)) return;
    this.noted.add(job);
    const { id, status, labels, created_at, finished_at, cancel_requested } = job;
    const ended = isTerminal(status);
    const before = this.jobs.get(id)?.status;
    const checkpoints = ended ? [] : checkpointsOf(job);
    const indexed = { id, status, labels, created_at, finished_at, cancel_requested, checkpoints };
    this.jobs.set(id, indexed);
    if (ended && before !== status) this.ended.add(indexed);
    if (ended) this.open.delete(id);
    else this.open.add(id);
    if (before !== status) this.onMove(before, job);
  }

  forget(id: string): void {
    this.jobs.delete(id);
    this.open.delete(id);
  }
}

async function forEach<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < items.length) await act(items[next++]);
  };
  await Promise.all(Array.from({ length: LOADERS }, work));
}

/** Uploaded checkpoints a job reads: as a source, a probe or calibration tokens. */
function checkpointsOf({ spec: { sources, probe, method, compare } }: Job): string[] {
  const methods = [method, ...(compare?.methods ?? [])];
  const named = [sources, probe ?? [], methods.flatMap(({ calibration }) => calibration ?? [])].flat();
  return [...new Set(named.flatMap((source) => ('checkpoint' in source ? [source.checkpoint] : [])))];
}
