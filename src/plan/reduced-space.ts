import { SpecError } from '../errors.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { SpacePlan, SpaceWidthGoal, TensorPlan } from '../schemas/plan.js';
import type { WidthGoal } from '../schemas/width.js';
import { factorizationOf } from './factorization.js';
import { MAX_GROWTH } from './growth-limit.js';

export interface WantedSpace {
  spec: JobSpec;
  /** Width of the space in each source. */
  widths: number[];
  /** Asked width, or what it must achieve. */
  width: number | WidthGoal;
  /** Whether an error goal is of the whole map. */
  endToEnd: boolean;
  /** The writer's `[out, in]` in each source. */
  shapes: readonly (readonly number[])[];
  sharedInput: boolean;
  /** Types that the writer and the readers of the space are stored in. */
  dtypes: readonly TensorPlan['dtype'][];
  /** Whether sources share this eigenproblem by the model's shape, for the basis at hand and mode diag. */
  joint: boolean;
  pointer: string;
}

type Decided = Pick<SpacePlan, 'width' | 'width_range' | 'width_goal' | 'basis' | 'factorization' | 'coupled'>;

/**
 * Basis, width, factorization and coupling of a reduced space.
 * @throws SpecError `width_out_of_range`, naming the bounds
 */
export function decideSpace(wanted: WantedSpace): Decided {
  const { spec, widths, width, shapes, sharedInput, joint, pointer } = wanted;
  const { method } = spec;
  const total = widths.reduce((sum, d) => sum + d, 0);
  if (typeof width !== 'number') {
    const range = openRange(width, widths, method.mode, pointer);
    return {
      width: total,
      width_range: range,
      width_goal: goalOf(width, wanted.endToEnd),
      basis: method.basis,
      // The notebook's rule compares the width with the rank; a width chosen by error never exceeds the rank.
      factorization: method.basis === 'balanced' ? 'balanced' : explicitFactorization(method.factorization),
      coupled: joint && method.mode === 'diag' && widths.length > 1,
    };
  }
  checkWidth(width, widths, method.mode, pointer);
  const given = { width, width_range: null, width_goal: null } as const;
  if (width > total) return { ...given, basis: 'growth', factorization: 'weight', coupled: false };
  return {
    ...given,
    basis: method.basis,
    // Covariance squares the range of the writer's values, which float16 does not have.
    factorization:
      method.basis === 'balanced'
        ? 'balanced'
        : method.basis === 'activation' || wanted.dtypes.includes('F16')
          ? explicitFactorization(method.factorization)
          : factorizationOf(method, shapes, sharedInput, width),
    coupled: joint && method.mode === 'diag' && widths.length > 1,
  };
}

const explicitFactorization = (factorization: JobSpec['method']['factorization']) =>
  factorization === 'covariance' ? 'covariance' : 'weight';

const goalOf = ({ multiple_of = 1, ...goal }: WidthGoal, endToEnd: boolean): SpaceWidthGoal =>
  endToEnd && 'max_relative_error' in goal
    ? { max_map_relative_error: goal.max_relative_error, multiple_of }
    : { ...goal, multiple_of };

const leastWidth = (widths: readonly number[], mode: string) => (mode === 'separate' ? widths.length : 1);

function openRange(
  { multiple_of = 1 }: WidthGoal,
  widths: readonly number[],
  mode: string,
  pointer: string,
): [number, number] {
  const total = widths.reduce((sum, d) => sum + d, 0);
  if (multiple_of > total)
    throw new SpecError(
      'width_out_of_range',
      `multiple_of ${multiple_of} is more than the sources' widths together (${total}); no width is a multiple of it.`,
      `${pointer}/multiple_of`,
    );
  return [Math.max(leastWidth(widths, mode), multiple_of), total];
}

/** @throws SpecError for a width no merge can have */
function checkWidth(width: number, widths: readonly number[], mode: string, pointer: string): void {
  const total = widths.reduce((sum, d) => sum + d, 0);
  const least = leastWidth(widths, mode);
  const most = widths.length === 1 ? total * MAX_GROWTH : total;
  if (width >= least && width <= most) return;
  const why =
    widths.length === 1
      ? `${MAX_GROWTH} times the width of the source, ${total}`
      : `the sources’ widths together: ${widths.join(' + ')}; only a single source grows beyond its width`;
  throw new SpecError(
    'width_out_of_range',
    `Width ${width} is outside ${least}…${most} (${why}${least > 1 ? '; mode separate needs a direction per source' : ''}).`,
    pointer,
  );
}

/** @throws SpecError where a method's parts contradict each other, whatever the model */
export function checkMethod({ method }: JobSpec): void {
  if (method.basis !== 'weight' && method.solver.type === 'randomized')
    throw new SpecError(
      'method_conflict',
      `The randomized solver samples weights; basis ${method.basis} is solved exactly. Leave the solver out.`,
      '/method/solver',
    );
  if (method.basis === 'balanced' && method.factorization !== 'auto')
    throw new SpecError(
      'method_conflict',
      `Basis balanced fixes the scale of the new units; factorization ${method.factorization} does not apply. Leave it out.`,
      '/method/factorization',
    );
}
