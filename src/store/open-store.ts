import { fileURLToPath } from 'node:url';
import type { Config } from '../config.js';
import { openFolder } from './data-folder.js';
import { FileStore } from './file-store.js';
import type { ObjectStore } from './object-store.js';
import { parseS3Uri } from './s3-uri.js';

/** The store STORE_URL names; undefined where artifacts stay under DATA_DIR. @throws WeightfoldError `store_unavailable` */
export async function openObjectStore(config: Config): Promise<ObjectStore | undefined> {
  if (config.STORE_URL === undefined) return undefined;
  const s3 = parseS3Uri(config.STORE_URL);
  if (!s3) {
    const folder = fileURLToPath(config.STORE_URL);
    await openFolder('STORE_URL', folder);
    return new FileStore(folder);
  }
  // Loaded where it is used: the SDK is large.
  const [{ createS3Client }, { S3Store }] = await Promise.all([import('./s3-client.js'), import('./s3-store.js')]);
  return new S3Store(createS3Client(config), s3.bucket, s3.prefix);
}
