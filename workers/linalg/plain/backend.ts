import { DataError } from '../../../src/errors.js';
import type { Eigh, GemmOptions, Matrix } from '../contract.js';
import { type CpuMatrix, cpu } from '../cpu/matrix.js';
import { ReferenceBackend } from '../reference/backend.js';
import { transposed } from '../transposed.js';
import { symmetricEigen } from './eigen.js';
import { columnOf, factor } from './householder.js';
import { multiply, type Operand } from './product.js';

/**
 * The contract in plain TypeScript, sums in float64, with the algorithms that matter at a merge's sizes made fast enough
 * to use: about 1 GFLOP/s. The host side of a backend that lacks a precision, where no BLAS is there either.
 */
export class PlainBackend extends ReferenceBackend {
  override async gemm(
    a: Matrix,
    b: Matrix,
    { transA, transB, alpha = 1, beta = 0, out }: GemmOptions = {},
  ): Promise<Matrix> {
    const [m, k] = transA ? [a.cols, a.rows] : [a.rows, a.cols];
    const [inner, n] = transB ? [b.cols, b.rows] : [b.rows, b.cols];
    if (inner !== k) throw new RangeError(`gemm: ${m} × ${k} times ${inner} × ${n}.`);
    const c = cpu(out ?? this.zeros(m, n, a.precision));
    multiply(operand(cpu(a), transA), operand(cpu(b), transB), c, [m, k, n], alpha, out ? beta : 0);
    return c;
  }

  override async eigh(matrices: readonly Matrix[]): Promise<Eigh[]> {
    return matrices.map((matrix) => {
      const a = cpu(matrix);
      const { values, vectors } = solve(a, true);
      const order = Array.from({ length: a.rows }, (_, i) => i).sort((i, j) => values[j] - values[i]);
      order.forEach((from, to) => {
        a.row(to).set(vectors[from]);
      });
      return { values: Float64Array.from(order, (i) => values[i]), vectors: a };
    });
  }

  override async eigvalsh(a: Matrix): Promise<Float64Array> {
    return solve(cpu(a), false).values.sort().reverse();
  }

  override async orthonormalize(a: Matrix): Promise<Matrix> {
    if (a.rows > a.cols) throw new RangeError(`orthonormalize: ${a.rows} rows in ${a.cols} dimensions.`);
    const reflectors = factor(rowsOf(cpu(a)));
    for (let j = 0; j < a.rows; j++)
      cpu(a)
        .row(j)
        .set(columnOf(reflectors, j, a.cols));
    return a;
  }

  override async complement(a: Matrix, count: number): Promise<Matrix> {
    if (a.rows + count > a.cols) throw new RangeError(`complement: ${a.rows} + ${count} rows in ${a.cols} dimensions.`);
    const reflectors = factor(rowsOf(cpu(a)));
    const out = cpu(this.zeros(a.cols, count, a.precision));
    for (let c = 0; c < count; c++) {
      const column = columnOf(reflectors, a.rows + c, a.cols);
      for (let i = 0; i < a.cols; i++) out.data[i * count + c] = column[i];
    }
    return out;
  }
}

const rowsOf = (a: CpuMatrix) => Array.from({ length: a.rows }, (_, i) => Float64Array.from(a.row(i)));

/** A matrix as it lies, or a transposed copy. */
function operand(a: CpuMatrix, transpose = false): Operand {
  if (!transpose) return a;
  const whole = a.contiguous ? a.data.subarray(a.offset, a.offset + a.rows * a.cols) : packed(a);
  return { data: transposed(whole, a.rows, a.cols), offset: 0, stride: a.rows };
}

function packed(a: CpuMatrix): Float64Array {
  const out = new Float64Array(a.rows * a.cols);
  for (let i = 0; i < a.rows; i++) out.set(a.row(i), i * a.cols);
  return out;
}

function solve(a: CpuMatrix, vectors: boolean) {
  const rows = rowsOf(a);
  const result = rows.every((row) => row.every(Number.isFinite)) ? symmetricEigen(rows, vectors) : null;
  if (!result)
    throw new DataError(
      'eigensolver_failed',
      `The eigensolver did not converge on a ${a.rows} × ${a.rows} matrix (NaN or infinity in it?).`,
    );
  return result;
}
