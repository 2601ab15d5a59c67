import { isDeepStrictEqual } from 'node:util';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { DataError } from '../../src/errors.js';
import type { JobRecord } from '../../src/jobs/record.js';
import { planJob } from '../../src/plan/plan-job.js';
import type { Progress } from '../../src/schemas/job.js';
import type { Metrics } from '../../src/schemas/metrics.js';
import type { LinearPlan, StepPlan } from '../../src/schemas/plan.js';
import { VERSION } from '../../src/version.js';
import type { LinearAlgebra } from '../linalg/contract.js';
import { basisStep } from './basis.js';
import { constantsStep } from './constants.js';
import type { StepContext } from './context.js';
import { type Evaluation, evaluateStep } from './evaluate.js';
import { foldStep } from './fold.js';
import { publishStep } from './publish.js';
import { TensorReader } from './sources.js';
import { StepStore } from './step-store.js';
import { Stopwatch } from './stopwatch.js';

export interface MergeRun {
  record: JobRecord;
  /** Folder of intermediate results; kept between attempts. */
  stepsFolder: string;
  /** Folder the result appears in. */
  artifacts: string;
  /** Folder or file of each source, and its name for messages. */
  sources: readonly { label: string; location: string }[];
  /** Folder of the probe's checkpoint, where the spec names one. */
  probeFiles?: string;
  la: LinearAlgebra;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** Run every step of a job that has not finished yet, in order, and publish. */
export async function runMerge(run: MergeRun): Promise<void> {
  const { record, la, signal } = run;
  const plan = record.plan as LinearPlan;
  const started = performance.now();
  const watch = new Stopwatch();
  const sources = await openSources(run);
  try {
    checkUnchanged(run, sources);
    const context: StepContext = {
      jobId: record.id,
      spec: record.spec,
      plan,
      la,
      sources,
      reader: new TensorReader(la, sources, plan.precision, watch, signal),
      steps: await StepStore.open(run.stepsFolder),
      watch,
      signal,
      openProbe:
        run.probeFiles === undefined ? undefined : () => CheckpointReader.openFiles([run.probeFiles as string]),
    };
    const total = record.plan.steps.length;
    for (const [completed, step] of record.plan.steps.entries()) {
      signal?.throwIfAborted();
      run.onProgress?.({ phase: step.phase, completed, total, fraction: completed / total });
      await runStep(context, step, run, started);
    }
    run.onProgress?.({ phase: 'publish', completed: total, total, fraction: 1 });
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

async function openSources({ sources }: MergeRun): Promise<CheckpointReader[]> {
  const opened: CheckpointReader[] = [];
  try {
    for (const { location } of sources) opened.push(await CheckpointReader.open(location));
    return opened;
  } catch (error) {
    await Promise.all(opened.map((reader) => reader.close()));
    throw error;
  }
}

/** What was planned is what is run: sources whose headers changed since submission would need another plan. */
function checkUnchanged({ record, sources }: MergeRun, readers: readonly CheckpointReader[]): void {
  const headers = readers.map(({ tensors }, i) => {
    const { rows, columns } = record.spec.sources[i];
    return { label: sources[i].label, tensors, slice: { rows, columns } };
  });
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(planJob(record.spec, headers))), record.plan))
    throw new DataError(
      'source_changed',
      'A source’s tensors changed after the job was submitted. Submit the job again.',
    );
}

async function runStep(context: StepContext, step: StepPlan, run: MergeRun, started: number): Promise<void> {
  if (step.phase !== 'publish' && (await context.steps.finished(step.id))) return;
  const { watch } = context;
  const [from, moved] = [performance.now(), watch.get('read') + watch.get('write')];
  if (step.id === 'constants') await constantsStep(context);
  else if (step.phase === 'basis') await basisStep(context, step.subject);
  else if (step.phase === 'fold') await foldStep(context, step.id, step.subject);
  else if (step.phase === 'evaluate') await evaluateStep(context);
  else {
    const evaluation = (await context.steps.require<Evaluation>('evaluate')).data;
    await publishStep(context, {
      record: run.record,
      locations: run.sources.map(({ location }) => location),
      artifacts: run.artifacts,
      metrics: () => metricsOf(context, evaluation, started),
      versions: { weightfold: VERSION, node: process.versions.node, library: context.la.info.library },
    });
  }
  const io = watch.get('read') + watch.get('write') - moved;
  watch.add(step.phase, (performance.now() - from) / 1000 - io);
}

function metricsOf({ jobId, watch, la }: StepContext, evaluation: Evaluation, started: number): Metrics {
  const { backend, library, threads, device } = la.info;
  return {
    job_id: jobId,
    ...evaluation,
    timings: {
      read_s: watch.get('read'),
      basis_s: watch.get('basis'),
      fold_s: watch.get('fold'),
      evaluate_s: watch.get('evaluate'),
      write_s: watch.get('write'),
      total_s: (performance.now() - started) / 1000,
    },
    peak_memory_bytes: process.resourceUsage().maxRSS * 1024,
    environment: { backend, library, threads, device, node: process.versions.node, weightfold: VERSION },
  };
}
