import { rm } from 'node:fs/promises';
import { REFERENCE_STEP } from '../../src/plan/comparison.js';
import { planMerge } from '../../src/plan/plan-job.js';
import { specOfPoint } from '../../src/plan/points.js';
import { JOIN_STEP } from '../../src/plan/steps.js';
import { comparisonReport } from '../../src/report/comparison-report.js';
import { metricsCsv } from '../../src/report/metrics-csv.js';
import type { Comparison, ComparisonMetrics } from '../../src/schemas/metrics.js';
import type { ComparisonPlan, LinearPlan, StepPlan } from '../../src/schemas/plan.js';
import type { LinearAlgebra } from '../linalg/contract.js';
import { remembering } from '../linalg/remembering.js';
import type { Attempt } from './attempt.js';
import { comparisonOf, type PointFigures, pointFigures } from './comparison-rows.js';
import type { Evaluation } from './evaluate.js';
import { headersOf } from './headers.js';
import { linearContext, linearSteps } from './linear-steps.js';
import { json, publish } from './publish.js';
import { type Reference, referenceStep } from './reference.js';
import { StepStore } from './step-store.js';
import { Stopwatch } from './stopwatch.js';
import { measureStep } from './timings.js';
import { type Evaluated, wholeModelSteps } from './whole-model-steps.js';

type Point = ComparisonPlan['points'][number];

/** The steps of a comparison: baselines and bound, every point, then table and report. */
export function comparisonSteps(attempt: Attempt, plan: ComparisonPlan): (step: StepPlan) => Promise<void> {
  // The widths of a method, and methods among each other, decompose the same matrices.
  const la = remembering(attempt.run.la);
  return async ({ id }) => {
    const point = plan.points.find(({ step }) => step === id);
    if (point) await pointStep(attempt, plan, point, la);
    else if (id === REFERENCE_STEP) {
      const merge = await mergeOf(attempt, plan, plan.points[0]);
      const context = linearContext({ ...attempt, run: { ...attempt.run, la } }, merge.plan as LinearPlan);
      await attempt.steps.finish(id, {}, await referenceStep(context, plan.baselines));
    } else await publishComparison(attempt, plan);
  };
}

/** Spec and plan of the merge a point stands for. */
async function mergeOf({ run, readers }: Attempt, plan: ComparisonPlan, point: Point) {
  const spec = specOfPoint(run.record.spec, plan, point);
  const calibration = plan.methods[point.method].calibration ?? undefined;
  return { spec, plan: planMerge(spec, await headersOf(run, readers), { calibration }) };
}

/** Merge and evaluate as a job of its own would, from stored weights; only the figures stay. */
async function pointStep(attempt: Attempt, plan: ComparisonPlan, point: Point, la: LinearAlgebra): Promise<void> {
  const merge = await mergeOf(attempt, plan, point);
  const folder = attempt.steps.target('point');
  const watch = new Stopwatch();
  const inner: Attempt = {
    ...attempt,
    run: {
      ...attempt.run,
      la,
      record: { ...attempt.run.record, ...merge, plan: JSON.parse(JSON.stringify(merge.plan)) },
    },
    steps: await StepStore.open(folder),
    bases: new Map(),
    watch,
  };
  const steps = merge.plan.steps.filter(({ id, phase }) => phase !== 'publish' && id !== JOIN_STEP);
  let [done, seconds] = [0, 0];
  inner.within = (fraction) => attempt.within((done + fraction) / steps.length);
  const perform = merge.plan.kind === 'linear' ? linearSteps(inner, merge.plan) : wholeModelSteps(inner);
  for (const step of steps) {
    attempt.run.signal?.throwIfAborted();
    inner.within(0);
    const from = performance.now();
    await inner.steps.begin(step.id, attempt.run.worker ?? '', measureStep(step, watch));
    await perform(step);
    if (step.phase !== 'evaluate') seconds += (performance.now() - from) / 1000;
    done++;
  }
  for (const activity of ['read', 'write']) attempt.watch.add(activity, watch.get(activity));
  const { data } = await inner.steps.require<Evaluation | Evaluated>('evaluate');
  await attempt.steps.finish(point.step, {}, pointFigures(data, seconds));
  await rm(folder, { recursive: true, force: true });
}

async function publishComparison(attempt: Attempt, plan: ComparisonPlan): Promise<void> {
  const { steps, run } = attempt;
  const figures: PointFigures[] = [];
  for (const { step } of plan.points) figures.push((await steps.require<PointFigures>(step)).data);
  const linear = plan.steps.some(({ id }) => id === REFERENCE_STEP);
  const reference = linear ? (await steps.require<Reference>(REFERENCE_STEP)).data : null;
  const comparison: Comparison = comparisonOf(plan, figures, reference);
  const metrics = (): ComparisonMetrics => ({ job_id: run.record.id, ...comparison, ...attempt.measured() });
  await publish({
    ...attempt.publication(),
    files: {},
    companions: false,
    texts: {
      'comparison.json': json(comparison),
      'comparison.csv': metricsCsv(metrics()),
      'report.html': await comparisonReport(comparison, run.record.spec),
    },
    metrics,
  });
}
