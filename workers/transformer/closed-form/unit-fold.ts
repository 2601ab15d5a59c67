import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { reluMoment, rowSquares } from './importance.js';
import { takeColumns, takeRows } from './pick.js';

/** Ridge on the moment of what is kept, relative to its mean diagonal: units of one layer are often nearly parallel. */
const RIDGE = 1e-3;

/** What an FFN's units are opened with, norms absorbed: those that are kept first, then the dropped ones. */
export interface OpenedUnits {
  gate: Matrix | null;
  up: Matrix;
}

/**
 * What the dropped units owe the kept ones: F = C_dk·C_kk⁻¹, so that the reader becomes D_k + D_d·F (F of method.md,
 * section 3). C is the second moment of units for isotropic inputs, from weights (section 5). `opened` is rescaled in
 * place. Returns Fᵀ, [kept, dropped].
 * Cost kept³/3 + kept²·(width + 2·dropped) + 2·kept·dropped·width flops and kept·units kernel entries.
 */
export async function unitFold(la: LinearAlgebra, opened: OpenedUnits, kept: number): Promise<Matrix> {
  // F is the same at any scale of the weights, and products of four of them leave float32's range soon
  for (const weights of [opened.gate, opened.up]) if (weights) await toUnitSize(la, weights);
  const gate = await moments(la, opened.gate ?? opened.up, kept);
  const squares = await rowSquares(la, opened.gate ?? opened.up);
  const inside = squares.subarray(0, kept);
  await la.alter(gate.system, (gram) => reluMoment(gram, inside, inside));
  await la.alter(gate.right, (gram) => reluMoment(gram, inside, squares.subarray(kept)));
  if (opened.gate) {
    const up = await moments(la, opened.up, kept);
    await multiply(la, up.system, gate.system);
    await multiply(la, up.right, gate.right);
  }
  return solveFold(la, gate.system, gate.right);
}

/** The largest exponent e for which both 2^e and 2^−e are ordinary float32 numbers. */
const LARGEST_EXPONENT = 126;

/** In place: divided by the power of two next to the largest entry, which is exact. */
async function toUnitSize(la: LinearAlgebra, a: Matrix): Promise<void> {
  const { maxAbs } = await la.norms(a);
  if (maxAbs === 0) return;
  const exponent = Math.max(-LARGEST_EXPONENT, Math.min(LARGEST_EXPONENT, Math.round(Math.log2(maxAbs))));
  await la.scaleRows(a, new Float64Array(a.rows).fill(2 ** -exponent));
}

/** Inner products of the kept rows with each other and with the dropped ones. */
async function moments(la: LinearAlgebra, a: Matrix, kept: number) {
  const [x, y] = [la.view(a, 0, kept, 0, a.cols), la.view(a, kept, a.rows, 0, a.cols)];
  return { system: await la.syrk(x), right: await la.gemm(x, y, { transB: true }) };
}

/** a ← x ∘ a; x is disposed. */
async function multiply(la: LinearAlgebra, x: Matrix, a: Matrix): Promise<void> {
  await la.inspect(x, (factors) =>
    la.alter(a, (values) => {
      for (let i = 0; i < values.length; i++) values[i] *= factors[i];
    }),
  );
  la.dispose(x);
}

/** (C_kk + ridge)⁻¹·C_kd = Fᵀ; both are overwritten, the system is disposed. */
async function solveFold(la: LinearAlgebra, system: Matrix, right: Matrix): Promise<Matrix> {
  const n = system.rows;
  await la.alter(system, (values) => {
    let trace = 0;
    for (let i = 0; i < n; i++) trace += values[i * n + i];
    for (let i = 0; i < n; i++) values[i * n + i] += (RIDGE * trace) / n || 1;
  });
  const solution = await la.solvePositive(system, right);
  la.dispose(system);
  return solution;
}

/** Fᵀ = C_kk⁻¹·C_kd, [kept, dropped], float32, of a moment C of all units. */
export async function foldOf(
  la: LinearAlgebra,
  c: Matrix,
  kept: readonly number[],
  dropped: readonly number[],
): Promise<Matrix> {
  const rows = await takeRows(la, c, kept);
  const solution = await solveFold(la, await takeColumns(la, rows, kept), await takeColumns(la, rows, dropped));
  const single = await la.cast(solution, 'float32');
  for (const held of [rows, solution]) la.dispose(held);
  return single;
}
