import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { newJobId } from '../../src/jobs/ids.js';
import { linearSteps } from '../../src/plan/linear-steps.js';
import { planJob } from '../../src/plan/plan-job.js';
import { resolveWidths } from '../../src/plan/resolve-widths.js';
import type { JobSpec, JobSpecInput } from '../../src/schemas/job-spec.js';
import { JobSpecSchema } from '../../src/schemas/job-spec.js';
import type { Metrics } from '../../src/schemas/metrics.js';
import type { LinearPlan } from '../../src/schemas/plan.js';
import type { LinearAlgebra } from '../../workers/linalg/contract.js';
import { CpuBackend } from '../../workers/linalg/cpu/backend.js';
import { runMerge } from '../../workers/pipeline/run.js';
import { makeCheckpoint, type NamedTensor } from '../support/checkpoint.js';
import { subfolder } from '../support/temporary.js';
import { type DenseBasis, type Mat, mat, readAll, readBases } from './oracle.js';

let cpu: CpuBackend | undefined;
/** One backend for all tests of a file: loading the library takes longer than they do. */
export const cpuBackend = (): LinearAlgebra => {
  cpu ??= new CpuBackend(1);
  return cpu;
};

export interface Merged {
  spec: JobSpec;
  plan: LinearPlan;
  metrics: Metrics;
  artifacts: string;
  /** Result tensors as stored, by name. */
  tensors: Map<string, Mat>;
  shapes: Map<string, number[]>;
  dtypes: Map<string, string>;
  bases: Map<string, DenseBasis>;
  /** Source tensors as stored, per source. */
  sources: Map<string, Mat>[];
}

export type SpecWithoutSources = Omit<JobSpecInput, 'sources'>;
export type SliceOf = { rows?: [number, number]; columns?: [number, number] };

/** Write the sources, plan, run the whole pipeline in this process, and read everything it published. */
export async function merge(
  root: string,
  sources: readonly (readonly NamedTensor[])[],
  spec: SpecWithoutSources,
  {
    backend = cpuBackend(),
    slices = [] as SliceOf[],
    probe = undefined as NamedTensor | undefined,
    calibration = undefined as NamedTensor | undefined,
    split = false,
  } = {},
): Promise<Merged> {
  const folder = subfolder(root);
  const located = await Promise.all(
    sources.map(async (tensors, i) => ({
      label: `s${i}`,
      location: await makeCheckpoint(path.join(folder, `s${i}`), tensors),
    })),
  );
  if (probe) await makeCheckpoint(path.join(folder, 'probe'), [probe]);
  if (calibration) await makeCheckpoint(path.join(folder, 'calibration'), [calibration]);
  const parsed = JobSpecSchema.parse({
    ...spec,
    sources: sources.map((_, i) => ({ checkpoint: `s${i}`, ...slices[i] })),
  });
  const readers = await Promise.all(located.map(({ location }) => CheckpointReader.open(location)));
  const headers = readers.map(({ tensors }, i) => ({
    label: `s${i}`,
    tensors,
    slice: { rows: parsed.sources[i].rows, columns: parsed.sources[i].columns },
  }));
  // As it comes back from disk: without keys that are undefined.
  const planned = JSON.parse(JSON.stringify(planJob(parsed, headers))) as LinearPlan;
  if (split) planned.steps = linearSteps(parsed, planned, 0);
  await Promise.all(readers.map((reader) => reader.close()));
  const artifacts = path.join(folder, 'artifacts');
  await runMerge({
    record: {
      id: newJobId(),
      created_at: new Date().toISOString(),
      spec: parsed,
      steps: planned.steps,
      plan: planned,
      inputs: [],
      retry_of: null,
    },
    stepsFolder: path.join(folder, 'steps'),
    artifacts,
    sources: located,
    locate: (checkpoint, file) => path.join(folder, checkpoint, file),
    la: backend,
  });
  const metrics = JSON.parse(await readFile(path.join(artifacts, 'metrics.json'), 'utf8')) as Metrics;
  // What was planned, with the widths that were chosen.
  const plan = resolveWidths(planned, parsed, new Map(metrics.spaces.map(({ name, width }) => [name, width])));
  const parts = await Promise.all(plan.shards.map(({ file }) => readAll(path.join(artifacts, file))));
  const join = <T>(key: 'tensors' | 'shapes' | 'dtypes') =>
    new Map(parts.flatMap((part) => [...part[key]] as [string, T][]));
  const reduced = plan.spaces.filter((space) => space.reduced);
  return {
    spec: parsed,
    plan,
    metrics,
    artifacts,
    tensors: join<Mat>('tensors'),
    shapes: join<number[]>('shapes'),
    dtypes: join<string>('dtypes'),
    bases: reduced.length > 0 ? await readBases(path.join(artifacts, 'bases.safetensors'), reduced) : new Map(),
    sources: await Promise.all(located.map(async ({ location }) => (await readAll(location)).tensors)),
  };
}

/** y = W_L(… (W_0·x + b_0) …) + b_L, x as columns. */
export function applyChain(tensors: ReadonlyMap<string, Mat>, spec: JobSpec, x: Mat): Mat {
  if (spec.model.family !== 'chain') throw new Error('not a chain');
  let h = x;
  for (const { weight, bias } of spec.model.layers) {
    const w = tensors.get(weight) as Mat;
    const b = bias === undefined ? undefined : tensors.get(bias);
    const y = mat(w.rows, h.cols);
    for (let i = 0; i < w.rows; i++)
      for (let j = 0; j < h.cols; j++) {
        let sum = b ? b.data[i] : 0;
        for (let k = 0; k < w.cols; k++) sum += w.data[i * w.cols + k] * h.data[k * h.cols + j];
        y.data[i * h.cols + j] = sum;
      }
    h = y;
  }
  return h;
}

/** What the sources give for inputs of the merged network: each its own inputs and outputs, or shared ones. */
export function applySources({ spec, plan, sources }: Merged, x: Mat): Mat {
  const [input, output] = [plan.spaces[0], plan.spaces[plan.spaces.length - 1]];
  const y = mat(output.width, x.cols);
  let [from, to] = [0, 0];
  sources.forEach((tensors, i) => {
    const width = input.source_widths[i];
    const start = input.kind === 'shared' ? 0 : from;
    const own = applyChain(
      tensors,
      spec,
      mat(width, x.cols, x.data.subarray(start * x.cols, (start + width) * x.cols)),
    );
    const alpha = output.kind === 'shared' ? plan.source_weights[i] : 1;
    const row = output.kind === 'shared' ? 0 : to;
    for (let k = 0; k < own.data.length; k++) y.data[row * x.cols + k] += alpha * own.data[k];
    from += width;
    to += own.rows;
  });
  return y;
}
