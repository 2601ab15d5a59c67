import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import type { TensorReader } from '../pipeline/sources.js';
import { forRowChunks, gramOfColumns, gramOfRows, type Problem } from './problem.js';

/** Singular values (descending) and left singular vectors as rows, best first. */
export interface Spectrum {
  sigma: Float64Array;
  /** k × rows of the problem, float64; k ≤ sigma.length. */
  vectors: Matrix;
}

/** Below this σ/σ₁, vectors recovered from the smaller Gram side lose orthogonality (error ~ ε·(σ₁/σ)²). */
const REORTHOGONALIZE_BELOW = 1e-3;

/** σ below this share of σ₁ counts as zero: numerical rank. */
export const RANK_TOLERANCE = 1e-7;

/** Whether AᵀA is the smaller Gram side and may be used: one input axis, no extra column. */
const columnsAreFewer = (p: Problem) =>
  p.layout === 'out_in' && !p.constant && (p.stacked || p.parts.length === 1) && p.cols < p.rows;

/**
 * Singular vectors of each problem by symmetric eigendecomposition of its smaller Gram side, in float64.
 * A·Aᵀ = U·Σ²·Uᵀ directly; from Aᵀ·A = V·Σ²·Vᵀ the left vectors are U = A·V·Σ⁻¹.
 * Cost per problem: min(m, n)²·max(m, n) for the Gram, about 9·min(m, n)³ for the solver.
 */
export async function exactSpectra(la: LinearAlgebra, reader: TensorReader, problems: Problem[]): Promise<Spectrum[]> {
  const grams: Matrix[] = [];
  for (const p of problems)
    grams.push(await (columnsAreFewer(p) ? gramOfColumns(la, reader, p) : gramOfRows(la, reader, p)));
  const solved = await la.eigh(grams);
  const spectra: Spectrum[] = [];
  for (const [i, { values, vectors }] of solved.entries()) {
    const sigma = values.map((value) => Math.sqrt(Math.max(value, 0)));
    if (!columnsAreFewer(problems[i])) spectra.push({ sigma, vectors });
    else spectra.push({ sigma, vectors: await leftVectors(la, reader, problems[i], sigma, vectors) });
  }
  return spectra;
}

async function leftVectors(
  la: LinearAlgebra,
  reader: TensorReader,
  p: Problem,
  sigma: Float64Array,
  v: Matrix,
): Promise<Matrix> {
  const rank = numericalRank(sigma, sigma[0]);
  const live = la.view(v, 0, rank, 0, v.cols);
  const u = la.zeros(rank, p.rows, 'float64');
  for (const part of p.parts)
    await forRowChunks(la, reader, part, (x, from) => {
      const at = part.rowAt + from;
      return la.gemm(live, x, { transB: true, out: la.view(u, 0, rank, at, at + x.rows) });
    });
  la.dispose(v);
  await la.scaleRows(
    u,
    sigma.subarray(0, rank).map((s) => 1 / s),
  );
  return rank > 0 && sigma[rank - 1] < REORTHOGONALIZE_BELOW * sigma[0] ? la.orthonormalize(u) : u;
}

/** Number of σ above `tolerance · largest`. */
export function numericalRank(sigma: Float64Array, largest: number, tolerance = RANK_TOLERANCE): number {
  let rank = 0;
  while (rank < sigma.length && sigma[rank] > tolerance * largest) rank++;
  return rank;
}

/** Singular values only, descending: for the Eckart–Young bound where the basis itself comes from elsewhere. */
export async function singularValues(la: LinearAlgebra, reader: TensorReader, p: Problem): Promise<Float64Array> {
  const gram = await (columnsAreFewer(p) ? gramOfColumns(la, reader, p) : gramOfRows(la, reader, p));
  const values = await la.eigvalsh(gram);
  la.dispose(gram);
  return values.map((value) => Math.sqrt(Math.max(value, 0)));
}
