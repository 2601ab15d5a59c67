import { SpecError } from '../errors.js';
import type { ComparedWidths } from '../schemas/compare.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Method } from '../schemas/method.js';
import { isTransformer, TargetSchema } from '../schemas/model.js';
import type { ComparisonPlan } from '../schemas/plan.js';

/** Names the chain's hidden spaces and the embedding's width go by. */
export const chainSpace = (layer: number) => `h${layer}`;
export const EMBEDDING_SPACE = 'width';

/** The merge one point of a comparison stands for: the spec with that method and those widths, and no comparison. */
export function pointSpec(spec: JobSpec, method: Method, widths: Record<string, number>): JobSpec {
  const { compare: _, ...rest } = spec;
  if (isTransformer(spec.model)) return { ...rest, method, target: widths };
  if (spec.model.family === 'embedding')
    return { ...rest, method, model: { ...spec.model, width: widths[EMBEDDING_SPACE] } };
  const layers = spec.model.layers.map((layer, l) => {
    const width = widths[chainSpace(l)];
    return width === undefined ? layer : { ...layer, width };
  });
  return { ...rest, method, model: { ...spec.model, layers } };
}

/** The merge of a planned point. */
export const specOfPoint = (spec: JobSpec, plan: ComparisonPlan, point: ComparisonPlan['points'][number]): JobSpec =>
  pointSpec(spec, plan.methods[point.method].method, point.widths);

/**
 * Widths by space, from a share of each space's total or from numbers; spaces left out keep the width of the model.
 * @param totals width of every reducible space in the sources together; of a transformer none
 * @throws SpecError for names the model does not have
 */
export function widthsOf(
  spec: JobSpec,
  asked: ComparedWidths,
  totals: ReadonlyMap<string, number>,
  pointer: string,
): Record<string, number> {
  if (isTransformer(spec.model)) return targetOf(asked, pointer);
  if (typeof asked === 'number')
    return Object.fromEntries([...totals].map(([name, total]) => [name, Math.max(1, Math.round(asked * total))]));
  const unknown = Object.keys(asked).find((name) => !totals.has(name));
  if (unknown !== undefined)
    throw new SpecError(
      'space_unknown',
      `There is no space "${unknown}"; widths are for ${[...totals.keys()].join(', ') || 'no space of this model'}.`,
      pointer,
    );
  return asked;
}

function targetOf(asked: ComparedWidths, pointer: string): Record<string, number> {
  if (typeof asked === 'number')
    throw new SpecError(
      'width_not_applicable',
      'A share does not say how many heads and units a transformer gets; name hidden_size, num_attention_heads, ….',
      pointer,
    );
  const target = TargetSchema.safeParse(asked);
  if (!target.success)
    throw new SpecError('space_unknown', `Not a target: ${target.error.issues[0].message}.`, pointer);
  return asked;
}

const SOLVER_NAMES = { exact: '', randomized: 'randomized ' } as const;

/** What a method is called unless it has a name: its settings, what is usual left out. */
export function methodName({ basis, mode, solver, fit, calibration }: Method, whole: boolean): string {
  if (whole) {
    const data = calibration && 'generate' in calibration ? ', generated text' : '';
    const kind = fit === 'closed_form' || !calibration ? 'closed form' : 'calibrated';
    const from = basis === 'weight' || kind === 'calibrated' ? '' : `, ${basis}`;
    return `${kind}${from}${data}${mode === 'separate' ? ', separate' : ''}`;
  }
  return `${SOLVER_NAMES[solver.type]}${basis === 'weight' ? 'weight PCA' : basis}${mode === 'separate' ? ', separate' : ''}`;
}
