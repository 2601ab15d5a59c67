import { signsOf } from '../bases/rows.js';
import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import { rowSquares } from './closed-form/importance.js';

/** Of squares: singular values below 1e-7 of the largest are noise (method.md, section 1). */
const RANK_TOLERANCE = 1e-14;

export interface BalancedDirections {
  /** Orthonormal, [count, D] float64. */
  rows: Matrix;
  /** Squared singular values of Q·L, descending. */
  spectrum: Float64Array;
  /** The part of tr(L·Lᵀ) that the rows keep. */
  kept: number;
}

/**
 * The balanced subspace of one interface (method.md, section 4): with L·Lᵀ what its writers write and QᵀQ what its readers
 * read, Q·L = U·Σ·Vᵀ and the subspace is the span of L·V_r. Its own E would be oblique; a norm reads the stream, so the
 * rows are an orthonormal basis of it. Directions that nobody reads, or nobody writes, come last, the most written first.
 * A heuristic: it sees the neighbouring tensors only. Two eigenproblems of size D, a third where Q·L has a lower rank
 * than `count`.
 *
 * @param writers L·Lᵀ, D × D float64; @param readers QᵀQ, D × D float64; both are left as they are.
 */
export async function balancedDirections(
  la: LinearAlgebra,
  writers: Matrix,
  readers: Matrix,
  count: number,
): Promise<BalancedDirections> {
  const lt = await squareRoot(la, writers);
  const half = await la.gemm(lt, readers);
  const product = await la.gemm(half, lt, { transB: true });
  const [{ values, vectors }] = await la.eigh([product]);
  const live = Math.min(count, rankOf(values));
  const found = live > 0 ? await spanOf(la, await la.gemm(la.view(vectors, 0, live, 0, vectors.cols), lt)) : null;
  for (const m of [half, product, vectors, lt]) la.dispose(m);
  const rows = found && live === count ? found : await completed(la, found, writers, count);
  await la.scaleRows(rows, signsOf(await la.download(rows), rows.cols));
  return { rows, spectrum: values, kept: await energyOf(la, rows, writers) };
}

const rankOf = (values: Float64Array) => values.filter((value) => value > RANK_TOLERANCE * values[0]).length;

/** Lᵀ, [rank, D]: diag(√λ)·V of the writers' moment. */
async function squareRoot(la: LinearAlgebra, writers: Matrix): Promise<Matrix> {
  const [{ values, vectors }] = await la.eigh([await la.cast(writers, 'float64')]);
  const rank = Math.max(1, rankOf(values));
  const lt = await la.cast(la.view(vectors, 0, rank, 0, vectors.cols), 'float64');
  la.dispose(vectors);
  await la.scaleRows(
    lt,
    values.slice(0, rank).map((value) => Math.sqrt(Math.max(0, value))),
  );
  return lt;
}

/** Orthonormal rows of the same span. V_rᵀ·Lᵀ has rows of norms from √λ₁ down to almost 0: each is brought to 1 first. */
async function spanOf(la: LinearAlgebra, a: Matrix): Promise<Matrix> {
  const factors = (await rowSquares(la, a)).map((squares) => (squares > 0 ? 1 / Math.sqrt(squares) : 1));
  await la.scaleRows(a, factors);
  return la.orthonormalize(a);
}

/** `found` and the directions outside it that are written most: PCA of (I − BᵀB)·L·Lᵀ·(I − BᵀB). */
async function completed(la: LinearAlgebra, found: Matrix | null, writers: Matrix, count: number): Promise<Matrix> {
  const d = writers.rows;
  const shifted = (await la.download(writers)).slice();
  let trace = 0;
  for (let i = 0; i < d; i++) trace += shifted[i * d + i];
  // what nobody writes has to come before the span of `found`, whose eigenvalues are 0
  for (let i = 0; i < d; i++) shifted[i * d + i] += (trace || 1) * 1e-9;
  const eye = new Float64Array(d * d);
  for (let i = 0; i < d; i++) eye[i * d + i] = 1;
  const off = la.upload(eye, d, d);
  const known = found?.rows ?? 0;
  if (found) await la.gemm(found, found, { transA: true, alpha: -1, beta: 1, out: off });
  const inner = await la.gemm(off, la.upload(shifted, d, d));
  const [{ vectors }] = await la.eigh([await la.gemm(inner, off)]);
  const rows = la.zeros(count, d, 'float64');
  if (found) await la.copy(found, la.view(rows, 0, known, 0, d));
  await la.copy(la.view(vectors, 0, count - known, 0, d), la.view(rows, known, count, 0, d));
  for (const m of [off, inner, vectors]) la.dispose(m);
  return la.orthonormalize(rows);
}

/** tr(B·C·Bᵀ). */
async function energyOf(la: LinearAlgebra, rows: Matrix, moment: Matrix): Promise<number> {
  const mapped = await la.gemm(rows, moment);
  const [a, b] = [await la.download(mapped), await la.download(rows)];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  la.dispose(mapped);
  return sum;
}
