import { progressed } from '../src/jobs/events.js';
import type { JobStore } from '../src/jobs/job-store.js';
import type { JobState } from '../src/jobs/record.js';

/** A process makes at most one progress event in so long: quick steps report faster than anybody can look. */
const INTERVAL_MS = 250;

/**
 * Progress as events, beside the work: no step waits for them, and of reports that come too fast the latest counts.
 * One that is lost with the process says nothing that the next does not say.
 */
export class ProgressEvents {
  private readonly store: JobStore;
  private pending: { id: string; state: JobState } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lastAt = 0;

  constructor(store: JobStore) {
    this.store = store;
  }

  report(id: string, state: JobState): void {
    if (this.pending && this.pending.id !== id) this.write();
    this.pending = { id, state };
    this.timer ??= setTimeout(() => this.write(), this.lastAt + INTERVAL_MS - Date.now()).unref();
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.pending) return;
    const { id, state } = this.pending;
    this.pending = undefined;
    this.lastAt = Date.now();
    this.store.eventLog.append(id, progressed(state)).catch(() => {});
  }
}
