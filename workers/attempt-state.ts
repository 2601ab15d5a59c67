import type { JobStore } from '../src/jobs/job-store.js';
import type { JobState } from '../src/jobs/record.js';
import type { Progress } from '../src/schemas/job.js';

/**
 * A job's state on disk while one of its steps runs here. Several workers may write it, each for its own step: what
 * they write only ever goes forward, and a lost update is made up for by the next. One write at a time.
 */
export class AttemptState {
  private readonly store: JobStore;
  private readonly id: string;
  private readonly worker: string;
  private pending: Promise<unknown> = Promise.resolve();
  private latest: Progress | undefined;

  constructor(store: JobStore, id: string, worker: string) {
    this.store = store;
    this.id = id;
    this.worker = worker;
  }

  /** A step has begun for the `attempt`-th time; the job's attempt is that of the step that needed most. */
  async begin(attempt: number): Promise<void> {
    await this.update((state) => ({
      attempt: Math.max(state.attempt, attempt),
      started_at: state.started_at === null || attempt > state.attempt ? new Date().toISOString() : state.started_at,
    }));
  }

  report(progress: Progress): void {
    this.latest = progress;
    this.pending = this.pending
      .then(() => (this.latest === progress ? this.update((state) => ({ progress: further(state, progress) })) : null))
      .catch(() => {});
  }

  settle(): Promise<unknown> {
    return this.pending;
  }

  private async update(change: (state: JobState) => Partial<JobState>): Promise<void> {
    const state = await this.store.state(this.id);
    if (!state) return;
    await this.store.writeState(this.id, { ...state, status: 'running', worker: this.worker, ...change(state) });
  }
}

/** Steps that run side by side report in turns; the job shows how far it has come. */
const further = ({ progress }: JobState, next: Progress): Progress =>
  next.fraction < progress.fraction ? progress : next;
