import { appendFile, readFile } from 'node:fs/promises';
import { isMissing, writeAtomic } from '../store/files.js';
import { type IndexedJob, IndexedJobSchema } from './indexed-job.js';

/** Lines of jobs that are gone, or of the same job twice, up to this many more than half are left in the file. */
const SLACK = 1000;

/**
 * What the index holds of jobs that have ended, as lines of JSON in a file, so that a start need not read every record
 * there is again. It is a memory only: a line counts for a job that has an outcome, a job without a line is read, and
 * a file that is lost or damaged costs nothing but time. Every API appends the ends it sees.
 */
export class EndedJobs {
  private readonly file: string;
  private waiting: string[] = [];
  private writing: Promise<void> | undefined;

  constructor(file: string) {
    this.file = file;
  }

  /** Jobs the file has a line of, by id; the last one counts. @param ids of all jobs there are */
  async load(ids: ReadonlySet<string>): Promise<Map<string, IndexedJob>> {
    const text = await readFile(this.file, 'utf8').catch((error) => {
      if (isMissing(error)) return '';
      throw error;
    });
    const lines = text.split('\n').filter((line) => line !== '');
    const known = new Map<string, IndexedJob>();
    for (const line of lines) {
      const job = parse(line);
      if (job && ids.has(job.id)) known.set(job.id, job);
    }
    if (lines.length > 2 * known.size + SLACK)
      await writeAtomic(this.file, [...known.values()].map(lineOf).join('')).catch(() => {});
    return known;
  }

  /** Remember a job; written soon. What cannot be written is read again after the next start. */
  add(job: IndexedJob): void {
    this.waiting.push(lineOf(job));
    this.writing ??= this.write().catch(() => {});
  }

  /** Wait until everything is written. */
  async flush(): Promise<void> {
    await this.writing;
  }

  private async write(): Promise<void> {
    try {
      while (this.waiting.length > 0) {
        const lines = this.waiting;
        this.waiting = [];
        await appendFile(this.file, lines.join(''));
      }
    } finally {
      this.writing = undefined;
    }
  }
}

/** The break comes first: a line that a crash has torn off spoils no other. */
const lineOf = (job: IndexedJob) => `\n${JSON.stringify(job)}`;

/** @returns undefined for a line that is torn, or of another version */
function parse(line: string): IndexedJob | undefined {
  try {
    return IndexedJobSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
