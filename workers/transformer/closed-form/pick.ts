import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';

/** Rows `index` of a matrix, copied; zeros for a negative one. */
export function takeRows(la: LinearAlgebra, a: Matrix, index: readonly number[]): Promise<Matrix> {
  return la.receive(index.length, a.cols, a.precision, (out) =>
    la.inspect(a, (values) => {
      index.forEach((row, i) => {
        if (row < 0) out.fill(0, i * a.cols, (i + 1) * a.cols);
        else out.set(values.subarray(row * a.cols, (row + 1) * a.cols), i * a.cols);
      });
    }),
  );
}

/** Columns `index` of a matrix, copied. */
export function takeColumns(la: LinearAlgebra, a: Matrix, index: readonly number[]): Promise<Matrix> {
  const columns = Int32Array.from(index);
  return la.receive(a.rows, index.length, a.precision, (out) =>
    la.inspect(a, (values) => {
      for (let i = 0; i < a.rows; i++) gather(values, i * a.cols, columns, out, i * columns.length);
    }),
  );
}

function gather(values: FloatArray, start: number, index: Int32Array, out: FloatArray, at: number): void {
  for (let j = 0; j < index.length; j++) out[at + j] = values[start + index[j]];
}

/** The same, each column times its factor. */
export function scaledColumns(
  la: LinearAlgebra,
  a: Matrix,
  index: readonly number[],
  factors: Float64Array,
): Promise<Matrix> {
  const columns = Int32Array.from(index);
  return la.receive(a.rows, index.length, a.precision, (out) =>
    la.inspect(a, (values) => {
      for (let i = 0; i < a.rows; i++) gatherScaled(values, i * a.cols, columns, factors, out, i * columns.length);
    }),
  );
}

function gatherScaled(
  values: FloatArray,
  start: number,
  index: Int32Array,
  factors: Float64Array,
  out: FloatArray,
  at: number,
): void {
  for (let j = 0; j < index.length; j++) out[at + j] = factors[j] * values[start + index[j]];
}

/** Indices below `count` that are not in `kept`. */
export function others(count: number, kept: readonly number[]): number[] {
  const inside = new Set(kept);
  return Array.from({ length: count }, (_, j) => j).filter((j) => !inside.has(j));
}
