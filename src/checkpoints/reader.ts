import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from '../errors.js';
import { SafetensorsFile, type Slice } from '../safetensors/file.js';
import type { TensorInfo } from '../safetensors/header.js';

/** The file Hugging Face writes beside shards: which tensor lies in which of them. */
export const INDEX_FILE = 'model.safetensors.index.json';
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

  /** @throws DataError or SafetensorsError naming the file that is missing or malformed. */
  static async open(location: string, maxHeaderBytes?: number): Promise<CheckpointReader> {
    return CheckpointReader.openFiles(await safetensorsFiles(location), maxHeaderBytes);
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

/** The safetensors files that make up a checkpoint: shards named by an index, else the single file, else all there are. */
async function safetensorsFiles(location: string): Promise<string[]> {
  const info = await stat(location);
  if (info.isFile()) return [location];
  const names = (await readdir(location)).sort();
  if (names.includes(INDEX_FILE)) {
    const shards = shardsOf(await readFile(path.join(location, INDEX_FILE), 'utf8'));
    const missing = shards.filter((shard) => !names.includes(shard));
    if (missing.length > 0)
      throw new DataError('shard_missing', `${INDEX_FILE} names files that are not there: ${missing.join(', ')}.`);
    return shards.map((shard) => path.join(location, shard));
  }
  if (names.includes(SINGLE_FILE)) return [path.join(location, SINGLE_FILE)];
  const all = names.filter((name) => name.endsWith('.safetensors'));
  if (all.length === 0) throw new DataError('checkpoint_empty', 'The checkpoint has no safetensors file.');
  return all.map((name) => path.join(location, name));
}

/** Distinct shard names of an index, sorted. @throws DataError when it is not an index, or names a path. */
export function shardsOf(text: string): string[] {
  let map: unknown;
  try {
    map = (JSON.parse(text) as { weight_map?: unknown }).weight_map;
  } catch {
    throw new DataError('index_invalid', `${INDEX_FILE} is not JSON.`);
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new DataError('index_invalid', `${INDEX_FILE} has no "weight_map" object.`);
  const shards = new Set(Object.values(map));
  for (const shard of shards)
    if (typeof shard !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors$/.test(shard))
      throw new DataError(
        'index_invalid',
        `${INDEX_FILE} names ${JSON.stringify(shard)}, which is not a plain safetensors file name.`,
      );
  return [...(shards as Set<string>)].sort();
}
