import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Kept } from '../selection.js';
import { type UnitSeries, unitCovariance, unitSeries } from './hermite.js';
import { absorbed, rowSquares } from './importance.js';
import { linearOf, type MergeInput, sourceNorm } from './merge-input.js';
import { others } from './pick.js';
import { foldOf } from './unit-fold.js';

/**
 * One source's MLM transform in terms of the result's, whose norm has neither gain nor bias: its normalised units are
 * n_kept = scale·n′ + offset and n_dropped = scale·F·n′ + offset.
 */
export interface TransformFold {
  dropped: number[];
  /** Fᵀ, [kept, dropped], float32; null where all units are kept, or none. */
  solution: Matrix | null;
  /** σ′/σ: the result's norm divides by the spread of the kept units of all sources, the source's by that of its own. */
  scale: number;
  /** Of every unit, in the source's order. */
  offset: Float64Array;
}

/** Units of a source's transform on what its last norm gives for isotropic input, and what they are opened with. */
async function openedTransform({ la, plan, sources }: MergeInput, i: number) {
  const linear = await linearOf(la, sources[i], 'transform', null);
  const { architecture: a } = plan.sources[i];
  const opened = await absorbed(la, linear, await sourceNorm({ la, plan, sources }, i, 2 * a.layers), 'float64');
  la.dispose(linear.weight);
  const rows = la.view(opened, 0, opened.rows, 0, opened.cols - 1);
  const constants = await la.inspect(opened, (values) =>
    Float64Array.from({ length: opened.rows }, (_, j) => values[(j + 1) * opened.cols - 1]),
  );
  const varying = await la.cast(rows, 'float64');
  la.dispose(opened);
  const squares = await rowSquares(la, varying);
  return { varying, squares, series: unitSeries(a.headActivation, constants, squares) };
}

/** How much each unit of the transform varies: what its norm, which takes the mean out, leaves of it. */
export async function transformScores(input: MergeInput, i: number): Promise<Float64Array> {
  const { varying, series } = await openedTransform(input, i);
  input.la.dispose(varying);
  return series.variance;
}

/**
 * The dropped units of the transform folded into the kept ones, F = C_dk·C_kk⁻¹ with C the covariance of units. A norm
 * stands between units and decoder: the mean it subtracts and the spread it divides by vary with the token, but are
 * common to all units of a source, so F stands behind it as it would before it, up to the ratio of the spreads (taken at
 * its mean) and constants, which the decoder's bias holds. Null where nothing is dropped.
 * Cost of a source: d³/3 + 2·d³ flops, d² series; the decoder's product 2·vocabulary·kept·dropped.
 */
export async function transformFolds(input: MergeInput, kept: Kept): Promise<TransformFold[] | null> {
  const { la, plan, sources } = input;
  const { head, hidden: r } = plan.target;
  if (head !== 'masked' || plan.sources.every((s, i) => kept[i].length >= s.architecture.hidden)) return null;
  const units: { series: UnitSeries; all: Spread; inside: Spread; solution: Matrix | null; dropped: number[] }[] = [];
  for (const i of sources.keys()) {
    const { varying, squares, series } = await openedTransform(input, i);
    const c = await la.syrk(varying);
    la.dispose(varying);
    await la.alter(c, (gram) => unitCovariance(gram, series, squares));
    const dropped = others(squares.length, kept[i]);
    const folds = dropped.length > 0 && kept[i].length > 0;
    units.push({
      series,
      all: await la.inspect(c, (values) => spreadOf(values, series.mean)),
      inside: await la.inspect(c, (values) => spreadOf(values, series.mean, kept[i])),
      solution: folds ? await foldOf(la, c, kept[i], dropped) : null,
      dropped,
    });
    la.dispose(c);
  }
  const joint = units.map(({ inside }) => inside).reduce(added);
  const folds: TransformFold[] = [];
  for (const [i, { series, all, solution, dropped }] of units.entries()) {
    const sigma = deviation(all);
    const mine = await predicted(la, series.mean, joint.sum / r, kept[i], solution, dropped);
    const own = all.sum / all.count;
    folds.push({
      dropped,
      solution,
      scale: deviation(joint) / sigma,
      offset: series.mean.map((mean, j) => (mean - own - mine[j]) / sigma),
    });
  }
  return folds;
}

/** Sums over units: of their means and the squares of these, of variances, and of all covariances (different sources have none). */
interface Spread {
  count: number;
  sum: number;
  squares: number;
  variance: number;
  covariance: number;
}

function spreadOf(c: FloatArray, mean: Float64Array, among: readonly number[] = Array.from(mean.keys())): Spread {
  const out: Spread = { count: among.length, sum: 0, squares: 0, variance: 0, covariance: 0 };
  for (const i of among) {
    out.sum += mean[i];
    out.squares += mean[i] ** 2;
    out.variance += c[i * mean.length + i];
    for (const j of among) out.covariance += c[i * mean.length + j];
  }
  return out;
}

const added = (a: Spread, b: Spread): Spread => ({
  count: a.count + b.count,
  sum: a.sum + b.sum,
  squares: a.squares + b.squares,
  variance: a.variance + b.variance,
  covariance: a.covariance + b.covariance,
});

/** √E[mean over units of (g_j − mean g)²]: what the norm divides by. */
const deviation = ({ count, sum, squares, variance, covariance }: Spread) =>
  Math.sqrt((variance + squares - (covariance + sum ** 2) / count) / count);

/** What kept units at their mean, less the mean of all the result has, say of every unit. */
async function predicted(
  la: LinearAlgebra,
  mean: Float64Array,
  level: number,
  kept: readonly number[],
  solution: Matrix | null,
  dropped: readonly number[],
): Promise<Float64Array> {
  const out = new Float64Array(mean.length);
  const centred = kept.map((j) => mean[j] - level);
  kept.forEach((j, k) => {
    out[j] = centred[k];
  });
  if (solution)
    await la.inspect(solution, (values) => {
      dropped.forEach((j, d) => {
        for (let k = 0; k < kept.length; k++) out[j] += values[k * dropped.length + d] * centred[k];
      });
    });
  return out;
}
