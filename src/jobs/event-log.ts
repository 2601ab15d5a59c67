import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { redact } from '../redact.js';
import { remember } from '../remember.js';
import { isFinalEvent, type JobEvent } from '../schemas/event.js';
import { createExclusive, isMissing } from '../store/files.js';
import { jobLayout } from '../store/layout.js';
import { readJobFile } from './damaged-job.js';
import { isEvent } from './record-shape.js';

/** What an event says, its place among the others apart. */
export type EventContent = Pick<JobEvent, 'type' | 'data'> & { created_at?: string };

/** What comes after the latest written event (undefined: the job was only queued); null where nothing does. */
export type NextEvent = (latest: JobEvent | undefined) => EventContent | null;

/** Every job begins with the event that queued it. It follows from the record and is not written. */
export const FIRST_EVENT = 1;

/** Files read at a time. */
const READERS = 16;
/** Jobs whose latest event a process remembers. */
const REMEMBERED = 1_000;

/**
 * Events of jobs, from the second on: one file each, `events/ID.json`, created exclusively and never changed. API and
 * workers append side by side without knowing of each other: of several that take one id one gets it, the others see
 * what it wrote and decide anew. So ids have neither gaps nor doubles, and after a job's final event nothing is taken.
 */
export class EventLog {
  private readonly dataDir: string;
  private readonly latest = new Map<string, JobEvent>();

  constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  /** Append what `next` says, unless the job has ended or is gone. @returns the event, if one was appended */
  async append(id: string, next: NextEvent): Promise<JobEvent | undefined> {
    const folder = this.folder(id);
    for (;;) {
      const latest = this.latest.get(id) ?? (await this.findLatest(id));
      if (latest && isFinalEvent(latest)) return undefined;
      const content = next(latest);
      if (!content) return undefined;
      const { type, data, created_at = new Date().toISOString() } = content;
      const event: JobEvent = { id: (latest?.id ?? FIRST_EVENT) + 1, type, created_at, job_id: id, data };
      const created = await create(folder, event);
      if (created === 'gone') return undefined;
      const there = created === 'taken' ? await this.event(id, event.id) : event;
      if (!there) return undefined;
      remember(this.latest, id, there, REMEMBERED);
      if (created === 'done') return event;
    }
  }

  /** Written events with ids above `after`, oldest first, at most `limit`. */
  async read(id: string, after: number, limit: number): Promise<JobEvent[]> {
    const events: JobEvent[] = [];
    let next = Math.max(after, FIRST_EVENT) + 1;
    for (let batch = 1; events.length < limit; batch = READERS) {
      // Followers mostly find nothing new: one file is looked for first.
      const count = Math.min(batch, limit - events.length);
      const files = Array.from({ length: count }, (_, i) => this.event(id, next + i));
      const found = await Promise.all(files);
      const end = found.indexOf(undefined);
      events.push(...(found.slice(0, end === -1 ? undefined : end) as JobEvent[]));
      if (end !== -1) break;
      next += count;
    }
    return events;
  }

  private folder(id: string): string {
    return jobLayout(this.dataDir, id).events;
  }

  private event(id: string, event: number): Promise<JobEvent | undefined> {
    return readJobFile<JobEvent>(id, fileOf(this.folder(id), event), isEvent);
  }

  private async findLatest(id: string): Promise<JobEvent | undefined> {
    const names = await readdir(this.folder(id)).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    const ids = names.flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []).map(Number);
    return ids.length === 0 ? undefined : this.event(id, Math.max(...ids));
  }
}

const fileOf = (folder: string, id: number) => path.join(folder, `${id}.json`);

/** The folder is made with the first event in it, but never that of a job which has been deleted. */
async function create(folder: string, event: JobEvent): Promise<'done' | 'taken' | 'gone'> {
  const write = async () =>
    (await createExclusive(fileOf(folder, event.id), redact(JSON.stringify(event)))) ? 'done' : 'taken';
  try {
    return await write();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    await mkdir(folder).catch((error) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    return await write();
  } catch (error) {
    if (isMissing(error)) return 'gone';
    throw error;
  }
}
