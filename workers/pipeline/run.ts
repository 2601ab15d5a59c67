import { isDeepStrictEqual } from 'node:util';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { DataError } from '../../src/errors.js';
import type { JobRecord } from '../../src/jobs/record.js';
import { planJob } from '../../src/plan/plan-job.js';
import type { StepPlan } from '../../src/schemas/plan.js';
import { VERSION } from '../../src/version.js';
import type { Attempt, MergeRun } from './attempt.js';
import { comparisonSteps } from './comparison-steps.js';
import { headersOf } from './headers.js';
import { linearSteps } from './linear-steps.js';
import { StepStore } from './step-store.js';
import { Stopwatch } from './stopwatch.js';
import { wholeModelSteps } from './whole-model-steps.js';

/** How the steps of a plan are run, by its kind. */
function stepsOf(attempt: Attempt): (step: StepPlan) => Promise<void> {
  const { plan } = attempt.run.record;
  if (plan.kind === 'linear') return linearSteps(attempt, plan);
  return plan.kind === 'comparison' ? comparisonSteps(attempt, plan) : wholeModelSteps(attempt);
}

/** Run every step of a job that has not finished yet, in order; the last one publishes. */
export async function runMerge(run: MergeRun): Promise<void> {
  const { record, signal } = run;
  const readers = await openSources(run);
  try {
    await checkUnchanged(run, readers);
    const total = record.plan.steps.length;
    let completed = 0;
    const report = (fraction: number) => {
      const phase = record.plan.steps[Math.min(completed, total - 1)].phase;
      run.onProgress?.({ phase, completed, total, fraction: (completed + fraction) / total });
    };
    const attempt = await beginAttempt(run, readers, report);
    const perform = stepsOf(attempt);
    for (const step of record.plan.steps) {
      signal?.throwIfAborted();
      report(0);
      if (step.id === 'publish' || !(await attempt.steps.finished(step.id))) {
        const { watch } = attempt;
        const [from, moved] = [performance.now(), watch.get('read') + watch.get('write')];
        await perform(step);
        const io = watch.get('read') + watch.get('write') - moved;
        watch.add(step.phase, (performance.now() - from) / 1000 - io);
      }
      completed++;
    }
    run.onProgress?.({ phase: 'publish', completed: total, total, fraction: 1 });
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

async function beginAttempt(
  run: MergeRun,
  readers: readonly CheckpointReader[],
  within: (fraction: number) => void,
): Promise<Attempt> {
  const { record, la, reason = 'given by the caller' } = run;
  const started = performance.now();
  const watch = new Stopwatch();
  const { backend, library, threads, device } = la.info;
  const node = process.versions.node;
  const environment = { backend, library, threads, device, reason, node, weightfold: VERSION };
  return {
    run,
    readers,
    steps: await StepStore.open(run.stepsFolder),
    watch,
    within,
    publication: {
      record,
      locations: run.sources.map(({ location }) => location),
      artifacts: run.artifacts,
      versions: { weightfold: VERSION, node, library },
      environment,
      watch,
    },
    measured: () => ({
      timings: {
        read_s: watch.get('read'),
        basis_s: watch.get('basis'),
        fold_s: watch.get('fold'),
        evaluate_s: watch.get('evaluate'),
        write_s: watch.get('write'),
        total_s: (performance.now() - started) / 1000,
      },
      peak_memory_bytes: process.resourceUsage().maxRSS * 1024,
      environment,
    }),
  };
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
async function checkUnchanged(run: MergeRun, readers: readonly CheckpointReader[]): Promise<void> {
  const { record } = run;
  const headers = await headersOf(run, readers);
  const again = planJob(record.spec, headers, tokenShapesOf(record));
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(again)), record.plan))
    throw new DataError(
      'source_changed',
      'A source’s tensors changed after the job was submitted. Submit the job again.',
    );
}

/** Shapes of the calibration tokens the plan was made for; the fit itself refuses a file of another shape. */
function tokenShapesOf({ plan }: JobRecord) {
  if (plan.kind === 'comparison') return plan.methods.map(({ calibration }) => calibration ?? undefined);
  const calibration = (plan as { calibration?: { rows?: number; length?: number } | null }).calibration;
  if (calibration?.rows === undefined || calibration.length === undefined) return [];
  return [{ rows: calibration.rows, length: calibration.length }];
}
