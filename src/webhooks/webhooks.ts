import type { Config } from '../config.js';
import { ConflictError, NotFoundError } from '../errors.js';
import type { JobService } from '../jobs/job-service.js';
import type { JobStore } from '../jobs/job-store.js';
import { type Logger, quietly } from '../log.js';
import { isFinalEvent, type JobEvent } from '../schemas/event.js';
import { isTerminal } from '../schemas/job.js';
import type { Delivery } from '../schemas/webhook.js';
import { Deliverer } from './deliverer.js';
import { DeliveryQueue } from './delivery-queue.js';
import type { DeliveryStore, StoredDelivery } from './delivery-store.js';

/** Events of one look; the next look goes on. */
const EVENTS_AT_ONCE = 1_000;
/** Of the jobs that wait, one in so many is looked at each time: messages of workers may be lost. */
const REFRESH_EVERY = 20;
/** A job that somebody has begun to submit is there after so long, or never. */
const SUBMISSION_MS = 60_000;

/**
 * Tells the webhooks of jobs what happens to them. The files are the truth: each event that a webhook wants has one
 * delivery, made once whoever looks first; what the queue has lost is put back. A receiver may be told twice (a crash
 * between its answer and our note of it), under the same id.
 */
export class Webhooks {
  private readonly store: JobStore;
  private readonly deliveries: DeliveryStore;
  private readonly jobs: JobService;
  private readonly log: Logger;
  private readonly deliverer: Deliverer;
  private readonly queue: DeliveryQueue | undefined;
  /** Last event looked at, of the jobs with something to deliver. */
  private readonly seen = new Map<string, number>();
  private readonly looking = new Map<string, Promise<void>>();
  private turn = 0;

  constructor(config: Config, store: JobStore, jobs: JobService, log: Logger) {
    this.store = store;
    this.deliveries = store.deliveries;
    this.jobs = jobs;
    this.log = log;
    this.deliverer = new Deliverer(config, store, log, (id) => this.finish(id));
    // Without a secret nothing is sent; what is under way waits for a start with one.
    if (config.WEBHOOK_SECRET.length > 0)
      this.queue = new DeliveryQueue(config, (delivery) => this.deliverer.deliver(delivery), quietly(log));
    jobs.onMoved((id, isNew) => {
      if (this.queue && (isNew || this.seen.has(id))) void this.lookAt(id);
    });
  }

  /** Deliveries of a job, by event. @throws NotFoundError */
  async list(job: string): Promise<Delivery[]> {
    await this.jobs.get(job);
    return (await this.deliveries.list(job)).map(shown);
  }

  /** Deliver once more, at once, whatever came of it before. @throws NotFoundError, ConflictError */
  async replay(job: string, id: string): Promise<Delivery> {
    await this.jobs.get(job);
    const event = Number(id.split('_')[2]);
    const before = await this.deliveries.get(job, event);
    if (before?.id !== id) throw new NotFoundError('delivery_not_found', `Job ${job} has no delivery "${id}".`);
    if (!this.queue) throw new ConflictError('webhooks_disabled', 'This service has no WEBHOOK_SECRET to sign with.');
    await this.deliveries.setGone(job, false);
    const delivery: StoredDelivery = {
      ...before,
      status: 'pending',
      next_attempt_at: new Date().toISOString(),
      replays: before.replays + 1,
      earlier: before.attempts.length,
    };
    await this.deliveries.write(delivery);
    await this.deliveries.expect(job);
    await this.enqueue(delivery);
    return shown(delivery);
  }

  /** Look for events of the jobs that may have some: those that run or have ended every time, others in turns. */
  async reconcile(): Promise<void> {
    if (!this.queue) return;
    for (const [i, id] of (await this.deliveries.expected()).entries()) {
      const status = this.jobs.lastSeen(id);
      if (status === 'queued' && this.seen.has(id) && (i + this.turn) % REFRESH_EVERY !== 0) continue;
      if (status !== undefined && isTerminal(status) && this.hasAll(id)) continue;
      await this.lookAt(id);
    }
    this.turn++;
  }

