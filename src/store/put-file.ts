import { createReadStream } from 'node:fs';
import { patiently } from '../patience.js';
import type { WrittenFile } from '../safetensors/writer.js';
import { type ObjectStore, storeUnavailable } from './object-store.js';

/** Attempts while a worker has hours of work to lose: about three minutes of a store that does not answer. */
export const STORE_ATTEMPTS = 12;

/**
 * Store a file, and see that it arrived as it was written; repeated while the store does not answer.
 * @throws WeightfoldError `store_unavailable`; Error where the file here has changed since
 */
export function putFile(store: ObjectStore, key: string, file: string, written: WrittenFile): Promise<void> {
  return patiently({ attempts: STORE_ATTEMPTS }, 'store_unavailable', () => putOnce(store, key, file, written));
}

async function putOnce(store: ObjectStore, key: string, file: string, written: WrittenFile): Promise<void> {
  const { size, sha256 } = await store.put(key, createReadStream(file), written.size);
  if (size !== written.size || sha256 !== written.sha256) throw new Error(`${file} has changed since it was written.`);
  if ((await store.size(key)) !== size) throw storeUnavailable(`${key} did not arrive whole`);
}
