import type { Method } from '../schemas/method.js';
import type { LinearPlan, SpacePlan, TensorPlan } from '../schemas/plan.js';
import { sum } from './work.js';

/** A linear plan before it has costs. */
export type Uncosted = Omit<LinearPlan, 'costs'>;

export const reducedSpaces = ({ spaces }: Uncosted) => spaces.filter(({ reduced }) => reduced);
export const spaceOf = (plan: Uncosted, name: string | null) => plan.spaces.find((space) => space.name === name);
export const wordOf = ({ precision }: Uncosted) => (precision === 'float64' ? 8 : 4);

/** Whether the sources' copies of a space meet in one block: one eigenproblem, or one joint sample. */
export const joint = (space: SpacePlan, method: Method) =>
  space.coupled || (method.mode === 'diag' && method.solver.type === 'randomized' && space.source_widths.length > 1);

export interface ProblemShape {
  rows: number;
  cols: number;
  /** Elements that are not zero blocks. */
  stored: number;
  /** Directions asked of it. */
  share: number;
}

/** The eigenproblems of a space: rows are the space's, columns its writer's inputs. */
export function problemsOf(plan: Uncosted, space: SpacePlan, method: Method): ProblemShape[] {
  const writer = plan.tensors.find((t) => t.role === 'weight' && t.out_space === space.name) as TensorPlan;
  const shapes = writer.sources.map(({ shape }) => (writer.layout === 'out_in' ? shape : [shape[1], shape[0]]));
  const share = space.width / shapes.length;
  if (!joint(space, method))
    return shapes.map(([rows, cols]) => ({ rows, cols, stored: rows * cols, share: Math.min(share, rows) }));
  const shared = spaceOf(plan, writer.in_space)?.kind === 'shared';
  const rows = sum(shapes.map(([out]) => out));
  const cols = shared ? shapes[0][1] : sum(shapes.map(([, into]) => into));
  return [{ rows, cols, stored: sum(shapes.map(([out, into]) => out * into)), share: space.width }];
}

/** Elements of E, and of F. */
export function basisElements(space: SpacePlan): number {
  const D = sum(space.source_widths);
  return space.coupled ? D * space.width : (D * space.width) / Math.max(1, space.source_widths.length);
}

/** Units of the new space one source's copy has to do with. */
export const shareOf = (space: SpacePlan) =>
  space.coupled ? space.width : space.width / Math.max(1, space.source_widths.length);
