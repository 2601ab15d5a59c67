import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { reluMoment, rowSquares } from './importance.js';

/** Ridge on the kept units' moment, relative to its mean diagonal: units of one layer are often nearly parallel. */
const RIDGE = 1e-3;

/** Rows `index` of a matrix, copied. */
export async function takeRows(la: LinearAlgebra, a: Matrix, index: readonly number[]): Promise<Matrix> {
  const values = await la.download(a);
  const out =
    a.precision === 'float64' ? new Float64Array(index.length * a.cols) : new Float32Array(index.length * a.cols);
  index.forEach((row, i) => {
    out.set(values.subarray(row * a.cols, (row + 1) * a.cols), i * a.cols);
  });
  return la.upload(out, index.length, a.cols);
}

/** Columns `index` of a matrix, copied. */
export async function takeColumns(la: LinearAlgebra, a: Matrix, index: readonly number[]): Promise<Matrix> {
  const values = await la.download(a);
  const out =
    a.precision === 'float64' ? new Float64Array(index.length * a.rows) : new Float32Array(index.length * a.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < index.length; j++) out[i * index.length + j] = values[i * a.cols + index[j]];
  return la.upload(out, a.rows, index.length);
}

/** Second moment of units rows × columns, from weights: inputs isotropic (method.md, section 5). */
async function moment(
  la: LinearAlgebra,
  opened: { gate: Matrix | null; up: Matrix },
  rows: readonly number[],
  columns: readonly number[],
): Promise<Matrix> {
  const kernel = async (a: Matrix, relu: boolean) => {
    const [x, y] = [await takeRows(la, a, rows), await takeRows(la, a, columns)];
    const product = await la.gemm(x, y, { transB: true });
    const values = (await la.download(product)).slice();
    if (relu) reluMoment(values, await rowSquares(la, x), await rowSquares(la, y));
    for (const m of [x, y, product]) la.dispose(m);
    return values;
  };
  const values = await kernel(opened.gate ?? opened.up, true);
  if (opened.gate) {
    const up = await kernel(opened.up, false);
    for (let i = 0; i < values.length; i++) values[i] *= up[i];
  }
  return la.upload(values, rows.length, columns.length);
}

/**
 * What the dropped units owe the kept ones: F = C_dk·C_kk⁻¹ [dropped, kept], so that the reader becomes
 * D_k + D_d·F (F of method.md, section 3). Cost kept³/3 + kept²·dropped flops and as many kernel entries.
 */
export async function unitFold(
  la: LinearAlgebra,
  opened: { gate: Matrix | null; up: Matrix },
  kept: readonly number[],
  dropped: readonly number[],
): Promise<Matrix> {
  const system = await moment(la, opened, kept, kept);
  const values = (await la.download(system)).slice();
  const n = kept.length;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += values[i * n + i];
  for (let i = 0; i < n; i++) values[i * n + i] += (RIDGE * trace) / n || 1;
  const ridged = la.upload(values, n, n);
  const right = await moment(la, opened, kept, dropped);
  const solution = await la.solvePositive(ridged, right); // kept × dropped = Fᵀ
  la.dispose(system);
  la.dispose(ridged);
  return solution;
}
