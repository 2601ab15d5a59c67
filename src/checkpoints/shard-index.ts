import { DataError } from '../errors.js';
import { parseJson } from '../json/scan.js';

/** The file Hugging Face writes beside shards: which tensor lies in which of them. */
export const INDEX_FILE = 'model.safetensors.index.json';
/** Files of one checkpoint. The largest published ones have some hundreds; each costs a look-up. */
const MAX_SHARDS = 4096;
/** A shard as an index names it: a file beside it, never a path. */
const SHARD_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors$/;
const NUMBERED = /^(.*)-(\d+)-of-(\d+)\.safetensors$/;

/** Tensor → shard, as an index says. @throws DataError `index_invalid` when it is not an index, or names a path */
export function parseIndex(text: string): ReadonlyMap<string, string> {
  let map: unknown;
  try {
    map = (parseJson(text, INDEX_FILE) as { weight_map?: unknown } | null)?.weight_map;
  } catch (error) {
    throw new DataError('index_invalid', (error as Error).message);
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new DataError('index_invalid', `${INDEX_FILE} has no "weight_map" object.`);
  for (const shard of new Set(Object.values(map)))
    if (typeof shard !== 'string' || !SHARD_NAME.test(shard))
      throw new DataError(
        'index_invalid',
        `${INDEX_FILE} names ${quote(shard)}, which is not a plain safetensors file name.`,
      );
  return new Map(Object.entries(map as Record<string, string>));
}

/** Distinct shards of an index, sorted. @throws DataError `index_invalid` where there are more than a checkpoint has */
export function shardsOf(index: ReadonlyMap<string, string>): string[] {
  const shards = [...new Set(index.values())].sort();
  if (shards.length > MAX_SHARDS)
    throw new DataError(
      'index_invalid',
      `${INDEX_FILE} names ${shards.length} files; a checkpoint may have ${MAX_SHARDS}.`,
    );
  return shards;
}

/**
 * Hold an index against the shards: both must name the same tensors, in the same places.
 * @param home tensor → file that holds it
 * @throws DataError `index_mismatch` naming the tensor and both places
 */
export function checkIndex(index: ReadonlyMap<string, string>, home: ReadonlyMap<string, string>): void {
  const mismatch = (message: string) => new DataError('index_mismatch', message);
  for (const [tensor, shard] of index) {
    const found = home.get(tensor);
    if (found === shard) continue;
    throw mismatch(
      `${INDEX_FILE} says that tensor ${quote(tensor)} is in ${shard}, ` +
        (found === undefined ? 'but neither that file nor any other shard has it.' : `but it is in ${found}.`),
    );
  }
  for (const [tensor, file] of home)
    if (!index.has(tensor)) throw mismatch(`${file} holds tensor ${quote(tensor)}, which ${INDEX_FILE} does not name.`);
}

/** Shards without an index count by their names, "…-00001-of-00003". @throws DataError `shard_missing` */
export function checkNumbered(names: readonly string[]): void {
  const found = new Map<string, Set<number>>();
  for (const name of names) {
    const [, base, number, total] = NUMBERED.exec(name) ?? [];
    if (base === undefined) continue;
    const series = `${base} ${total}`;
    found.set(series, (found.get(series) ?? new Set()).add(Number(number)));
  }
  for (const [series, numbers] of found) {
    const at = series.lastIndexOf(' ');
    const total = series.slice(at + 1);
    let first = 1;
    while (numbers.has(first)) first++;
    if (first > Number(total)) continue;
    const missing = `${series.slice(0, at)}-${String(first).padStart(total.length, '0')}-of-${total}.safetensors`;
    throw new DataError('shard_missing', `By the names of the others, ${missing} is missing.`);
  }
}

/** Names come from strangers: cut and escape them before they reach a message. */
const quote = (value: unknown) => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};
