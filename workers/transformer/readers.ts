import type { FloatArray, LinearAlgebra, Matrix } from '../linalg/contract.js';
import { takeRows } from './closed-form/pick.js';
import type { Linear, Norm } from './model.js';

/** F for one norm: n ≈ fold·h′ + offset, per source. */
export interface Fold {
  /** D × r float32, rows in the order of the sources. */
  matrix: Matrix;
  /** Factor on it; default 1. */
  scale?: number;
  /** Constant part, length D, where the reader has a bias to hold it. */
  offset: FloatArray | null;
  /** Without a bias: the row that predicts the constant 1 from h′, length r. */
  constant: FloatArray | null;
}

/**
 * A LayerNorm's output sums to 0, so a norm bias of ones reaches a reader without bias as the one direction nothing
 * else uses: the constant rides there exactly, Σ_j 1/r · (n′_j + 1) = 1.
 */
export const onesFold = (fold: Fold, width: number): Fold => ({
  ...fold,
  constant: new Float64Array(width).fill(1 / width),
});

export interface ReaderSource {
  linear: Linear;
  /** The norm in front of the reader, to be absorbed. */
  norm: Norm;
  /** Rows kept, negative ones without weights; null: all. */
  rows: number[] | null;
  /** First row of this source in the fold. */
  start: number;
}

/** A reader in terms of the result's normed stream. */
export interface Folded {
  /** [rows, r], float32. */
  weight: Matrix;
  bias: Float64Array;
}

/** Rows of all sources below each other: concatenated out-space. */
export async function stackReaders(la: LinearAlgebra, sources: readonly ReaderSource[], fold: Fold): Promise<Folded> {
  const heights = sources.map(({ rows, linear }) => (rows ?? { length: linear.weight.rows }).length);
  const total = heights.reduce((sum, height) => sum + height, 0);
  const weight = la.zeros(total, fold.matrix.cols, 'float32');
  const bias: number[] = [];
  for (const [i, source] of sources.entries()) {
    const out = la.view(weight, bias.length, bias.length + heights[i], 0, weight.cols);
    bias.push(...(await addFolded(la, source, fold, 1, out)));
  }
  return { weight, bias: Float64Array.from(bias) };
}

/** Σ a_i W_i F_i: shared out-space, the mean of the sources' logits. */
export async function averageReaders(
  la: LinearAlgebra,
  sources: readonly ReaderSource[],
  weights: readonly number[],
  fold: Fold,
): Promise<Folded> {
  const { rows } = sources[0].linear.weight;
  const weight = la.zeros(rows, fold.matrix.cols, 'float32');
  const bias = new Float64Array(rows);
  for (const [i, source] of sources.entries()) {
    const own = await addFolded(la, source, fold, weights[i], weight);
    for (let j = 0; j < rows; j++) bias[j] += weights[i] * own[j];
  }
  return { weight, bias };
}

/**
 * out += a·W·diag(gain)·F of one source's rows; returns W·β + b with what the fold's offset adds. The gain goes to the
 * rows of F, which are fewer than the entries of W.
 */
async function addFolded(
  la: LinearAlgebra,
  source: ReaderSource,
  fold: Fold,
  share: number,
  out: Matrix,
): Promise<Float64Array> {
  const { linear, norm, rows, start } = source;
  const own = la.view(fold.matrix, start, start + linear.weight.cols, 0, fold.matrix.cols);
  const gained = norm.gain ? await la.cast(own, 'float32') : own;
  if (norm.gain) await la.scaleRows(gained, Float64Array.from(norm.gain));
  const x = rows ? await takeRows(la, linear.weight, rows) : linear.weight;
  await la.gemm(x, gained, { alpha: share * (fold.scale ?? 1), beta: 1, out });
  if (x !== linear.weight) la.dispose(x);
  if (norm.gain) la.dispose(gained);
  const bias = await foldedBias(la, source, fold);
  if (fold.constant) {
    const constant = la.upload(Float32Array.from(fold.constant), 1, fold.constant.length);
    await la.gemm(la.upload(Float32Array.from(bias), bias.length, 1), constant, { alpha: share, beta: 1, out });
  }
  return bias;
}

/** W·(β + diag(gain)·offset) + b: the constant of one source's rows. */
export async function foldedBias(la: LinearAlgebra, source: ReaderSource, fold: Fold): Promise<Float64Array> {
  const { linear, norm, rows, start } = source;
  const { rows: height, cols: width } = linear.weight;
  const constant = new Float32Array(width);
  for (let j = 0; j < width; j++)
    constant[j] = (norm.bias?.[j] ?? 0) + (norm.gain?.[j] ?? 1) * (fold.offset?.[start + j] ?? 0);
  const products = new Float64Array(height);
  if (norm.bias || fold.offset) {
    const column = await la.gemm(linear.weight, la.upload(constant, width, 1));
    await la.inspect(column, (values) => products.set(values));
    la.dispose(column);
  }
  const of = (row: number) => (row < 0 ? 0 : products[row] + (linear.bias ? linear.bias[row] : 0));
  return rows ? Float64Array.from(rows, of) : Float64Array.from(products, (_, row) => of(row));
}
