import { COMPANION_FILES } from '../checkpoints/companion-files.js';
import { noWeights } from '../checkpoints/other-weights.js';
import { MAX_JSON_BYTES, SINGLE_FILE } from '../checkpoints/reader.js';
import { INDEX_FILE } from '../checkpoints/shard-index.js';
import { DataError } from '../errors.js';
import { type Patience, patiently } from '../patience.js';
import { inThread } from '../threads/in-thread.js';
import { sourceMissing } from './error.js';
import type { Origin, RemoteFile } from './origin.js';
import { readRange } from './transfer.js';

/** Files beside the weights that a merge reads or passes on. */
const SMALL_FILES = ['config.json', ...COMPANION_FILES];
/** What a hub may have instead of safetensors; asked for only to say so. */
const OTHER_WEIGHTS = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'tf_model.h5', 'model.gguf'];
/** Files looked up at a time. */
const LOOKUPS = 8;

export interface Discovered {
  weights: RemoteFile[];
  small: RemoteFile[];
}

/**
 * What a remote checkpoint consists of: the file its URI names, else model.safetensors, else the shards of an index;
 * configuration and tokenizer beside them.
 * @throws DataError `source_not_found`, `shard_missing`, `index_invalid`, `pickle_refused`, `checkpoint_empty`
 */
export async function discover(origin: Origin, patience: Patience): Promise<Discovered> {
  const look = (name: string) => patiently(patience, 'source_unavailable', () => origin.stat(name, patience.signal));
  if (origin.file !== undefined) {
    const file = await look(origin.file);
    if (!file) throw sourceMissing(`${origin.label} does not exist.`);
    return { weights: [file], small: [] };
  }
  // One file first: it says which commit a revision is, and the rest is asked of that commit.
  const single = await look(SINGLE_FILE);
  const index = single ? undefined : await look(INDEX_FILE);
  if (!index && !single) {
    const others = (await lookAll(OTHER_WEIGHTS, look)).flatMap((file) => file?.name.replace('.index.json', '') ?? []);
    if (others.length > 0) throw noWeights(others);
    throw sourceMissing(
      `${origin.label} has neither ${SINGLE_FILE} nor ${INDEX_FILE}, or this server has no access to it.`,
    );
  }
  const small = (await lookAll(SMALL_FILES, look)).filter((file) => file !== undefined);
  for (const { name, size } of index ? [index, ...small] : small)
    if (size > MAX_JSON_BYTES)
      throw new DataError('json_too_large', `"${name}" has ${size} bytes; such files may have ${MAX_JSON_BYTES}.`);
  if (!index) return { weights: [single as RemoteFile], small };
  const names = await inThread('shardsOf', await readRange(origin, index, 0, index.size, patience));
  const shards = await lookAll(names, look);
  const missing = names.filter((_, i) => !shards[i]);
  if (missing.length > 0)
    throw new DataError(
      'shard_missing',
      `${INDEX_FILE} names files that are not there: ${missing.slice(0, 5).join(', ')}.`,
    );
  return { weights: shards as RemoteFile[], small: [index, ...small] };
}

async function lookAll<T>(names: readonly string[], look: (name: string) => Promise<T>): Promise<T[]> {
  const found: T[] = new Array(names.length);
  let next = 0;
  const work = async () => {
    while (next < names.length) {
      const i = next++;
      found[i] = await look(names[i]);
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS }, work));
  return found;
}
