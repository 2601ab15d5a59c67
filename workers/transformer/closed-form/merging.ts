import type { TransformerPlan } from '../../../src/families/plan.js';
import type { Matrix } from '../../linalg/contract.js';
import { joinNorms } from '../mapped-norm.js';
import type { ResidualBasis } from '../residual.js';
import { type MergeInput, sourceNorm } from './merge-input.js';
import type { Selections } from './selections.js';
import type { TransformFold } from './transform-fold.js';

/** What the weights alone decide before any output tensor is made. */
export interface ClosedFormBasis extends ResidualBasis, Selections {
  scale: number[];
  /** √(D·retained / r): the joint norm of E·h beside each source's own (method.md, section 5). */
  kappa: number;
}

/** A closed-form merge: its sources, its basis, and where each source lies in the joint stream. */
export interface Merging extends MergeInput {
  basis: ClosedFormBasis;
  /** E, float32, [r, D]. */
  expand: Matrix;
  /** What the sources' writers are mapped with: E, with each source's mean taken out where `centres`. */
  write: Matrix;
  /** F, float32, [D, r]: Eᵀ, except for a post-norm stream in several copies. */
  fold: Matrix;
  /** What the units of the MLM transform that are left out owe the kept ones, per source; null where none are. */
  transform: TransformFold[] | null;
  widths: readonly number[];
  starts: readonly number[];
}

/** Columns of E that belong to source i, [r, d_i], for what it writes. */
export const writeOf = ({ la, write, starts, widths }: Merging, i: number): Matrix =>
  la.view(write, 0, write.rows, starts[i], starts[i] + widths[i]);

/** Pre-norm LayerNorm: the mean is taken out of every writer, so that the stream lies in the hyperplane. */
export const centres = ({ target }: TransformerPlan): boolean => target.norm === 'layer' && target.placement === 'pre';

/** Gains and biases of norm k of all sources, one behind the other. */
export const joinedNorms = async (m: Merging, k: number): Promise<{ gains: Float64Array; biases: Float64Array }> =>
  joinNorms(await Promise.all(m.sources.map((_, i) => sourceNorm(m, i, k))), m.widths);

/** Whether the output of norm k is itself a stream or the model's output, so that its gain stays in the norm. */
export const keepsGain = ({ placement, head, layers }: TransformerPlan['target'], k: number): boolean =>
  placement === 'post' || (head === 'none' && k === 2 * layers);
