import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { readJson, writeAtomic } from '../store/files.js';
import { type ObjectStore, storeUnavailable } from '../store/object-store.js';
import { putFile } from '../store/put-file.js';
import type { Manifest } from './manifest.js';

/** Inside an artifacts folder: which store its files are in, and below which key. */
const STORED_FILE = '.stored.json';
/** Files the service itself reads later, to show them or to take bases from them; they stay in the folder as well. */
const KEPT_FILES = ['metrics.json', 'report.html', 'bases.safetensors', 'directions.safetensors'];

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

/** Bytes `[start, end]` of a published file, wherever it is. @throws WeightfoldError `store_unavailable` */
export async function readArtifact(
  store: ObjectStore | undefined,
  artifacts: string,
  file: string,
  range: { start: number; end: number },
): Promise<Readable> {
  const stored = await readJson<Stored>(path.join(artifacts, STORED_FILE));
  if (!stored) return createReadStream(path.join(artifacts, file), { ...range, highWaterMark: 1024 * 1024 });
  return sameStore(store, stored).get(`${stored.folder}/${file}`, range);
}

/** Remove what a job's steps have in a store: of no use once it has ended. */
export async function removeStoredSteps(store: ObjectStore | undefined, job: string): Promise<void> {
  await store?.delete(stepsKey(job));
}

/** Remove what a job has in a store, left by attempts that never published included. */
export async function removeArtifacts(store: ObjectStore | undefined, job: string, artifacts: string): Promise<void> {
  const stored = await readJson<Stored>(path.join(artifacts, STORED_FILE));
  if (stored) await sameStore(store, stored).delete(jobFolder(job));
  else await store?.delete(jobFolder(job));
}

function sameStore(store: ObjectStore | undefined, stored: Stored): ObjectStore {
  if (store?.url === stored.store) return store;
  throw storeUnavailable(`the files are in ${stored.store}, STORE_URL is ${store ? store.url : 'not set'}`);
}
