import { running } from '../src/jobs/events.js';
import type { JobStore } from '../src/jobs/job-store.js';
import type { JobState } from '../src/jobs/record.js';
import type { Progress } from '../src/schemas/job.js';
import type { ProgressEvents } from './progress-events.js';

/**
 * A job's state on disk while one of its steps runs here. Several workers may write it, each for its own step: what
 * they write only ever goes forward, and a lost update is made up for by the next. One write at a time.
 */
export class AttemptState {
  private readonly store: JobStore;
  private readonly id: string;
  private readonly worker: string;
  private readonly events: ProgressEvents;
  private pending: Promise<unknown> = Promise.resolve();
  private latest: Progress | undefined;

  constructor(store: JobStore, id: string, worker: string, events: ProgressEvents) {
    this.store = store;
    this.id = id;
    this.worker = worker;
    this.events = events;
  }

  /** A step has begun for the `attempt`-th time; the job's attempt is that of the step that needed most. */
  async begin(attempt: number): Promise<void> {
    const begun = await this.update((state) => ({
      attempt: Math.max(state.attempt, attempt),
      started_at: state.started_at ?? new Date().toISOString(),
    }));
    // The step does not wait for it.
    if (begun) this.write(() => this.store.eventLog.append(this.id, running(begun)));
  }

  report(progress: Progress): void {
    this.latest = progress;
    this.write(async () => {
      if (this.latest !== progress) return;
      const state = await this.update((state) => ({ progress: further(state, progress) }));
      if (state) this.events.report(this.id, state);
    });
  }

  settle(): Promise<unknown> {
    return this.pending;
  }

  private write(change: () => Promise<unknown>): void {
    this.pending = this.pending.then(change).catch(() => {});
  }

  private async update(change: (state: JobState) => Partial<JobState>): Promise<JobState | undefined> {
    const before = await this.store.state(this.id);
    if (!before) return undefined;
    const state: JobState = { ...before, status: 'running', worker: this.worker, ...change(before) };
    await this.store.writeState(this.id, state);
    return state;
  }
}

/** Steps that run side by side report in turns; the job shows how far it has come. */
const further = ({ progress }: JobState, next: Progress): Progress =>
  next.fraction < progress.fraction ? progress : next;
