import type { FloatArray, LinearAlgebra, Matrix } from '../linalg/contract.js';
import type { Linear, Norm } from './model.js';

/** F for one norm: n ≈ fold·h′ + offset, per source. */
export interface Fold {
  /** D × r float32, rows in the order of the sources. */
  matrix: Matrix;
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

export interface Folded {
  weight: Float32Array;
  bias: Float64Array;
  rows: number;
}

/** Only the biases are wanted: no product with the fold, `weight` stays zero. */
export interface FoldOptions {
  biasOnly?: boolean;
}

/** W·diag(gain)·F + (W·β + b): one source's rows of a reader in terms of the result's normed stream. */
export async function foldReader(
  la: LinearAlgebra,
  source: ReaderSource,
  fold: Fold,
  { biasOnly = false }: FoldOptions = {},
): Promise<Folded> {
  const { linear, norm, rows: kept, start } = source;
  const width = linear.weight.cols;
  const rows = kept ?? Array.from({ length: linear.weight.rows }, (_, i) => i);
  const values = await la.download(linear.weight);
  const absorbed = new Float32Array(rows.length * width);
  const bias = new Float64Array(rows.length);
  rows.forEach((row, i) => {
    if (row < 0) return;
    let constant = linear.bias ? linear.bias[row] : 0;
    for (let j = 0; j < width; j++) {
      const w = values[row * width + j];
      if (norm.bias) constant += w * norm.bias[j];
      const gained = norm.gain ? w * norm.gain[j] : w;
      if (fold.offset) constant += gained * fold.offset[start + j];
      absorbed[i * width + j] = gained;
    }
    bias[i] = constant;
  });
  if (biasOnly) return { weight: new Float32Array(rows.length * fold.matrix.cols), bias, rows: rows.length };
  const x = la.upload(absorbed, rows.length, width);
  const product = await la.gemm(x, la.view(fold.matrix, start, start + width, 0, fold.matrix.cols));
  const weight = (await la.download(product)) as Float32Array;
  if (fold.constant)
    bias.forEach((constant, i) => {
      for (let j = 0; j < fold.matrix.cols; j++) weight[i * fold.matrix.cols + j] += constant * fold.constant![j];
    });
  la.dispose(x);
  return { weight, bias, rows: rows.length };
}

/** Readers of all sources below each other: concatenated out-space. */
export async function stackReaders(
  la: LinearAlgebra,
  sources: readonly ReaderSource[],
  fold: Fold,
  options: FoldOptions = {},
): Promise<Folded> {
  const parts = await Promise.all(sources.map((source) => foldReader(la, source, fold, options)));
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const weight = new Float32Array(rows * fold.matrix.cols);
  const bias = new Float64Array(rows);
  let at = 0;
  for (const part of parts) {
    weight.set(part.weight, at * fold.matrix.cols);
    bias.set(part.bias, at);
    at += part.rows;
  }
  return { weight, bias, rows };
}

/** Σ a_i W_i F_i: shared out-space, the mean of the sources' logits. Centred over the vocabulary when asked: softmax ignores it. */
export async function averageReaders(
  la: LinearAlgebra,
  sources: readonly ReaderSource[],
  weights: readonly number[],
  fold: Fold,
): Promise<Folded> {
  let total: Folded | undefined;
  for (const [i, source] of sources.entries()) {
    const part = await foldReader(la, source, fold);
    total ??= { weight: new Float32Array(part.weight.length), bias: new Float64Array(part.rows), rows: part.rows };
    for (let j = 0; j < part.weight.length; j++) total.weight[j] += weights[i] * part.weight[j];
    for (let j = 0; j < part.rows; j++) total.bias[j] += weights[i] * part.bias[j];
  }
  return total!;
}
