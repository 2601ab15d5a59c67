import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { sizeOf, writeAtomic } from '../store/files.js';
import { type ObjectStore, storeUnavailable } from '../store/object-store.js';
import { putFile } from '../store/put-file.js';
import { DamagedFile, readCache, readJson } from '../store/read-json.js';
import { METRICS_FILE, REPORT_FILE } from './artifact-files.js';
import { artifactDamaged, type Manifest } from './manifest.js';

/** Inside an artifacts folder: which store its files are in, and below which key. */
const STORED_FILE = '.stored.json';
/** Files the service itself reads later, to show them or to take bases from them; they stay in the folder as well. */
const KEPT_FILES = [METRICS_FILE, REPORT_FILE, 'bases.safetensors', 'directions.safetensors'];

interface Stored {
  store: string;
  folder: string;
}

const jobFolder = (job: string) => `jobs/${job}`;
/** Key below which workers that share no disk hand each other what a job's steps wrote. */
export const stepsKey = (job: string) => `${jobFolder(job)}/steps`;

/** Whether a published file has to be in the job's folder too where results are in a store. */
export const isKept = (file: string): boolean => KEPT_FILES.includes(file);

/**
 * Put a result's files into a store, below a key of this attempt's own, and leave in the folder it is assembled in what
 * the service reads itself: it is that folder, once in place, that says which attempt's files are the job's.
 * @param paths where each file of the manifest lies
 * @returns what undoes it
 */
export async function storeArtifacts(
  store: ObjectStore,
  job: string,
  staging: string,
  manifest: Manifest,
  paths: ReadonlyMap<string, string>,
): Promise<() => Promise<void>> {
  const folder = `${jobFolder(job)}/${randomBytes(9).toString('hex')}`;
  const undo = () => store.delete(folder);
  try {
    for (const [file, written] of Object.entries(manifest))
      await putFile(store, `${folder}/${file}`, paths.get(file) ?? path.join(staging, file), written);
    await writeAtomic(path.join(staging, STORED_FILE), JSON.stringify({ store: store.url, folder } satisfies Stored));
    for (const file of Object.keys(manifest)) if (!isKept(file)) await rm(path.join(staging, file), { force: true });
    return undo;
  } catch (error) {
    await undo().catch(() => {});
    throw error;
  }
}

export interface FoundArtifact {
  /** The bytes, or those of a range (both ends included). The stream fails where the file ends before them. */
  read: (range: { start: number; end: number }) => Promise<Readable>;
}

/**
 * A published file, wherever it is, with the size its manifest states.
 * @throws WeightfoldError `artifact_damaged`, `store_unavailable`
 */
export async function findArtifact(
  store: ObjectStore | undefined,
  artifacts: string,
  file: string,
  manifest: Manifest,
): Promise<FoundArtifact> {
  const stored = await readStored(artifacts);
  const location = path.join(artifacts, file);
  const [there, key] = stored ? [sameStore(store, stored), `${stored.folder}/${file}`] : [];
  if (there) checkSize(await there.size(key as string), file, manifest);
  else await requireKept(artifacts, file, manifest);
  return {
    read: async (range) => {
      const source = there
        ? await there.get(key as string, range)
        : createReadStream(location, { ...range, highWaterMark: 1024 * 1024 });
      return Readable.from(exactly(source, range.end - range.start + 1, file), { objectMode: false });
    },
  };
}

/** @throws WeightfoldError `artifact_damaged` unless a file of the job's folder has the size that was published */
export async function requireKept(artifacts: string, file: string, manifest: Manifest): Promise<void> {
  checkSize(await sizeOf(path.join(artifacts, file)), file, manifest);
}

function checkSize(size: number | undefined, file: string, manifest: Manifest): void {
  if (size === manifest[file].size) return;
  throw artifactDamaged(
    `File "${file}"`,
    size === undefined ? 'it is missing' : `it has ${size} bytes, ${manifest[file].size} were published`,
  );
}

/** Without an error here the reply would stay open, waiting for bytes that never come. */
async function* exactly(source: Readable, bytes: number, file: string) {
  let left = bytes;
  for await (const chunk of source) {
    left -= (chunk as Buffer).length;
    yield chunk;
  }
  if (left > 0) throw artifactDamaged(`File "${file}"`, `it ended ${left} bytes early`);
}

/**
 * A small published file that stays in the job's folder, as text, checked by its hash.
 * @throws WeightfoldError `artifact_damaged`
 */
export async function readKept(artifacts: string, file: string, manifest: Manifest): Promise<string> {
  const bytes = await readFile(path.join(artifacts, file)).catch((error) => {
    throw artifactDamaged(`File "${file}"`, 'it cannot be read', error);
  });
  if (createHash('sha256').update(bytes).digest('hex') !== manifest[file].sha256)
    throw artifactDamaged(`File "${file}"`, 'its SHA-256 is not the published one');
  return bytes.toString('utf8');
}

/** Undefined where the files are in the job's folder. @throws WeightfoldError `artifact_damaged` */
const readStored = (artifacts: string): Promise<Stored | undefined> =>
  readJson<Stored>(path.join(artifacts, STORED_FILE)).catch((error) => {
    throw error instanceof DamagedFile
      ? artifactDamaged('The note of where the files are', error.message, error)
      : error;
  });

/** Remove what a job's steps have in a store: of no use once it has ended. */
export async function removeStoredSteps(store: ObjectStore | undefined, job: string): Promise<void> {
  await store?.delete(stepsKey(job));
}

/** Remove what a job has in a store, left by attempts that never published included. */
export async function removeArtifacts(store: ObjectStore | undefined, job: string, artifacts: string): Promise<void> {
  // Where the note is damaged, the store that is set is the likely one; the job goes either way.
  const stored = await readCache<Stored>(path.join(artifacts, STORED_FILE));
  if (stored) await sameStore(store, stored).delete(jobFolder(job));
  else await store?.delete(jobFolder(job));
}

function sameStore(store: ObjectStore | undefined, stored: Stored): ObjectStore {
  if (store?.url === stored.store) return store;
  throw storeUnavailable(`the files are in ${stored.store}, STORE_URL is ${store ? store.url : 'not set'}`);
}
