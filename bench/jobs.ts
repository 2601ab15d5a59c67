import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { readConfig } from '../src/checkpoints/read-config.js';
import { CheckpointReader } from '../src/checkpoints/reader.js';
import { planJob } from '../src/plan/plan-job.js';
import { notebookData, writeNotebookModel } from '../src/quickstart/notebook-data.js';
import { type JobSpecInput, JobSpecSchema } from '../src/schemas/job-spec.js';
import type { AnyMetrics } from '../src/schemas/metrics.js';
import { readJson } from '../src/store/read-json.js';
import type { LinearAlgebra } from '../workers/linalg/contract.js';
import { runMerge } from '../workers/pipeline/run.js';

/** The notebook's two models as checkpoints `a` and `b` of a folder. */
export async function writeNotebook(folder: string): Promise<void> {
  const { a, b } = notebookData();
  for (const [name, weights] of [
    ['a', a],
    ['b', b],
  ] as const) {
    await mkdir(path.join(folder, name), { recursive: true });
    await writeNotebookModel(path.join(folder, name, 'model.safetensors'), weights);
  }
}

/** Run one merge through the worker's own pipeline, store to store, and return its metrics. */
export async function runJob(
  la: LinearAlgebra,
  folder: string,
  checkpoints: readonly string[],
  spec: Pick<JobSpecInput, 'model' | 'method' | 'target'>,
): Promise<AnyMetrics> {
  const full = JobSpecSchema.parse({ ...spec, sources: checkpoints.map((name) => ({ checkpoint: name })) });
  const sources = checkpoints.map((name) => ({ label: name, location: path.join(folder, name) }));
  const readers = await Promise.all(sources.map(({ location }) => CheckpointReader.open(location)));
  const plan = planJob(
    full,
    await Promise.all(
      readers.map(async ({ tensors }, i) => {
        const config = await readConfig(sources[i], `/sources/${i}`);
        return { label: sources[i].label, tensors, slice: {}, config };
      }),
    ),
  );
  await Promise.all(readers.map((reader) => reader.close()));
  const job = path.join(folder, 'job');
  await rm(job, { recursive: true, force: true });
  await mkdir(job, { recursive: true });
  const record = {
    id: 'job_00000000000000000000000000',
    created_at: new Date().toISOString(),
    spec: full,
    steps: plan.steps,
    plan: JSON.parse(JSON.stringify(plan)),
    inputs: [],
    retry_of: null,
  };
  await runMerge({ record, stepsFolder: path.join(job, 'steps'), artifacts: path.join(job, 'artifacts'), sources, la });
  const metrics = await readJson<AnyMetrics>(path.join(job, 'artifacts', 'metrics.json'));
  if (!metrics) throw new Error('The job published no metrics.');
  return metrics;
}

export const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Median seconds of `runs` runs after one that is not counted. */
export async function timed(runs: number, work: () => Promise<unknown>): Promise<number> {
  await work();
  const seconds: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await work();
    seconds.push((performance.now() - start) / 1000);
  }
  return median(seconds);
}
