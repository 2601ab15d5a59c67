import type { SpacePlan } from '../../src/schemas/plan.js';
import type { LinearAlgebra, Matrix, Precision } from '../linalg/contract.js';
import { narrowed } from '../linalg/narrowed.js';
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
 * @param sigma their singular values; with factorization covariance E = diag(σ/s)·Uᵀ and F = U·diag(s/σ), s of `unitScale`
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
    const scale = unitScale(sigma[0]);
    await la.scaleRows(
      expand,
      factors.map((s) => s / scale),
    );
    await la.scaleRows(
      rows,
      factors.map((s) => scale / s),
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

/** Scales of a space's units within this range leave the new weights far from the ends of float32's range. */
const [SMALLEST_SCALE, LARGEST_SCALE] = [2 ** -30, 2 ** 30];

/**
 * What the units of a space are divided by where a factorization would give them a scale so small or large that the new
 * weights leave float32's range: the power of two next to it, else 1. E·F and the network's outputs stay the same.
 * @param scale of the leading direction; undefined or 0: there is none
 */
export function unitScale(scale = 0): number {
  return scale === 0 || (scale >= SMALLEST_SCALE && scale <= LARGEST_SCALE) ? 1 : 2 ** Math.round(Math.log2(scale));
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
  const leading = await la.norms(la.view(foldRows, 0, Math.min(1, live), 0, foldRows.cols));
  const scale = unitScale(leading.maxAbs);
  await la.scaleRows(
    expandRows,
    signs.map((sign) => sign * scale),
  );
  await la.scaleRows(
    foldRows,
    signs.map((sign) => sign / scale),
  );
  let extra: Matrix | null = null;
  if (padding.length > 0) {
    const span = await la.orthonormalize(await la.cast(expandRows, 'float64'));
    const complement = await la.complement(span, padding.length);
    extra = await la.cast(complement, precision);
    for (const m of [span, complement]) la.dispose(m);
  }
  const expand = await narrowed(la, expandRows, precision, `E of space "${space.name}"`);
  const fold = await foldOf(la, await narrowed(la, foldRows, precision, `F of space "${space.name}"`), extra);
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
