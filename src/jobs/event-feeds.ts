import { isFinalEvent, type JobEvent } from '../schemas/event.js';
import type { JobStore } from './job-store.js';

/** Nobody announces progress within a step, so the files of jobs that run are looked at this often. */
const RUNNING_MS = 250;
/** Of others a message tells when something has happened; one that is lost is made up for this soon. */
const WAITING_MS = 2_000;
/** After a message things are about to happen: a step has just been given to a worker, say. */
const EAGER_MS = 5_000;
/** All there are; a job has a few hundred. */
const ALL = 1_000_000;

/** Events of one job as they come, read once for all who follow it in this process. */
export class EventFeed {
  /** All so far, by id from 1. */
  private readonly events: JobEvent[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly read: (after: number) => Promise<JobEvent[] | undefined>;
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  private again = false;
  private eagerUntil = 0;
  /** Nothing more comes: the job has ended or is gone, or the service stops. */
  ended = false;

  constructor(read: (after: number) => Promise<JobEvent[] | undefined>) {
    this.read = read;
    void this.look();
  }

  after(id: number): readonly JobEvent[] {
    return this.events.slice(id);
  }

  get followers(): number {
    return this.listeners.size;
  }

  /** @param listener called whenever there are more events, or none will come */
  add(listener: () => void): void {
    this.listeners.add(listener);
  }

  remove(listener: () => void): void {
    this.listeners.delete(listener);
  }

  /** Something may have happened. */
  poke(): void {
    this.eagerUntil = Date.now() + EAGER_MS;
    void this.look();
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.tell();
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private async look(): Promise<void> {
    if (this.looking || this.ended) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.looking = true;
    do {
      this.again = false;
      // A store that fails now is asked again at the next look.
      const fresh = await this.read(this.events.length).catch(() => []);
      if (this.ended) return;
      if (!fresh || fresh.some(isFinalEvent)) this.ended = true;
      this.events.push(...(fresh ?? []));
      if (this.ended || fresh?.length) this.tell();
    } while (this.again && !this.ended);
    this.looking = false;
    if (this.ended) return;
    const eager = this.events.at(-1)?.data.status === 'running' || Date.now() < this.eagerUntil;
    this.timer = setTimeout(() => void this.look(), eager ? RUNNING_MS : WAITING_MS);
  }
}

/** The jobs somebody follows in this process. */
export class EventFeeds {
  private readonly store: Pick<JobStore, 'events'>;
  private readonly feeds = new Map<string, EventFeed>();
  private closed = false;

  constructor(store: Pick<JobStore, 'events'>) {
    this.store = store;
  }

  /** Jobs that are followed just now. */
  get size(): number {
    return this.feeds.size;
  }

  /**
   * Follow a job.
   * @param listener called whenever there are more events, or none will come
   * @returns its feed, and what ends the following
   */
  follow(id: string, listener: () => void): { feed: EventFeed; stop: () => void } {
    const feed = this.feeds.get(id) ?? new EventFeed((after) => this.store.events(id, after, ALL));
    if (this.closed) feed.end();
    this.feeds.set(id, feed);
    feed.add(listener);
    const stop = () => {
      feed.remove(listener);
      if (feed.followers > 0 || this.feeds.get(id) !== feed) return;
      this.feeds.delete(id);
      feed.end();
    };
    return { feed, stop };
  }

  /** Wait for a job's end, for `ms` at most, or until `signal`. */
  async untilEnded(id: string, ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        stop();
        resolve();
      };
      const timer = setTimeout(done, ms);
      const { feed, stop } = this.follow(id, () => {
        if (feed.ended) done();
      });
      signal.addEventListener('abort', done);
      if (feed.ended || signal.aborted) done();
    });
  }

  /** Somebody has moved a job on. */
  poke(id: string): void {
    this.feeds.get(id)?.poke();
  }

  /** End all streams; those who follow go on at another API, or at the next start. */
  close(): void {
    this.closed = true;
    for (const feed of this.feeds.values()) feed.end();
  }
}
