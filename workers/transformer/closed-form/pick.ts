import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';

/** Rows `index` of a matrix, copied. */
export async function takeRows(la: LinearAlgebra, a: Matrix, index: readonly number[]): Promise<Matrix> {
  const values = await la.download(a);
  return la.receive(index.length, a.cols, a.precision, async (out) => {
    index.forEach((row, i) => {
      out.set(values.subarray(row * a.cols, (row + 1) * a.cols), i * a.cols);
    });
  });
}

/** Columns `index` of a matrix, copied. */
export async function takeColumns(la: LinearAlgebra, a: Matrix, index: readonly number[]): Promise<Matrix> {
  const values = await la.download(a);
  return la.receive(a.rows, index.length, a.precision, async (out) => {
    for (let i = 0; i < a.rows; i++)
      for (let j = 0; j < index.length; j++) out[i * index.length + j] = values[i * a.cols + index[j]];
  });
}

/** Indices below `count` that are not in `kept`. */
export function others(count: number, kept: readonly number[]): number[] {
  const inside = new Set(kept);
  return Array.from({ length: count }, (_, j) => j).filter((j) => !inside.has(j));
}

/** Matrices of equal height side by side; disposes them. */
export async function beside(la: LinearAlgebra, parts: Matrix[]): Promise<Matrix> {
  if (parts.length === 1) return parts[0];
  const rows = parts[0].rows;
  const total = parts.reduce((sum, p) => sum + p.cols, 0);
  const out = new Float32Array(rows * total);
  let at = 0;
  for (const part of parts) {
    const values = await la.download(part);
    for (let i = 0; i < rows; i++) out.set(values.subarray(i * part.cols, (i + 1) * part.cols), i * total + at);
    at += part.cols;
    la.dispose(part);
  }
  return la.upload(out, rows, total);
}
