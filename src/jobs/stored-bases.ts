import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { SpecError, WeightfoldError } from '../errors.js';
import { SafetensorsFile } from '../safetensors/file.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { StoredBases, StoredSpace } from '../schemas/plan.js';
import type { JobStore } from './job-store.js';
import { readManifest } from './manifest.js';
import type { InputFile, JobRecord } from './record.js';
import { requireKept } from './stored-artifacts.js';

/** Every direction where the earlier job kept them, else those of its widths. */
const FILES = ['directions.safetensors', 'bases.safetensors'];

const REUSABLE = ['weight', 'balanced', 'activation'];

export interface FoundBases {
  stored: StoredBases;
  /** The file they lie in; it is linked into the new job, which thus outlives the earlier one. */
  file: string;
}

/**
 * The bases a spec takes from an earlier job: what its file's header says of them; the matrices are not read.
 * @param inputs files of the new job's sources
 * @throws SpecError when there is no such job, it has not succeeded, or it stored no bases that can be taken
 */
export async function findStoredBases(
  spec: JobSpec,
  store: JobStore,
  inputs: readonly InputFile[],
): Promise<FoundBases | null> {
  if (!spec.bases) return null;
  const { job } = spec.bases;
  try {
    return await basesOf(spec, job, store, inputs);
  } catch (error) {
    // The earlier job cannot be read: that is for whoever names it to know, at the place where it is named.
    if (!(error instanceof WeightfoldError) || error instanceof SpecError || error.retryable) throw error;
    throw new SpecError(error.code, error.message, '/bases/job');
  }
}

async function basesOf(spec: JobSpec, job: string, store: JobStore, inputs: readonly InputFile[]): Promise<FoundBases> {
  const record = await store.record(job);
  if (!record) throw new SpecError('job_not_found', `There is no job "${job}".`, '/bases/job');
  const outcome = await store.outcome(job);
  if (outcome?.status !== 'succeeded')
    throw new SpecError('job_not_succeeded', `Job ${job} has not succeeded; it has no bases.`, '/bases/job');
  const { artifacts } = store.files(job);
  const manifest = (await readManifest(artifacts)) ?? {};
  const name = FILES.find((file) => Object.hasOwn(manifest, file));
  if (!name || record.plan.kind !== 'linear')
    throw new SpecError('bases_unusable', `Job ${job} stored no bases of a chain or an embedding.`, '/bases/job');
  const file = path.join(artifacts, name);
  await requireKept(artifacts, name, manifest);
  return { file, stored: { job, sha256: manifest[name].sha256, spaces: await spacesOf(spec, record, file, inputs) } };
}

async function spacesOf(spec: JobSpec, record: JobRecord, file: string, inputs: readonly InputFile[]) {
  const opened = await SafetensorsFile.open(file);
  try {
    const { metadata, tensors } = opened.header;
    const sameSources = sameInputs(record, spec, inputs);
    const described = new Map<string, StoredSpace>();
    for (const [key, text] of metadata) {
      if (!key.startsWith('origin.')) continue;
      const space = key.slice('origin.'.length);
      const origin = JSON.parse(text);
      if (!REUSABLE.includes(origin.basis)) continue;
      const spans = JSON.parse(metadata.get(`basis.${space}`) ?? '[]') as { span: [number, number] }[];
      described.set(space, {
        name: space,
        basis: origin.basis,
        mode: origin.mode,
        width: origin.width,
        blocks: spans.map(({ span }, b) => ({ span, live: tensors.get(`${space}.${b}.expand`)?.shape[0] ?? 0 })),
        complete: origin.rest_energy === 0,
        widths_fixed: origin.widths_fixed,
        same_sources: sameSources,
        writers: record.plan.kind === 'linear' ? writersOf(record.plan, space) : [],
      });
    }
    return named(spec, described, record.id);
  } finally {
    await opened.close();
  }
}

/** By the names of the new job's spaces. */
function named(spec: JobSpec, described: ReadonlyMap<string, StoredSpace>, job: string): Record<string, StoredSpace> {
  const chosen = Object.entries(spec.bases?.spaces ?? {});
  for (const [space, from] of chosen)
    if (!described.has(from))
      throw new SpecError(
        'bases_unusable',
        `Job ${job} stored no basis of "${from}"; it has ${[...described.keys()].join(', ') || 'none'}.`,
        `/bases/spaces/${space}`,
      );
  return Object.fromEntries([
    ...described,
    ...chosen.map(([space, from]) => [space, described.get(from) as StoredSpace] as const),
  ]);
}

const writersOf = ({ spaces }: { spaces: readonly { name: string; writers: string[] }[] }, space: string) =>
  spaces.find(({ name }) => name === space)?.writers ?? [];

/** Whether two jobs read the same bytes, as far as hashes can tell. */
function sameInputs(record: JobRecord, spec: JobSpec, inputs: readonly InputFile[]): boolean {
  const known = (list: readonly InputFile[]) => list.every(({ sha256 }) => sha256 !== null);
  const slices = (list: JobSpec['sources']) => list.map(({ rows, columns }) => ({ rows, columns }));
  return (
    known(inputs) &&
    known(record.inputs) &&
    isDeepStrictEqual(
      inputs.map(({ source, sha256 }) => ({ source, sha256 })),
      record.inputs.map(({ source, sha256 }) => ({ source, sha256 })),
    ) &&
    isDeepStrictEqual(slices(spec.sources), slices(record.spec.sources))
  );
}
