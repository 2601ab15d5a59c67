import type { Config } from '../config.js';
import type { JobStore } from '../jobs/job-store.js';
import type { Logger } from '../log.js';
import { AttemptFailed, type QueuedDelivery } from './delivery-queue.js';
import type { DeliveryStore, StoredDelivery } from './delivery-store.js';
import { retryDelay } from './schedule.js';
import { type Answer, WebhookSender } from './sender.js';

/** What is noted where the receiver said so before. */
const NO_MORE: Answer = { status: null, error: 'Not called: the receiver wanted no more (410).', final: true };

/** Makes the attempts at deliveries that are due, and notes what came of each. */
export class Deliverer {
  private readonly store: JobStore;
  private readonly deliveries: DeliveryStore;
  private readonly log: Logger;
  private readonly schedule: readonly number[];
  private readonly sender: WebhookSender;
  private readonly onSettled: (job: string) => Promise<void>;

  /** @param onSettled told the job of each delivery after which no attempt follows */
  constructor(config: Config, store: JobStore, log: Logger, onSettled: (job: string) => Promise<void>) {
    this.store = store;
    this.deliveries = store.deliveries;
    this.log = log;
    this.schedule = config.WEBHOOK_RETRY_SECONDS;
    this.sender = new WebhookSender(config);
    this.onSettled = onSettled;
  }

  /** One attempt. @throws AttemptFailed where another follows */
  async deliver({ job, event, replays }: QueuedDelivery): Promise<void> {
    const [delivery, record, events] = await Promise.all([
      this.deliveries.get(job, event),
      this.store.get(job),
      this.store.events(job, event - 1, 1),
    ]);
    const content = events?.[0];
    if (delivery?.status !== 'pending' || delivery.replays !== replays || !record?.spec.webhook || !content) return;
    const from = Date.now();
    const body = JSON.stringify({ type: content.type, timestamp: content.created_at, data: content });
    const gone = await this.deliveries.isGone(job);
    const answer = gone ? NO_MORE : await this.sender.send(record.spec.webhook.url, delivery.id, body);
    await this.note(delivery, answer, from);
  }

  private async note(
    before: StoredDelivery,
    { status, error, retryAfter, final }: Answer,
    from: number,
  ): Promise<void> {
    const attempt = {
      at: new Date(from).toISOString(),
      duration_ms: Date.now() - from,
      response_status: status,
      error,
    };
    const current = await this.deliveries.get(before.job_id, before.event_id);
    if (!current) return;
    const delivery = { ...current, attempts: [...current.attempts, attempt] };
    this.log.info({ delivery: delivery.id, response_status: status, reason: error }, 'webhook called');
    // Asked for once more meanwhile: that goes its own way.
    if (current.replays !== before.replays) {
      await this.deliveries.write({ ...delivery, earlier: delivery.attempts.length });
      return;
    }
    const failed = delivery.attempts.length - delivery.earlier;
    const delay = final ? undefined : retryDelay(failed, this.schedule, retryAfter);
    if (status === 410) await this.deliveries.setGone(delivery.job_id, true);
    if (delay === undefined) {
      await this.settle({ ...delivery, status: error === null ? 'delivered' : 'failed', next_attempt_at: null });
      return;
    }
    await this.deliveries.write({ ...delivery, next_attempt_at: new Date(Date.now() + delay).toISOString() });
    throw new AttemptFailed(error ?? '', delay);
  }

  private async settle(delivery: StoredDelivery): Promise<void> {
    await this.deliveries.write(delivery);
    await this.onSettled(delivery.job_id);
  }

  close(): Promise<void> {
    return this.sender.close();
  }
}
