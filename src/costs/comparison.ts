import type { JobSpec } from '../schemas/job-spec.js';
import { DEFAULT_MACHINE, type Machine } from '../schemas/machine.js';
import type { Method } from '../schemas/method.js';
import type { LinearPlan, MergePlan, Plan } from '../schemas/plan.js';
import { linearWork } from './linear.js';
import { secondsOf, sum } from './work.js';

/** One point: a method, at one width. */
export interface ComparedPoint {
  spec: JobSpec;
  plan: MergePlan;
  /** Index of its method. */
  method: number;
}

/** Decompositions kept in memory; `workers/linalg/remembering.ts` keeps to it. */
const REMEMBERED_BYTES = 512 * 2 ** 20;
/** Baselines and bound cost about as much as one evaluation, of which a point has one. */
const REFERENCE_POINTS = 1;

/** Costs of a comparison: its points one after the other, a method's decompositions once. No weights are published. */
export function comparisonCosts(points: readonly ComparedPoint[], machine: Machine = DEFAULT_MACHINE): Plan['costs'] {
  const all = (of: (costs: Plan['costs']) => number) => sum(points.map(({ plan }) => of(plan.costs)));
  const seconds = points.map((point, i) =>
    pointSeconds(point, points.findIndex((p) => p.method === point.method) === i, machine),
  );
  const linear = points.every(({ plan }) => plan.kind === 'linear');
  return {
    bytes_read: all((c) => c.bytes_read),
    bytes_written: all((c) => c.bytes_written),
    peak_memory_bytes: Math.ceil(
      Math.max(...points.map(({ plan }) => plan.costs.peak_memory_bytes)) + (linear ? remembered(points) : 0),
    ),
    flops: all((c) => c.flops),
    estimated_seconds: sum(seconds) + (linear ? (REFERENCE_POINTS * Math.max(...seconds)) / 2 : 0),
  };
}

/** Whether a method solves the same problems at every width: a sample is as wide as the result, a reach narrows with it. */
const repeats = ({ basis, solver }: Method) => basis !== 'balanced' && solver.type === 'exact';

function pointSeconds({ spec, plan }: ComparedPoint, first: boolean, machine: Machine): number {
  if (plan.kind !== 'linear' || first || !repeats(spec.method)) return plan.costs.estimated_seconds;
  return secondsOf({ ...linearWork(plan as LinearPlan, spec), eigen: [] }, plan.steps.length, machine);
}

const remembered = (points: readonly ComparedPoint[]) =>
  Math.min(
    REMEMBERED_BYTES,
    sum(
      points
        .filter(({ method }, i) => points.findIndex((p) => p.method === method) === i)
        .flatMap(({ plan, spec }) => linearWork(plan as LinearPlan, spec).eigen)
        .map((n) => 8 * n ** 2),
    ),
  );
