import { DataError } from '../../../src/errors.js';
import type { FloatArray, Precision } from '../contract.js';
import { LEFT, NO_TRANS, NON_UNIT, ROW_MAJOR, TRANS, UPPER } from './cblas.js';
import type { BlasLibrary, Native } from './library.js';
import { allocate, type CpuMatrix, reverseRows } from './matrix.js';
import type { MemoryPool } from './memory-pool.js';

/** Below this many flops a call blocks the event loop for less than about 0.1 ms, and a thread hop costs more. */
const SYNC_FLOPS = 4e6;

/** Run a native routine, on a pool thread unless it is small. The arguments stay referenced until it returns. */
export function call(routine: Native, flops: number, args: unknown[]): Promise<void> {
  if (flops < SYNC_FLOPS) {
    routine(...args);
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    routine.async(...args, (error: Error | null) => (error ? reject(error) : resolve(void args.length)));
  });
}

const int = (value: number) => Int32Array.of(value);

/** A LAPACK routine asked with lwork = −1 answers with the workspace it likes best. */
function withWorkspace(
  precision: Precision,
  flops: number,
  routine: Native,
  args: (work: FloatArray, lwork: Int32Array, info: Int32Array) => unknown[],
): Promise<number> {
  const query = allocate(1, precision);
  const info = int(0);
  routine(...args(query, int(-1), info));
  if (info[0] !== 0) return Promise.resolve(info[0]);
  const size = Math.max(1, Math.ceil(query[0]));
  return call(routine, flops, args(allocate(size, precision), int(size), info)).then(() => info[0]);
}

const check = (routine: string, info: number) => {
  if (info !== 0) throw new Error(`LAPACK ${routine} refused argument ${-info}.`);
};

/**
 * xSYEVD, divide and conquer. `a` is overwritten with eigenvectors as rows (the column-major result read row-major),
 * turned to descending order. Workspace 2·n² + 6·n + 1 reals.
 */
export async function syevd(
  blas: BlasLibrary,
  memory: MemoryPool,
  a: CpuMatrix,
  vectors: boolean,
): Promise<Float64Array> {
  const n = a.rows;
  const values = allocate(n, a.precision);
  if (n === 0) return new Float64Array(0);
  const lwork = vectors ? 1 + 6 * n + 2 * n * n : 2 * n + 1;
  const liwork = vectors ? 3 + 5 * n : 1;
  const info = int(0);
  const work = memory.take(lwork, a.precision, false);
  await call(blas[a.precision].syevd, 9 * n ** 3, [
    vectors ? 'V' : 'N',
    'U',
    int(n),
    a.pointer,
    int(a.stride),
    values,
    work,
    int(lwork),
    new Int32Array(liwork),
    int(liwork),
    info,
  ]);
  memory.give(work, true);
  if (info[0] !== 0 || Number.isNaN(values[0]))
    throw new DataError(
      'eigensolver_failed',
      `The eigensolver did not converge on a ${n} × ${n} matrix (NaN or infinity in it?).`,
    );
  if (vectors) reverseRows(a);
  return Float64Array.from(values).reverse();
}

/**
 * xGESDD, divide and conquer, thin. Row-major m × n is column-major n × m: its left vectors are A's right ones, returned
 * as rows; A's left ones come column by column. `a` is destroyed.
 * @returns singular values descending, v (k × n) and uᵀ (m × k), row-major, k = min(m, n)
 */
export async function gesdd(
  blas: BlasLibrary,
  a: CpuMatrix,
): Promise<{ values: Float64Array; v: FloatArray; columns: FloatArray }> {
  const { rows: m, cols: n, precision } = a;
  const k = Math.min(m, n);
  const values = allocate(k, precision);
  const [v, columns] = [allocate(k * n, precision), allocate(m * k, precision)];
  const integers = new Int32Array(8 * k);
  const info = await withWorkspace(precision, 20 * m * n * k, blas[precision].gesdd, (work, lwork, info) => [
    'S',
    int(n),
    int(m),
    a.pointer,
    int(a.stride),
    values,
    v,
    int(n),
    columns,
    int(k),
    work,
    lwork,
    integers,
    info,
  ]);
  if (info !== 0 || Number.isNaN(values[0]))
    throw new DataError(
      'eigensolver_failed',
      `The singular value decomposition of a ${m} × ${n} matrix did not converge (NaN or infinity in it?).`,
    );
  return { values: Float64Array.from(values), v, columns };
}

