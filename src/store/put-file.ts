import { createReadStream } from 'node:fs';
import type { WrittenFile } from '../safetensors/writer.js';
import { type ObjectStore, storeUnavailable } from './object-store.js';

/**
 * Store a file, and see that it arrived as it was written.
 * @throws WeightfoldError `store_unavailable`; Error where the file here has changed since
 */
export async function putFile(store: ObjectStore, key: string, file: string, written: WrittenFile): Promise<void> {
  const { size, sha256 } = await store.put(key, createReadStream(file));
  if (size !== written.size || sha256 !== written.sha256) throw new Error(`${file} has changed since it was written.`);
  if ((await store.size(key)) !== size) throw storeUnavailable(`${key} did not arrive whole`);
}
