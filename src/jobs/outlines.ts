import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { checkCompanion } from '../checkpoints/check-content.js';
import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import { COMPANION_FILES, templatesIn } from '../checkpoints/companion-files.js';
import { type LocatedSource, locateSource, type SourceRoots } from '../checkpoints/locate-source.js';
import { CONFIG_FILE, readConfig } from '../checkpoints/read-config.js';
import { CheckpointReader } from '../checkpoints/reader.js';
import { SpecError, WeightfoldError } from '../errors.js';
import { remember } from '../remember.js';
import type { TensorInfo } from '../safetensors/header.js';
import type { Source } from '../schemas/source.js';
import { SETTLED_MS } from '../store/files.js';
import { layout } from '../store/layout.js';
import type { InputFile } from './record.js';

/** What planning needs of a source: where it lies, its headers and configuration, what the record says of its files. */
export interface Outline {
  located: LocatedSource;
  tensors: ReadonlyMap<string, TensorInfo>;
  config: Record<string, unknown> | undefined;
  files: Pick<InputFile, 'file' | 'size' | 'sha256'>[];
}

/** Settings that say where sources lie, and how large their headers may be. */
export interface SourceSettings {
  DATA_DIR: string;
  SOURCE_ROOTS: string[];
  MAX_HEADER_BYTES: number;
}

interface Kept {
  outline: Outline;
  /** Paths whose change is a change of the checkpoint, and how they were. */
  paths: string[];
  stamps: string;
  /** When they were first seen so; `performance.now`. */
  since: number;
}

/** Outlines kept: many jobs are submitted over few checkpoints. */
const KEPT = 50;
/** A header with more tensors is read again each time rather than held: about 200 bytes each. */
const MOST_TENSORS = 20_000;

/** Outlines of local checkpoints; those of uploads are kept while their files stay as they are. */
export class Outlines {
  private readonly kept = new Map<string, Kept>();
  private readonly roots: SourceRoots;
  private readonly checkpoints: CheckpointStore;
  private readonly maxHeaderBytes: number;

  constructor(config: SourceSettings, checkpoints: CheckpointStore) {
    this.roots = { checkpoints: layout(config.DATA_DIR).checkpoints, sourceRoots: config.SOURCE_ROOTS };
    this.checkpoints = checkpoints;
    this.maxHeaderBytes = config.MAX_HEADER_BYTES;
  }

  /**
   * @param pointer where the spec names the source
   * @throws SpecError
   */
  async of(source: Source, pointer: string): Promise<Outline> {
    if (!('checkpoint' in source)) return this.read(await locateSource(source, this.roots, pointer), pointer);
    const kept = this.kept.get(source.checkpoint);
    const now = performance.now();
    const same = kept && (await stampsOf(kept.paths)) === kept.stamps ? kept : undefined;
    if (same && now - same.since > SETTLED_MS) return same.outline;
    const located = await locateSource(source, this.roots, pointer);
    const outline = await this.read(located, pointer, source.checkpoint);
    await this.keep(source.checkpoint, outline, now, same);
    return outline;
  }

  /** What was fetched of a remote source, as a local one. */
  async ofFetched(located: LocatedSource, pointer: string): Promise<Outline> {
    return this.read(located, pointer);
  }

  private async keep(upload: string, outline: Outline, read: number, same?: Kept): Promise<void> {
    const { location } = outline.located;
    this.kept.delete(upload);
    if (outline.tensors.size > MOST_TENSORS) return;
    const names = [...outline.files.map(({ file }) => file), ...(outline.config ? [CONFIG_FILE] : [])];
    // Files that appear or go change the folder.
    const paths = [location, ...names.map((name) => path.join(location, name))];
    const stamps = await stampsOf(paths);
    const since = same && same.stamps === stamps ? same.since : read;
    if (stamps !== undefined) remember(this.kept, upload, { outline, paths, stamps, since }, KEPT);
  }

  private async read(located: LocatedSource, pointer: string, upload?: string): Promise<Outline> {
    const reader = await this.open(located, pointer);
    const { tensors } = reader;
    const files = reader.files.map(({ path: file, size }) => ({ file: path.basename(file), size }));
    await reader.close();
    await this.checkCompanions(located, pointer);
    return {
      located,
      tensors,
      config: await readConfig(located, pointer),
      files: await Promise.all(
        files.map(async ({ file, size }) => {
          const entry = upload === undefined ? undefined : await this.checkpoints.entry(upload, file);
          return { file, size, sha256: entry?.sha256 ?? null };
        }),
      ),
    };
  }

  private open({ label, location }: LocatedSource, pointer: string): Promise<CheckpointReader> {
    return ofSource(label, pointer, () => CheckpointReader.open(location, this.maxHeaderBytes));
  }

  /** The files that travel with the model are regular files, and none is a page or a pointer in place of a file. */
  private async checkCompanions({ label, location }: LocatedSource, pointer: string): Promise<void> {
    for (const file of [...COMPANION_FILES, ...(await templatesIn(location))])
      await ofSource(label, pointer, () => checkCompanion(file, path.join(location, file))).catch((error) => {
        if (!(error instanceof SpecError) || error.code !== 'file_missing') throw error;
      });
  }
}

/** Do something with a source's files; what is wrong with them is said of the source. @throws SpecError */
async function ofSource<T>(label: string, pointer: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof WeightfoldError)) throw error;
    throw new SpecError(error.code, `Source ${label}: ${error.message}`, pointer);
  }
}

/** What changes when one of the paths does; undefined where one is missing. */
async function stampsOf(paths: readonly string[]): Promise<string | undefined> {
  const infos = await Promise.all(paths.map((file) => stat(file, { bigint: true }).catch(() => undefined)));
  return infos.every((info) => info !== undefined) ? infos.map(stampOf).join(' ') : undefined;
}

const stampOf = ({ ino, mtimeNs, ctimeNs, size }: BigIntStats) => `${ino}-${mtimeNs}-${ctimeNs}-${size}`;
