import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { type Linear, type Norm, normSlot, type SlotTensors } from '../model.js';
import type { ResidualBasis } from '../residual.js';
import type { Selections } from './selections.js';
import type { TransformFold } from './transform-fold.js';

/** What the weights alone decide before any output tensor is made. */
export interface ClosedFormBasis extends ResidualBasis, Selections {
  scale: number[];
  /** √(D·retained / r): the joint norm of E·h beside each source's own (method.md, section 5). */
  kappa: number;
}

/** What a merge starts from. */
export interface MergeInput {
  la: LinearAlgebra;
  plan: TransformerPlan;
  sources: readonly SlotTensors[];
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

export async function linearOf(
  la: LinearAlgebra,
  source: SlotTensors,
  slot: Slot,
  layer: number | null,
): Promise<Linear> {
  return {
    weight: await source.matrix(slot, layer, 'weight'),
    bias: source.has(slot, layer, 'bias') ? await la.download(await source.matrix(slot, layer, 'bias')) : null,
  };
}

/** The decoder of source i, its word table where tied; `rows` of it, half-open. */
export async function decoderOf(
  { la, plan, sources }: MergeInput,
  i: number,
  rows: readonly [number, number] | undefined,
): Promise<Linear> {
  const source = sources[i];
  const stored = !plan.sources[i].architecture.tied && source.has('decoder', null, 'weight');
  const weight = await source.matrix(stored ? 'decoder' : 'word', null, 'weight', rows);
  const bias = source.has('decoder', null, 'bias')
    ? (await la.download(await source.matrix('decoder', null, 'bias'))).subarray(...(rows ?? []))
    : null;
  return { weight, bias };
}

/** Norm k of source i. */
export async function sourceNorm({ la, plan, sources }: MergeInput, i: number, k: number): Promise<Norm> {
  const { slot, layer } = normSlot(plan.sources[i].architecture, k);
  const part = async (which: 'weight' | 'bias') =>
    sources[i].has(slot, layer, which) ? la.download(await sources[i].matrix(slot, layer, which)) : null;
  return { gain: await part('weight'), bias: await part('bias') };
}

/** Gains or biases of norm k of all sources, one behind the other. */
export async function joinedNorms(m: Merging, k: number, which: 'gain' | 'bias'): Promise<Float64Array> {
  const norms = await Promise.all(m.sources.map((_, i) => sourceNorm(m, i, k)));
  return Float64Array.from(
    norms.flatMap((n, i) => Array.from(n[which] ?? new Float64Array(m.widths[i]).fill(which === 'gain' ? 1 : 0))),
  );
}
