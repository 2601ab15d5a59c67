import type { LinearAlgebra, Matrix, Precision } from '../linalg/contract.js';

const ones = (la: LinearAlgebra, rows: number, cols: number, precision: Precision) => {
  const count = rows * cols;
  return la.upload((precision === 'float64' ? new Float64Array(count) : new Float32Array(count)).fill(1), rows, cols);
};

/** In place: every row (a table's entry) less its mean, A·(I − 11ᵀ/n); LayerNorm does it anyway. */
export async function centreRows(la: LinearAlgebra, a: Matrix): Promise<void> {
  const mean = await la.gemm(a, ones(la, a.cols, 1, a.precision), { alpha: 1 / a.cols });
  await la.gemm(mean, ones(la, 1, a.cols, a.precision), { alpha: -1, beta: 1, out: a });
  la.dispose(mean);
}

/** In place: every column (one input's effect on the stream) less its mean, (I − 11ᵀ/m)·A. */
export async function centreColumns(la: LinearAlgebra, a: Matrix): Promise<void> {
  const mean = await la.gemm(ones(la, 1, a.rows, a.precision), a, { alpha: 1 / a.rows });
  await la.gemm(ones(la, a.rows, 1, a.precision), mean, { alpha: -1, beta: 1, out: a });
  la.dispose(mean);
}
