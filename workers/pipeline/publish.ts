import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { COMPANION_FILES, templatesIn } from '../../src/checkpoints/companion-files.js';
import { METRICS_FILE, REPORT_FILE } from '../../src/jobs/artifact-files.js';
import { MANIFEST_FILE, type Manifest, readManifest } from '../../src/jobs/manifest.js';
import type { JobRecord } from '../../src/jobs/record.js';
import { isKept, storeArtifacts } from '../../src/jobs/stored-artifacts.js';
import { mergeReport } from '../../src/report/merge-report.js';
import type { WrittenFile } from '../../src/safetensors/writer.js';
import type { AnyMetrics } from '../../src/schemas/metrics.js';
import type { StoredBases } from '../../src/schemas/plan.js';
import { linkOrCopy, sha256Of, syncFile, syncFolder, writeAtomic } from '../../src/store/files.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { finiteJson } from './finite-json.js';
import type { Stopwatch } from './stopwatch.js';

export interface Publication {
  record: JobRecord;
  /** Folder or file of each source. */
  locations: readonly string[];
  /** Folder the result appears in, as a whole. */
  artifacts: string;
  /** Folder it is assembled in, of this attempt alone, on that folder's file system. */
  staging: string;
  /** Where the files go instead, if not into the folder. */
  store?: ObjectStore;
  /** Throws where another attempt has taken over; asked right before the result appears. */
  confirm: () => Promise<void>;
  /** Files of earlier steps, by the name they are published under; hashed here where that was not done. */
  files: Record<string, { path: string; written?: WrittenFile }>;
  /** Small files made here. */
  texts: Record<string, string>;
  /** Whether source 1's tokenizer files belong to the result; default true. */
  companions?: boolean;
  /** Asked for last, so that its timings cover the rest. */
  metrics: () => AnyMetrics;
  versions: Record<string, string>;
  /** What it was computed with, and why with that. */
  environment: Record<string, unknown>;
  watch: Stopwatch;
}

export const json = (value: unknown) => `${finiteJson(value, 2)}\n`;

/**
 * Publish once and whole: everything is assembled in a folder of its own, synced, and renamed to `artifacts`.
 * A second publisher finds the folder taken and leaves it as it is.
 */
export async function publish(publication: Publication): Promise<void> {
  const { artifacts, staging, files, texts, watch } = publication;
  if (await readManifest(artifacts)) return;
  const stop = watch.start('write');
  await mkdir(staging);
  const manifest: Manifest = {};
  /** Where files lie that are not assembled: they only go into the store. */
  const elsewhere = new Map<string, string>();
  let undo: (() => Promise<void>) | undefined;
  const put = async (file: string, text: string) => {
    await writeAtomic(path.join(staging, file), text);
    manifest[file] = { size: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') };
  };
  try {
    for (const [file, { path: from, written }] of Object.entries(files)) {
      if (publication.store && !isKept(file)) elsewhere.set(file, from);
      else await linkOrCopy(from, path.join(staging, file));
      manifest[file] = written ?? { size: (await stat(from)).size, sha256: await sha256Of(from) };
    }
    if (publication.companions !== false) await copyCompanions(publication.locations[0], staging, manifest);
    for (const [file, text] of Object.entries(texts)) await put(file, text);
    const made = await recipe(publication);
    await put('job.json', json(made));
    stop();
    const metrics = publication.metrics();
    await put(METRICS_FILE, json(metrics));
    if (metrics.kind !== 'comparison') await put(REPORT_FILE, await mergeReport(made, metrics, reasonsOf(publication)));
    const assembled = Object.keys(manifest).filter((file) => !elsewhere.has(file));
    await Promise.all(assembled.map((file) => syncFile(path.join(staging, file))));
    await writeAtomic(path.join(staging, MANIFEST_FILE), JSON.stringify(manifest));
    if (publication.store)
      undo = await storeArtifacts(publication.store, publication.record.id, staging, manifest, elsewhere);
    const folders = new Set(assembled.map((file) => path.dirname(path.join(staging, file))));
    await Promise.all([staging, ...folders].map((folder) => syncFolder(folder)));
    await publication.confirm();
    await rename(staging, artifacts);
    await syncFolder(path.dirname(artifacts));
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    await undo?.().catch(() => {});
    if (await readManifest(artifacts)) return;
    throw error;
  }
}

async function copyCompanions(location: string, staging: string, manifest: Manifest): Promise<void> {
  if (!(await stat(location)).isDirectory()) return;
  const templates = await templatesIn(location);
  for (const file of [...(await readdir(location)).filter((name) => COMPANION_FILES.includes(name)), ...templates]) {
    await mkdir(path.dirname(path.join(staging, file)), { recursive: true });
    await copyFile(path.join(location, file), path.join(staging, file));
    manifest[file] = {
      size: (await stat(path.join(staging, file))).size,
      sha256: await sha256Of(path.join(staging, file)),
    };
  }
}

/** Enough to run the job again to the same bytes. */
async function recipe({ record, locations, versions, environment }: Publication) {
  const inputs = await Promise.all(
    record.inputs.map(async (input) => {
      if (input.sha256) return input;
      const location = locations[input.source];
      const folder = (await stat(location)).isDirectory() ? location : path.dirname(location);
      return { ...input, sha256: await sha256Of(path.join(folder, input.file)) };
    }),
  );
  return {
    id: record.id,
    created_at: record.created_at,
    retry_of: record.retry_of,
    spec: record.spec,
    inputs,
    ...(record.plan.kind === 'linear' && record.plan.stored_bases && { bases: basesOf(record.plan.stored_bases) }),
    versions,
    environment,
  };
}

/** Why each space is what it is, by its name. */
const reasonsOf = ({ record: { plan } }: Publication): Record<string, string> =>
  plan.kind === 'comparison' ? {} : Object.fromEntries(plan.spaces.map(({ name, reason }) => [name, reason]));

const basesOf = ({ job, sha256 }: StoredBases) => ({ job, sha256 });
