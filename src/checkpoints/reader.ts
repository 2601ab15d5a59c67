import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from '../errors.js';
import { SafetensorsFile, type Slice } from '../safetensors/file.js';
import type { TensorInfo } from '../safetensors/header.js';
import { lookAt, readRegular, requireFile } from '../store/regular-file.js';
import { noWeights } from './other-weights.js';
import { checkIndex, checkNumbered, INDEX_FILE, parseIndex, shardsOf } from './shard-index.js';

/** Tensors of all files of a checkpoint: each costs some 300 bytes. The largest published ones have 150 000. */
const MAX_CHECKPOINT_TENSORS = 250_000;
/** JSON files beside weights (index, tokenizer) are read whole, so they are capped: the largest have some 40 MB. */
export const MAX_JSON_BYTES = 64 * 1024 * 1024;
export const SINGLE_FILE = 'model.safetensors';

/**
 * The safetensors files of one checkpoint as one set of tensors, read on demand.
 * A checkpoint is a single file, or a folder with `model.safetensors`, an index with shards, or any `*.safetensors`.
 */
export class CheckpointReader {
  /** Every tensor of every file, by name. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly files: readonly SafetensorsFile[];
  private readonly home: Map<string, SafetensorsFile>;

  private constructor(files: SafetensorsFile[], home: Map<string, SafetensorsFile>) {
    this.files = files;
    this.home = home;
    this.tensors = new Map([...home].map(([name, file]) => [name, file.tensor(name)]));
  }

  /** @throws DataError or SafetensorsError naming the file that is missing, malformed, or not where the index says */
  static async open(location: string, maxHeaderBytes?: number): Promise<CheckpointReader> {
    const { files, index } = await safetensorsFiles(location);
    const reader = await CheckpointReader.openFiles(files, maxHeaderBytes);
    try {
      if (index)
        checkIndex(index, new Map([...reader.home].map(([name, { path: file }]) => [name, path.basename(file)])));
      return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  /** The given files as one checkpoint. */
  static async openFiles(paths: readonly string[], maxHeaderBytes?: number): Promise<CheckpointReader> {
    const files: SafetensorsFile[] = [];
    try {
      const home = new Map<string, SafetensorsFile>();
      for (const file of paths) {
        const opened = await SafetensorsFile.open(file, maxHeaderBytes);
        files.push(opened);
        for (const name of opened.header.tensors.keys()) {
          const other = home.get(name);
          if (other)
            throw new DataError(
              'tensor_duplicate',
              `Tensor "${name}" is in both ${path.basename(other.path)} and ${path.basename(file)}.`,
            );
          home.set(name, opened);
        }
        requireFewTensors(home.size);
      }
      return new CheckpointReader(files, home);
    } catch (error) {
      await Promise.all(files.map((file) => file.close()));
      throw error;
    }
  }

  /** Decoded values, row-major `[rows, columns]` of the slice; see `SafetensorsFile.floats`. */
  floats<P extends 'float32' | 'float64'>(name: string, precision: P, slice?: Slice) {
    return this.file(name).floats(name, precision, slice);
  }

  /** As `floats`, into memory that is there already. */
  floatsInto(name: string, out: Float32Array | Float64Array, slice?: Slice): Promise<void> {
    return this.file(name).floatsInto(name, out, slice);
  }

  /** Raw little-endian bytes of a tensor. */
  bytes(name: string): Promise<Uint8Array> {
    const file = this.file(name);
    return file.bytes(file.tensor(name));
  }

  async close(): Promise<void> {
    await Promise.all(this.files.map((file) => file.close()));
  }

  private file(name: string): SafetensorsFile {
    const file = this.home.get(name);
    if (!file) throw new DataError('tensor_missing', `Tensor "${name}" is not in the checkpoint.`);
    return file;
  }
}

/** @throws DataError `checkpoint_too_large` for more tensors than a checkpoint may have in all its files */
export function requireFewTensors(count: number): void {
  if (count > MAX_CHECKPOINT_TENSORS)
    throw new DataError(
      'checkpoint_too_large',
      `The checkpoint has more than ${MAX_CHECKPOINT_TENSORS} tensors in its files.`,
    );
}

/**
 * The safetensors files that make up a checkpoint, in the order the transformers library looks for them: the single
 * file, else shards named by an index, else all there are.
 */
async function safetensorsFiles(location: string): Promise<{ files: string[]; index?: ReadonlyMap<string, string> }> {
  const info = await lookAt(location);
  if (!info.isDirectory()) {
    requireFile(info, path.basename(location));
    return { files: [location] };
  }
  const names = (await readdir(location)).sort();
  const inFolder = (list: readonly string[]) => list.map((name) => path.join(location, name));
  if (names.includes(SINGLE_FILE)) return { files: inFolder([SINGLE_FILE]) };
  if (names.includes(INDEX_FILE)) {
    const index = parseIndex(await readRegular(path.join(location, INDEX_FILE), MAX_JSON_BYTES));
    const shards = shardsOf(index);
    const missing = shards.filter((shard) => !names.includes(shard));
    if (missing.length > 0)
      throw new DataError(
        'shard_missing',
        `${INDEX_FILE} names files that are not there: ${missing.slice(0, 5).join(', ')}.`,
      );
    return { files: inFolder(shards), index };
  }
  const all = names.filter((name) => name.endsWith('.safetensors'));
  if (all.length === 0) throw noWeights(names);
  checkNumbered(all);
  return { files: inFolder(all) };
}
