import type { SpacePlan } from '../../src/schemas/plan.js';
import type { LinearAlgebra, Matrix, Precision } from '../linalg/contract.js';
import { transposed } from '../linalg/transposed.js';
import { type BasisBlock, offsetsOf } from './basis.js';
import type { Choice } from './directions.js';
import { signsOf } from './rows.js';

/** Sources of each block of a space: all together where they share an eigenproblem, one each otherwise. */
export const groupsOf = ({ coupled, source_widths }: SpacePlan): number[][] => {
  const all = source_widths.map((_, i) => i);
  return coupled ? [all] : all.map((i) => [i]);
};

/** Where a group's part of a concatenated space begins and ends. */
export function spanOf({ source_widths }: SpacePlan, sources: readonly number[]): [number, number] {
  const offsets = offsetsOf(source_widths);
  return [offsets[sources[0]], offsets[sources[sources.length - 1] + 1]];
}

/**
 * A block from orthonormal directions.
 * @param vectors at least `choice.live` orthonormal rows × span, float64; disposed
 * @param sigma their singular values; with factorization covariance E = diag(σ)·Uᵀ and F = U·diag(1/σ)
 */
export async function orthonormalBlock(
  la: LinearAlgebra,
  precision: Precision,
  space: SpacePlan,
  sources: readonly number[],
  choice: Choice,
  vectors: Matrix,
  sigma: Float64Array,
): Promise<BasisBlock> {
  const { live, units, padding } = choice;
  const leading = la.view(vectors, 0, live, 0, vectors.cols);
  await la.scaleRows(leading, signsOf(await la.download(leading), vectors.cols));
  const expand = await la.cast(leading, precision);
  la.dispose(vectors);
  const factors = sigma.slice(0, live);
  const extra = padding.length > 0 ? await la.complement(expand, padding.length) : null;
  const rows = await la.cast(expand, precision);
  if (space.factorization === 'covariance') {
    await la.scaleRows(expand, factors);
    await la.scaleRows(
      rows,
      factors.map((s) => 1 / s),
    );
  }
  const fold = await foldOf(la, rows, extra);
  return {
    sources,
    span: spanOf(space, sources),
    units: Int32Array.from([...units, ...padding]),
    expand,
    fold,
    sigma: factors,
  };
}

/**
 * A block from rows of E and columns of F that are each other's inverse but not orthonormal.
 * @param expandRows live × span, float64; disposed
 * @param foldRows live × span, float64: Fᵀ; disposed
 */
export async function obliqueBlock(
  la: LinearAlgebra,
  precision: Precision,
  space: SpacePlan,
  sources: readonly number[],
  { live, units, padding }: Choice,
  expandRows: Matrix,
  foldRows: Matrix,
  sigma: Float64Array,
): Promise<BasisBlock> {
  const signs = signsOf(await la.download(expandRows), expandRows.cols);
  await la.scaleRows(expandRows, signs);
  await la.scaleRows(foldRows, signs);
  let extra: Matrix | null = null;
  if (padding.length > 0) {
    const span = await la.orthonormalize(await la.cast(expandRows, 'float64'));
    const complement = await la.complement(span, padding.length);
    extra = await la.cast(complement, precision);
    for (const m of [span, complement]) la.dispose(m);
  }
  const expand = await la.cast(expandRows, precision);
  const fold = await foldOf(la, await la.cast(foldRows, precision), extra);
  for (const m of [expandRows, foldRows]) la.dispose(m);
  return {
    sources,
    span: spanOf(space, sources),
    units: Int32Array.from([...units, ...padding]),
    expand,
    fold,
    sigma: sigma.slice(0, live),
  };
}

/** Live columns from the rows of Fᵀ, padding columns behind them; both are disposed. */
async function foldOf(la: LinearAlgebra, rows: Matrix, extra: Matrix | null): Promise<Matrix> {
  const [live, span] = [rows.rows, rows.cols];
  const columns = la.upload(transposed(await la.download(rows), live, span), span, live);
  la.dispose(rows);
  if (!extra) return columns;
  const fold = la.zeros(span, live + extra.cols, columns.precision);
  await la.copy(columns, la.view(fold, 0, span, 0, live));
  await la.copy(extra, la.view(fold, 0, span, live, fold.cols));
  for (const m of [columns, extra]) la.dispose(m);
  return fold;
}