/** Householder QR of aᵀ (m × k column-major = k × m row-major); `a` holds the reflectors afterwards. */
async function geqrf(blas: BlasLibrary, a: CpuMatrix): Promise<FloatArray> {
  const [m, k] = [a.cols, a.rows];
  const tau = allocate(Math.min(m, k), a.precision);
  const info = await withWorkspace(a.precision, 2 * m * k * k, blas[a.precision].geqrf, (work, lwork, info) => [
    int(m),
    int(k),
    a.pointer,
    int(a.stride),
    tau,
    work,
    lwork,
    info,
  ]);
  check('geqrf', info);
  return tau;
}

/** In place: orthonormal rows with the same leading spans. */
export async function orthonormalRows(blas: BlasLibrary, a: CpuMatrix): Promise<void> {
  const [m, k] = [a.cols, a.rows];
  const tau = await geqrf(blas, a);
  const info = await withWorkspace(a.precision, 2 * m * k * k, blas[a.precision].orgqr, (work, lwork, info) => [
    int(m),
    int(k),
    int(k),
    a.pointer,
    int(a.stride),
    tau,
    work,
    lwork,
    info,
  ]);
  check('orgqr', info);
}

/**
 * Columns k … k+count−1 of the full Q of aᵀ = Q·R, from its compact WY form Q = I − V·T·Vᵀ: all of it products, where
 * xORMQR spends half its time in small ones. T⁻¹ is upper triangular with 1/τ on its diagonal and the entries of Vᵀ·V
 * above it (Puglisi 1992). `a` is overwritten; `out` (m × count) holds zeros; `gram` (k × k), `y` (k × count) are scratch.
 */
export async function complementColumns(
  blas: BlasLibrary,
  a: CpuMatrix,
  out: CpuMatrix,
  gram: CpuMatrix,
  y: CpuMatrix,
): Promise<void> {
  const [m, k, count] = [a.cols, a.rows, out.cols];
  for (let j = 0; j < count; j++) out.row(k + j)[j] = 1;
  if (k === 0) return;
  const tau = await geqrf(blas, a);
  // Row i of a becomes the i-th reflector: zeros, a one, then what geqrf left behind it.
  for (let i = 0; i < k; i++) {
    const row = a.row(i);
    row.fill(0, 0, i);
    row[i] = 1;
  }
  const { syrk, trsm, gemm } = blas[a.precision];
  await call(syrk, m * k * k, [ROW_MAJOR, UPPER, NO_TRANS, k, m, 1, a.pointer, a.stride, 0, gram.pointer, gram.stride]);
  for (let i = 0; i < k; i++) gram.row(i)[i] = 1 / tau[i]; // τ = 0: the reflector is I, and 1/∞ leaves it out
  for (let i = 0; i < k; i++) y.row(i).set(a.row(i).subarray(k, k + count));
  await call(trsm, k * k * count, [
    ROW_MAJOR,
    LEFT,
    UPPER,
    NO_TRANS,
    NON_UNIT,
    k,
    count,
    1,
    gram.pointer,
    gram.stride,
    y.pointer,
    y.stride,
  ]);
  await call(gemm, 2 * m * k * count, [
    ROW_MAJOR,
    TRANS,
    NO_TRANS,
    m,
    count,
    k,
    -1,
    a.pointer,
    a.stride,
    y.pointer,
    y.stride,
    1,
    out.pointer,
    out.stride,
  ]);
}

/** Cholesky factor in the lower triangle (row-major) of `a`. */
export async function potrf(blas: BlasLibrary, a: CpuMatrix): Promise<void> {
  const info = int(0);
  await call(blas[a.precision].potrf, a.rows ** 3 / 3, ['U', int(a.rows), a.pointer, int(a.stride), info]);
  if (info[0] !== 0)
    throw new DataError(
      'not_positive_definite',
      `A ${a.rows} × ${a.rows} system is not positive definite (leading minor ${info[0]}).`,
    );
}
