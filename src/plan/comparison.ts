import { type ComparedPoint, comparisonCosts } from '../costs/comparison.js';
import { SpecError, WeightfoldError } from '../errors.js';
import { DTYPE_BITS, type Dtype } from '../safetensors/dtype.js';
import { type Compare, MAX_POINTS } from '../schemas/compare.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Machine } from '../schemas/machine.js';
import { type Method, MethodSchema } from '../schemas/method.js';
import { isTransformer } from '../schemas/model.js';
import type { ComparisonPlan, LinearPlan, MergePlan } from '../schemas/plan.js';
import { baselinesOf } from './baselines.js';
import { chainSpace, EMBEDDING_SPACE, methodName, pointSpec, widthsOf } from './points.js';
import { settledMethod } from './settled-spec.js';
import { locate, type SourceHeaders } from './sources.js';
import { orderSteps } from './steps.js';
import type { TokenShape } from './whole-model.js';

/** Plans one merge. */
export type PointPlanner = (spec: JobSpec, calibration?: TokenShape) => MergePlan;

export const REFERENCE_STEP = 'reference';

/** The methods of a comparison in the order of its table: those asked for, then the notebook's where wanted. */
export function comparedMethods({ model, compare }: JobSpec): { name: string; method: Method }[] {
  const { methods, baselines } = compare as Compare;
  const whole = isTransformer(model);
  const named = (methods ?? usualMethods(model)).map(({ name, ...given }: Method & { name?: string }) => {
    const method = whole ? settledMethod(given) : given;
    return { name: name ?? methodName(method, whole), method };
  });
  if (whole || !baselines.includes('notebook')) return named;
  const notebook = (['diag', 'separate'] as const).map((mode) => ({
    name: `notebook, ${mode}`,
    method: MethodSchema.parse({ mode, solver: { type: 'randomized' } }),
  }));
  return [...named, ...notebook];
}

const usualMethods = ({ family }: JobSpec['model']): Method[] =>
  (family === 'chain' ? (['weight', 'balanced'] as const) : (['weight'] as const)).map((basis) =>
    MethodSchema.parse({ basis }),
  );

/**
 * Every method at every width as one job: each point is a step that merges, evaluates and keeps the figures only.
 * @param calibrations shape of each method's calibration tokens, where it names a tensor
 * @throws SpecError where any point could not be merged, with a pointer to its width or method
 */
export function planComparison(
  spec: JobSpec,
  headers: readonly SourceHeaders[],
  calibrations: readonly (TokenShape | undefined)[],
  planPoint: PointPlanner,
  machine?: Machine,
): ComparisonPlan {
  const compare = spec.compare as Compare;
  const methods = comparedMethods(spec);
  checkMethods(methods, compare);
  const totals = totalsOf(spec, headers);
  const compared: ComparedPoint[] = [];
  const points = methods.flatMap(({ name, method }, m) =>
    compare.widths.map((asked, w) => {
      const pointer = `/compare/widths/${w}`;
      const widths = widthsOf(spec, asked, totals, pointer);
      const one = pointSpec(spec, method, widths);
      const plan = pointed(`Method "${name}"`, pointer, () => planPoint(one, calibrations[m]));
      compared.push({ spec: one, plan, method: m });
      return {
        step: `point-${m + 1}-${w + 1}`,
        method: m,
        share: typeof asked === 'number' ? asked : null,
        widths: plan.kind === 'linear' ? reducedWidths(plan) : widths,
        ...sizeOf(plan),
      };
    }),
  );
  const first = compared[0].plan;
  const { baselines, left_out } = baselinesOf(spec.sources, compare.baselines, first);
  return {
    version: 1,
    kind: 'comparison',
    family: first.family,
    precision: first.kind === 'linear' ? first.precision : 'float32',
    methods: methods.map(({ name, method }, m) => ({ name, method, calibration: calibrations[m] ?? null })),
    points,
    baselines,
    left_out,
    probe_columns: first.kind === 'linear' ? first.probe_columns : [],
    steps: orderSteps([
      ...(first.kind === 'linear'
        ? [{ id: REFERENCE_STEP, phase: 'evaluate' as const, subject: 'baselines and bound', after: [] }]
        : []),
      ...points.map(({ step, method, widths }) => ({
        id: step,
        phase: 'evaluate' as const,
        subject: `${methods[method].name} at ${Object.values(widths).join(', ')}`,
        after: [],
      })),
      { id: 'publish', phase: 'publish' as const, subject: 'table and report' },
    ]),
    costs: comparisonCosts(compared, machine),
  };
}

function checkMethods(methods: readonly { name: string }[], { widths, methods: asked }: Compare): void {
  if (methods.length * widths.length > MAX_POINTS)
    throw new SpecError(
      'comparison_too_large',
      `${methods.length} methods at ${widths.length} widths are ${methods.length * widths.length} points; at most ${MAX_POINTS} are compared in one job.`,
      '/compare/widths',
    );
  const names = methods.map(({ name }) => name);
  const again = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (again >= 0)
    throw new SpecError(
      'method_repeated',
      `Two methods are called "${names[again]}"; give each a name of its own.`,
      again < (asked?.length ?? 0) ? `/compare/methods/${again}` : '/compare/baselines',
    );
}

/** Width of every reducible space in the sources together. */
function totalsOf({ model }: JobSpec, headers: readonly SourceHeaders[]): Map<string, number> {
  const total = (tensor: string, axis: 0 | 1, pointer: string) =>
    headers.reduce((sum, _, i) => sum + locate(headers, i, tensor, 2, pointer).shape[axis], 0);
  if (model.family === 'embedding') return new Map([[EMBEDDING_SPACE, total(model.tensor, 1, '/model/tensor')]]);
  if (model.family !== 'chain') return new Map();
  const layers = model.layers.slice(0, -1);
  return new Map(
    layers.map(({ weight }, l) => [chainSpace(l), total(weight, 0, `/model/layers/${l}/weight`)] as const),
  );
}

const reducedWidths = ({ spaces }: LinearPlan) =>
  Object.fromEntries(spaces.filter(({ reduced }) => reduced).map(({ name, width }) => [name, width]));

const elements = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

/** Parameters of a merge's result, and the bytes they take. */
export function sizeOf({ tensors }: MergePlan) {
  const list: readonly { shape: readonly number[]; dtype: Dtype }[] = tensors;
  return {
    parameters: list.reduce((sum, { shape }) => sum + elements(shape), 0),
    bytes: list.reduce((sum, { shape, dtype }) => sum + (elements(shape) * DTYPE_BITS[dtype]) / 8, 0),
  };
}

/** What a point's plan refuses is refused at the width asked for, unless it lies in the model or the sources. */
function pointed(what: string, pointer: string, plan: () => MergePlan): MergePlan {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof WeightfoldError) || !/^\/(target|model)/.test(error.errors[0]?.pointer ?? '')) throw error;
    throw new SpecError(error.code, `${what}: ${error.message}`, pointer);
  }
}
