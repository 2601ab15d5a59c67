import { sharesOf } from '../../src/plan/factorization.js';
import { signsOf } from '../bases/rows.js';
import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import { transposed } from '../linalg/transposed.js';
import { balancedDirections } from './balanced.js';

/** Basis of the residual stream: orthonormal expand rows, and what they retain. */
export interface ResidualBasis {
  /** E, [r, D] float64. */
  expand: Matrix;
  /** Eigenvalues of the moment, of a balanced basis the squared singular values of Q·L, descending. */
  spectrum: Float64Array;
  /** Share of the moment's trace. */
  retained: number;
}

interface ResidualOptions {
  mode: 'diag' | 'separate';
  hyperplane: boolean;
  identityWhenFull: boolean;
  /** QᵀQ, D × D float64: the basis is balanced. */
  readers?: Matrix;
}

/**
 * E from the moment of a residual space (PCA, or balanced with what its readers see), with its rows turned into the hyperplane 1·h′ = 0 for LayerNorm, where
 * one direction fewer fits (method.md, sections 5 and 6). With every direction kept E = I: a rotation would only cost
 * accuracy, and for post-norm its gains.
 *
 * @param moment D × D float64; overwritten.
 */
export async function residualBasis(
  la: LinearAlgebra,
  moment: Matrix,
  widths: readonly number[],
  width: number,
  options: ResidualOptions,
): Promise<ResidualBasis> {
  const total = moment.rows;
  if (options.identityWhenFull && width >= total) {
    const values = await la.eigvalsh(moment);
    const eye = new Float64Array(width * total);
    for (let i = 0; i < total; i++) eye[i * total + i] = 1;
    return { expand: la.upload(eye, width, total), spectrum: values, retained: 1 };
  }
  const count = options.hyperplane ? width - 1 : width;
  const { rows, spectrum, retained } = options.readers
    ? await balanced(la, moment, options.readers, options.mode === 'separate' ? widths : [total], count)
    : await principal(la, moment, widths, count, options.mode);
  if (!options.hyperplane) return { expand: rows, spectrum, retained };
  const expand = await la.gemm(await hyperplane(la, width), rows, { transA: true });
  return { expand, spectrum, retained };
}

async function principal(
  la: LinearAlgebra,
  moment: Matrix,
  widths: readonly number[],
  count: number,
  mode: 'diag' | 'separate',
) {
  const { rows, spectrum, kept } =
    mode === 'separate' ? await separate(la, moment, widths, count) : await joint(la, moment, count);
  const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + Math.max(0, b), 0);
  const all = sum(spectrum);
  return { rows, spectrum, retained: all > 0 ? sum(kept) / all : 1 };
}

/** Balanced directions of each block (mode diag: one block), E block diagonal. */
async function balanced(la: LinearAlgebra, writers: Matrix, readers: Matrix, widths: readonly number[], count: number) {
  const shares = sharesOf(count, widths);
  const rows = la.zeros(count, writers.rows, 'float64');
  const values = await la.download(writers);
  let [start, at, kept, all] = [0, 0, 0, 0];
  const spectra: number[] = [];
  for (const [i, width] of widths.entries()) {
    const block = (m: Matrix) => la.cast(la.view(m, start, start + width, start, start + width), 'float64');
    const [own, read] = [await block(writers), await block(readers)];
    const found = await balancedDirections(la, own, read, shares[i]);
    await la.copy(found.rows, la.view(rows, at, at + shares[i], start, start + width));
    for (const m of [own, read, found.rows]) la.dispose(m);
    for (let j = start; j < start + width; j++) all += values[j * writers.rows + j];
    spectra.push(...found.spectrum);
    kept += found.kept;
    start += width;
    at += shares[i];
  }
  const spectrum = Float64Array.from(spectra).sort((a, b) => b - a);
  return { rows, spectrum, retained: all > 0 ? kept / all : 1 };
}

async function joint(la: LinearAlgebra, moment: Matrix, count: number) {
  const [{ values, vectors }] = await la.eigh([moment]);
  await la.scaleRows(vectors, signsOf(await la.download(vectors), vectors.cols));
  const rows = await la.cast(la.view(vectors, 0, count, 0, vectors.cols), 'float64');
  return { rows, spectrum: values, kept: values.subarray(0, count) };
}

/** Directions r/N of each source, E block diagonal. */
async function separate(la: LinearAlgebra, moment: Matrix, widths: readonly number[], count: number) {
  const shares = sharesOf(count, widths);
  const total = moment.rows;
  const rows = la.zeros(count, total, 'float64');
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));
  const blocks = await Promise.all(
    widths.map((d, i) => la.cast(la.view(moment, starts[i], starts[i] + d, starts[i], starts[i] + d), 'float64')),
  );
  const solved = await la.eigh(blocks);
  let at = 0;
  for (const [i, { vectors }] of solved.entries()) {
    await la.scaleRows(vectors, signsOf(await la.download(vectors), vectors.cols));
    const own = la.view(rows, at, at + shares[i], starts[i], starts[i] + widths[i]);
    await la.axpy(1, la.view(vectors, 0, shares[i], 0, widths[i]), own);
    at += shares[i];
  }
  const spectrum = Float64Array.from(solved.flatMap((s) => [...s.values])).sort((a, b) => b - a);
  return { rows, spectrum, kept: solved.flatMap((s, i) => [...s.values.subarray(0, shares[i])]) };
}

/** (r−1) × r orthonormal rows, all orthogonal to 1. */
export async function hyperplane(la: LinearAlgebra, width: number): Promise<Matrix> {
  const ones = la.upload(new Float64Array(width).fill(1 / Math.sqrt(width)), 1, width);
  const columns = await la.download(await la.complement(ones, width - 1));
  return la.upload(transposed(columns, width, width - 1), width - 1, width);
}
