import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { readJobFile } from '../jobs/damaged-job.js';
import { isDelivery } from '../jobs/record-shape.js';
import type { Delivery } from '../schemas/webhook.js';
import { createExclusive, exists, isMissing, writeAtomic } from '../store/files.js';
import { jobLayout, layout } from '../store/layout.js';

/** A delivery, and how many of its attempts were made before it was last asked for again. */
export type StoredDelivery = Delivery & { earlier: number };

/** Exists once the receiver has said that it wants no more. */
const GONE_FILE = 'gone';

/** Deliveries as files of their job, one per event, and which jobs have some under way: queues may be lost. */
export class DeliveryStore {
  private readonly dataDir: string;

  constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  /** Keep a job in mind, before there is anything to deliver. */
  async expect(job: string): Promise<void> {
    await createExclusive(this.marker(job), '');
  }

  /** Jobs that have something to deliver, or will have. */
  async expected(): Promise<string[]> {
    return (await readdir(layout(this.dataDir).webhooks)).filter(
      (name) => name.startsWith('job_') && !name.endsWith('.tmp'),
    );
  }

  /** @param within only if it has been for at most so many milliseconds */
  async isExpected(job: string, within = Number.POSITIVE_INFINITY): Promise<boolean> {
    const info = await stat(this.marker(job)).catch(() => undefined);
    return info !== undefined && Date.now() - info.mtimeMs <= within;
  }

  async forget(job: string): Promise<void> {
    await rm(this.marker(job), { force: true });
  }

  /** False where the event has a delivery already, or the job is gone. */
  async create(delivery: StoredDelivery): Promise<boolean> {
    const folder = this.folder(delivery.job_id);
    try {
      await mkdir(folder).catch((error) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      });
      return await createExclusive(this.file(delivery.job_id, delivery.event_id), JSON.stringify(delivery));
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  get(job: string, event: number): Promise<StoredDelivery | undefined> {
    return readJobFile<StoredDelivery>(job, this.file(job, event), isDelivery);
  }

  async write(delivery: StoredDelivery): Promise<void> {
    await writeAtomic(this.file(delivery.job_id, delivery.event_id), JSON.stringify(delivery));
  }

  /** Every delivery of a job, by event. */
  async list(job: string): Promise<StoredDelivery[]> {
    const names = await readdir(this.folder(job)).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    const events = names.flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []).map(Number);
    const found = await Promise.all(events.sort((a, b) => a - b).map((event) => this.get(job, event)));
    return found.filter((delivery) => delivery !== undefined);
  }

  isGone(job: string): Promise<boolean> {
    return exists(path.join(this.folder(job), GONE_FILE));
  }

  async setGone(job: string, gone: boolean): Promise<void> {
    const file = path.join(this.folder(job), GONE_FILE);
    if (gone) await createExclusive(file, '');
    else await rm(file, { force: true });
  }

  private marker(job: string): string {
    return path.join(layout(this.dataDir).webhooks, job);
  }

  private folder(job: string): string {
    return jobLayout(this.dataDir, job).deliveries;
  }

  private file(job: string, event: number): string {
    return path.join(this.folder(job), `${event}.json`);
  }
}