  /** Put back what the queue has lost, and be done with jobs that have nothing more to deliver. */
  async sweep(): Promise<void> {
    if (!this.queue) return;
    const expected = await this.deliveries.expected();
    for (const id of expected)
      await this.putBack(id).catch((error) => this.log.warn({ err: error, job: id }, 'webhook not looked after'));
    // Another API was done with those first.
    for (const id of this.seen.keys()) if (!expected.includes(id)) await this.finish(id);
  }

  private async putBack(id: string): Promise<void> {
    for (const delivery of await this.deliveries.list(id))
      if (delivery.status === 'pending') await this.enqueue(delivery);
    await this.finish(id);
  }

  async close(): Promise<void> {
    await this.deliverer.close();
    await this.queue?.close();
    await Promise.all(this.looking.values());
  }

  /** One look at a job at a time; whoever asks meanwhile gets one after that. */
  private lookAt(id: string): Promise<void> {
    const look = (this.looking.get(id) ?? Promise.resolve())
      .then(() => this.look(id))
      .catch((error) => this.log.warn({ err: error, job: id }, 'webhook not looked after'))
      .finally(() => {
        if (this.looking.get(id) === look) this.looking.delete(id);
      });
    this.looking.set(id, look);
    return look;
  }

  private async look(id: string): Promise<void> {
    const job = await this.store.get(id);
    const after = this.seen.get(id) ?? 0;
    const events =
      job && (await this.store.events(id, Math.min(after, Number.MAX_SAFE_INTEGER - EVENTS_AT_ONCE), EVENTS_AT_ONCE));
    // Not there: deleted, or about to be created by a request under way.
    if (!job?.spec.webhook || !events) return;
    for (const event of events) if (job.spec.webhook.events.includes(event.type)) await this.prepare(event);
    const last = events.at(-1);
    if (last) this.seen.set(id, isFinalEvent(last) ? Number.POSITIVE_INFINITY : last.id);
    if (this.hasAll(id)) await this.finish(id);
  }

  /** Whether every event of a job that has ended was looked at. */
  private hasAll(id: string): boolean {
    return this.seen.get(id) === Number.POSITIVE_INFINITY;
  }

  private async prepare({ id: event_id, job_id, type }: JobEvent): Promise<void> {
    const now = new Date().toISOString();
    const id = `msg_${job_id.slice('job_'.length)}_${event_id}`;
    const delivery: StoredDelivery = {
      id,
      object: 'delivery',
      job_id,
      event_id,
      type,
      status: 'pending',
      created_at: now,
      next_attempt_at: now,
      replays: 0,
      attempts: [],
      earlier: 0,
    };
    if (await this.deliveries.create(delivery)) await this.enqueue(delivery);
  }

  /** What cannot be queued now is put back by the sweep. */
  private async enqueue(delivery: StoredDelivery): Promise<void> {
    await this.queue
      ?.add(delivery)
      .catch((error) => this.log.warn({ err: error, delivery: delivery.id }, 'delivery not queued yet'));
  }

  /** Keep a job in mind no longer once it has ended and everybody was told; or it was deleted. */
  private async finish(id: string): Promise<void> {
    if (!this.hasAll(id)) {
      const wanted = (await this.store.get(id)) ?? (await this.deliveries.isExpected(id, SUBMISSION_MS));
      if (wanted) return;
    }
    if (await this.hasPending(id)) return;
    await this.deliveries.forget(id);
    this.seen.delete(id);
    // Asked for again meanwhile.
    if (await this.hasPending(id)) await this.deliveries.expect(id);
  }

  private async hasPending(id: string): Promise<boolean> {
    return (await this.deliveries.list(id)).some(({ status }) => status === 'pending');
  }
}

const shown = ({ earlier: _, ...delivery }: StoredDelivery): Delivery => delivery;
