import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WeightfoldError } from '../../src/errors.js';
import { STEP_MARKER } from '../../src/jobs/job-store.js';
import type { WrittenFile } from '../../src/safetensors/writer.js';
import { createExclusive, ensureFolder } from '../../src/store/files.js';
import { readCache } from '../../src/store/read-json.js';
import { finiteJson } from './finite-json.js';
import { type SharedFiles, StepFiles } from './step-files.js';
import type { StepTimings } from './timings.js';

export interface StepMarker<T = unknown> {
  step: string;
  /** The attempt whose files these are; part of their names. */
  attempt: number;
  files: Record<string, WrittenFile>;
  data: T;
  timings: StepTimings;
}

/**
 * Results of finished steps: files, and a marker created last, once, that lists them with size and hash. A step without
 * a valid marker did not happen. Markers are in a folder that all workers see, files there as well unless told otherwise.
 *
 * Every attempt at a step takes a number of its own, a fencing token: it is part of the names of its files, and an
 * attempt that finds a higher one has been given up by the queue (its worker was paused or cut off) and may not finish.
 */
export class StepStore {
  private readonly folder: string;
  private readonly files: StepFiles;
  /** Markers of steps this process finished or has verified. */
  private readonly verified = new Map<string, StepMarker>();
  /** Where the files of those steps lie, by the name the step gave them. */
  private readonly located = new Map<string, string>();
  private running: { step: string; attempt: number; timings: () => StepTimings } | undefined;

  private constructor(folder: string, files: StepFiles) {
    this.folder = folder;
    this.files = files;
  }

  /** @param own where the files are instead: on this machine's disk, and in the store through which others get them */
  static async open(folder: string, own?: SharedFiles & { folder: string }): Promise<StepStore> {
    return new StepStore(await ensureFolder(folder), await StepFiles.open(own?.folder ?? folder, own));
  }

  /** Take the next attempt number of a step. @param timings asked for when it finishes */
  async begin(step: string, worker: string, timings: () => StepTimings): Promise<number> {
    for (let attempt = (await this.latestAttempt(step)) + 1; ; attempt++) {
      try {
        const claim = JSON.stringify({ worker, started_at: new Date().toISOString() });
        await writeFile(path.join(this.folder, `${step}${ATTEMPT}${attempt}`), claim, { flag: 'wx' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw error;
      }
      this.running = { step, attempt, timings };
      return attempt;
    }
  }

  /** Where the running attempt writes a file (or folder) of its step. */
  target(name: string): string {
    const { step, attempt } = this.own();
    return this.files.path(step, attempt, name);
  }

  /** Where the running attempt assembles the result: on the file system of the jobs' folders. */
  staging(): string {
    const { step, attempt } = this.own();
    return path.join(this.folder, `${step}.${attempt}.artifacts`);
  }

  /** Where a file (or folder) of a finished step lies. */
  file(name: string): string {
    const found = this.located.get(name);
    if (found === undefined) throw new Error(`No finished step has written ${name}.`);
    return found;
  }

  /**
   * The marker of a finished step whose files are there, of the size and hash it states; else undefined.
   * @throws WeightfoldError `store_unavailable` where they have to be fetched and cannot
   */
  async finished<T>(step: string): Promise<StepMarker<T> | undefined> {
    const known = this.verified.get(step);
    if (known) return known as StepMarker<T>;
    const marker = await readCache<StepMarker<T>>(this.marker(step));
    if (!marker) return undefined;
    if (!(await this.files.provide(step, marker.attempt, marker.files))) return undefined;
    this.remember(marker);
    return marker;
  }

  /** As `finished`, for a step that must have run before. */
  async require<T>(step: string): Promise<StepMarker<T>> {
    const marker = await this.finished<T>(step);
    if (!marker) throw new Error(`Step ${step} has not finished; it runs before this one.`);
    return marker;
  }

  /** Finish the running step. Of several attempts at it one wins; the others wrote the same under other names. */
  async finish(step: string, files: Record<string, WrittenFile>, data: unknown = null): Promise<void> {
    const { attempt, timings } = this.own();
    let won = false;
    try {
      await this.files.share(step, attempt, files);
      await this.confirm();
      const marker: StepMarker = { step, attempt, files, data, timings: timings() };
      won = await createExclusive(this.marker(step), finiteJson(marker));
      if (won) this.remember(marker);
    } finally {
      if (!won) await this.files.withdraw(step, attempt);
    }
    if (!won) await this.require(step);
  }

  /** Drop the marker of a step whose files were damaged, so that it can run again. */
  async forget(step: string): Promise<void> {
    await rm(this.marker(step), { force: true });
  }

  /** @throws WeightfoldError `attempt_superseded` where a later attempt at the running step has begun */
  async confirm(): Promise<void> {
    const { step, attempt } = this.own();
    const latest = await this.latestAttempt(step);
    if (latest === attempt) return;
    throw new WeightfoldError(`Attempt ${attempt} at step ${step} was given up; attempt ${latest} has begun.`, {
      code: 'attempt_superseded',
      status: 409,
      retryable: true,
    });
  }

  /** Steps that have left a marker. */
  async count(): Promise<number> {
    return (await readdir(this.folder)).filter((name) => name.endsWith(STEP_MARKER)).length;
  }

  /** Timings of every step verified so far. */
  timings(): StepTimings[] {
    return [...this.verified.values()].map(({ timings }) => timings);
  }

  private own() {
    if (!this.running) throw new Error('No step has begun.');
    return this.running;
  }

  private remember(marker: StepMarker): void {
    this.verified.set(marker.step, marker);
    for (const name of Object.keys(marker.files)) {
      const [top] = name.split(path.sep);
      this.located.set(top, this.files.path(marker.step, marker.attempt, top));
    }
  }

  private marker(step: string): string {
    return path.join(this.folder, `${step}${STEP_MARKER}`);
  }

  private async latestAttempt(step: string): Promise<number> {
    const prefix = `${step}${ATTEMPT}`;
    const taken = (await readdir(this.folder)).filter((name) => name.startsWith(prefix));
    return Math.max(0, ...taken.map((name) => Number(name.slice(prefix.length))));
  }
}

const ATTEMPT = '.attempt-';
