import type { TransformerPlan } from '../../../src/families/plan.js';
import { gaussian } from '../../bases/gaussian.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { transposed } from '../../linalg/transposed.js';
import { centreRows } from '../centre.js';
import { scaledColumns } from './pick.js';

/** Any seed does; this one makes results repeat. */
const SEED = 33;
/** In a list of kept units or heads: one without weights (padding `zero`). */
const DEAD = -1;

/** E (r × d) and F (d × r) of a residual stream wider than its one source, float64; F·E = I on the stream. */
export interface Frame {
  expand: Matrix;
  fold: Matrix;
}

/** Which of `count` units each of `width` is a copy of: all of them, over and over. With padding `zero`: all, then dead ones. */
export const grownIndices = (count: number, width: number, padding: TransformerPlan['padding']): number[] =>
  Array.from({ length: width }, (_, j) => (j < count || padding !== 'zero' ? j % count : DEAD));

/**
 * The part of its original's column that each copy takes: 1, 2, …, c over their sum for c copies, so that the copies add
 * up to the original and yet are none of them alike (equal ones would stay equal in training); 0 for a dead one.
 */
export function copyShares(indices: readonly number[]): Float64Array {
  const copies = new Map<number, number>();
  for (const index of indices) copies.set(index, (copies.get(index) ?? 0) + 1);
  const seen = new Map<number, number>();
  return Float64Array.from(indices, (index) => {
    if (index < 0) return 0;
    const nth = (seen.get(index) ?? 0) + 1;
    seen.set(index, nth);
    const count = copies.get(index) as number;
    return nth / ((count * (count + 1)) / 2);
  });
}

/** Columns `index` of a matrix, each original's shared out among its copies. Where none is copied, columns as they are. */
export const sharedColumns = (la: LinearAlgebra, a: Matrix, index: readonly number[]): Promise<Matrix> =>
  scaledColumns(
    la,
    a,
    index.map((column) => Math.max(0, column)), // a dead one has no share of any
    copyShares(index),
  );

/**
 * A stream of width d in r > d dimensions, the same to every norm up to √(d/r) (method.md, sections 3 and 5).
 *
 * Pre-norm: E has orthonormal columns, the Q of a seeded Gaussian matrix, so that every unit carries a part of every
 * direction and none is dead; F = Eᵀ. For LayerNorm its columns are orthogonal to 1, so that the mean it subtracts is 0
 * (this needs r > d). Without a head the last norm's output is the model's, its gain acts on single units, and so the
 * source's units stay as they are: E = [I; 0], F = [I, G]. Nothing writes the further units yet, but G, Gaussian with
 * columns of length about 1, lets every reader read them, so that they take part in training. With padding `zero`: the
 * same with G = 0. Post-norm: E = [I; I; …], F = [s₁·I, s₂·I, …] with the shares of `copyShares`; r must be a multiple
 * of d. 4·r·d² flops.
 */
export async function residualFrame(la: LinearAlgebra, plan: TransformerPlan): Promise<Frame> {
  const [d, r] = [plan.sources[0].architecture.hidden, plan.target.hidden];
  if (plan.target.placement === 'post') return copies(la, d, r);
  if (plan.padding === 'zero') return appended(la, d, r, new Float64Array(d * (r - d)), frameLevel(plan));
  if (plan.target.head === 'none') {
    const read = await la.download(gaussian(la, d, r - d, SEED, 'float64'));
    return appended(
      la,
      d,
      r,
      read.map((value) => value / Math.sqrt(d)),
      0,
    );
  }
  const draw = gaussian(la, d, r, SEED, 'float64');
  if (plan.target.norm === 'layer') await centreRows(la, draw);
  const fold = await la.orthonormalize(draw);
  return { fold, expand: la.upload(transposed(await la.download(fold), d, r), r, d) };
}

function copies(la: LinearAlgebra, d: number, r: number): Frame {
  const index = grownIndices(d, r, 'orthonormal');
  const shares = copyShares(index);
  const [expand, fold] = [new Float64Array(r * d), new Float64Array(d * r)];
  index.forEach((original, j) => {
    expand[j * d + original] = 1;
    fold[original * r + j] = shares[j];
  });
  return { expand: la.upload(expand, r, d), fold: la.upload(fold, d, r) };
}

/**
 * What is taken off every entry of I in the frames of padding `zero`: 1/d, the mean, before a decoder behind LayerNorm,
 * whose constant rides on the direction 1 (`onesFold`).
 */
export const frameLevel = ({ target, padding, sources }: TransformerPlan): number =>
  padding === 'zero' && target.norm === 'layer' && target.placement === 'pre' && target.head !== 'none'
    ? 1 / sources[0].architecture.hidden
    : 0;

/** E = [I − level; 0] and F = [I − level, `read`], `read` being d × (r − d). */
function appended(la: LinearAlgebra, d: number, r: number, read: ArrayLike<number>, level: number): Frame {
  const [expand, fold] = [new Float64Array(r * d), new Float64Array(d * r)];
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      expand[i * d + j] = (i === j ? 1 : 0) - level;
      fold[i * r + j] = expand[i * d + j];
    }
    for (let j = d; j < r; j++) fold[i * r + j] = read[i * (r - d) + j - d];
  }
  return { expand: la.upload(expand, r, d), fold: la.upload(fold, d, r) };
}
