import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { reluMoment, rowSquares } from './importance.js';
import { takeRows } from './pick.js';

/** Ridge on the moment of what is kept, relative to its mean diagonal: units of one layer are often nearly parallel. */
const RIDGE = 1e-3;

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
  return solveFold(la, await moment(la, opened, kept, kept), await moment(la, opened, kept, dropped));
}

/** (C_kk + ridge)⁻¹·C_kd = Fᵀ; both are disposed. */
export async function solveFold(la: LinearAlgebra, system: Matrix, right: Matrix): Promise<Matrix> {
  const values = await la.download(system);
  const n = system.rows;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += values[i * n + i];
  const ridged = values.slice();
  for (let i = 0; i < n; i++) ridged[i * n + i] += (RIDGE * trace) / n || 1;
  la.dispose(system);
  const a = la.upload(ridged, n, n);
  const solution = await la.solvePositive(a, right);
  la.dispose(a);
  return solution;
}
