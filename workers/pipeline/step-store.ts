import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { WrittenFile } from '../../src/safetensors/writer.js';
import { ensureFolder, readJson, sha256Of, writeAtomic } from '../../src/store/files.js';

interface StepMarker {
  step: string;
  files: Record<string, WrittenFile>;
  data: unknown;
}

/**
 * Results of finished steps in one folder: files, and a marker written last that lists them with size and hash.
 * A step without a valid marker did not happen; half-written files have temporary names and are never looked at.
 */
export class StepStore {
  readonly folder: string;
  /** Steps this process finished or has verified. */
  private readonly trusted = new Set<string>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(folder: string): Promise<StepStore> {
    return new StepStore(await ensureFolder(folder));
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** The marker of a finished step whose files are there, of the size and hash it states; else undefined. */
  async finished<T>(step: string): Promise<(StepMarker & { data: T }) | undefined> {
    const marker = await readJson<StepMarker & { data: T }>(this.marker(step));
    if (!marker) return undefined;
    if (this.trusted.has(step)) return marker;
    for (const [name, { size, sha256 }] of Object.entries(marker.files)) {
      const info = await stat(this.file(name)).catch(() => undefined);
      if (info?.size !== size || (await sha256Of(this.file(name))) !== sha256) return undefined;
    }
    this.trusted.add(step);
    return marker;
  }

  /** As `finished`, for a step that must have run before. */
  async require<T>(step: string): Promise<StepMarker & { data: T }> {
    const marker = await this.finished<T>(step);
    if (!marker) throw new Error(`Step ${step} has not finished; it runs before this one.`);
    return marker;
  }

  async finish(step: string, files: Record<string, WrittenFile>, data: unknown = null): Promise<void> {
    this.trusted.add(step);
    await writeAtomic(this.marker(step), JSON.stringify({ step, files, data } satisfies StepMarker));
  }

  private marker(step: string): string {
    return this.file(`${step}.step.json`);
  }
}
