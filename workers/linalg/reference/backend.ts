import { DataError } from '../../../src/errors.js';
import type {
  BackendInfo,
  Eigh,
  FloatArray,
  GemmOptions,
  LinearAlgebra,
  Matrix,
  Norms,
  Precision,
  Svd,
  SyrkOptions,
} from '../contract.js';
import { allocate, CpuMatrix, copyOf, cpu, viewOf } from '../cpu/matrix.js';

/** Jacobi sweeps after which convergence is given up; 6 to 10 are usual. */
const MAX_SWEEPS = 60;

/**
 * Every verb in plain TypeScript, in float64 inside: slow and obvious, the oracle the fast backends are tested against.
 * Not for work: eigh is cyclic Jacobi, about 30·n³ flops without blocking.
 */
export class ReferenceBackend implements LinearAlgebra {
  readonly info: BackendInfo = {
    backend: 'reference',
    library: 'plain TypeScript',
    threads: 1,
    precisions: ['float32', 'float64'],
    device: null,
    deviceMemory: null,
    host: null,
  };

  upload(data: FloatArray, rows: number, cols: number): Matrix {
    return new CpuMatrix(data, rows, cols);
  }
  async receive(rows: number, cols: number, precision: Precision, fill: (values: FloatArray) => Promise<void>) {
    const data = allocate(rows * cols, precision);
    await fill(data);
    return this.upload(data, rows, cols);
  }
  async download(a: Matrix): Promise<FloatArray> {
    return copyOf(cpu(a)).data;
  }
  async inspect<T>(a: Matrix, look: (values: FloatArray) => T | Promise<T>): Promise<T> {
    return look(copyOf(cpu(a)).data);
  }
  async alter(a: Matrix, change: (values: FloatArray) => void): Promise<void> {
    const whole = copyOf(cpu(a));
    change(whole.data);
    await this.copy(whole, a);
  }
  zeros(rows: number, cols: number, precision: Precision): Matrix {
    return new CpuMatrix(allocate(rows * cols, precision), rows, cols);
  }
  view(a: Matrix, r0: number, r1: number, c0: number, c1: number): Matrix {
    return viewOf(cpu(a), r0, r1, c0, c1);
  }
  async cast(a: Matrix, precision: Precision): Promise<Matrix> {
    return copyOf(cpu(a), precision);
  }
  dispose(a: Matrix): void {
    cpu(a).release();
  }

  async gemm(a: Matrix, b: Matrix, { transA, transB, alpha = 1, beta = 0, out }: GemmOptions = {}): Promise<Matrix> {
    const [x, y] = [at(a, transA), at(b, transB)];
    const [m, k] = transA ? [a.cols, a.rows] : [a.rows, a.cols];
    const [inner, n] = transB ? [b.cols, b.rows] : [b.rows, b.cols];
    if (inner !== k) throw new RangeError(`gemm: ${m} × ${k} times ${inner} × ${n}.`);
    const c = cpu(out ?? this.zeros(m, n, a.precision));
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += x(i, l) * y(l, j);
        c.row(i)[j] = alpha * sum + (beta === 0 ? 0 : beta * c.row(i)[j]);
      }
    return c;
  }
  syrk(a: Matrix, { transpose = false, ...rest }: SyrkOptions = {}): Promise<Matrix> {
    return this.gemm(a, a, { transA: transpose, transB: !transpose, ...rest });
  }
  async copy(x: Matrix, a: Matrix): Promise<void> {
    for (let i = 0; i < a.rows; i++) cpu(a).row(i).set(cpu(x).row(i));
  }
  async axpy(alpha: number, x: Matrix, a: Matrix): Promise<void> {
    for (let i = 0; i < a.rows; i++) for (let j = 0; j < a.cols; j++) cpu(a).row(i)[j] += alpha * cpu(x).row(i)[j];
  }
  async scaleRows(a: Matrix, factors: Float64Array): Promise<void> {
    for (let i = 0; i < a.rows; i++) for (let j = 0; j < a.cols; j++) cpu(a).row(i)[j] *= factors[i];
  }
  async norms(a: Matrix): Promise<Norms> {
    const values = Array.from(copyOf(cpu(a)).data, Math.abs);
    return {
      sumAbs: values.reduce((sum, v) => sum + v, 0),
      maxAbs: values.reduce((max, v) => Math.max(max, v), 0),
      sumSquares: values.reduce((sum, v) => sum + v * v, 0),
    };
  }

  async eigh(matrices: readonly Matrix[]): Promise<Eigh[]> {
    return matrices.map((a) => jacobi(cpu(a)));
  }
  async eigvalsh(a: Matrix): Promise<Float64Array> {
    return jacobi(cpu(a)).values;
  }

  async svd(a: Matrix): Promise<Svd> {
    return oneSidedJacobi(cpu(a));
  }

  /** Modified Gram–Schmidt, twice. */
  async orthonormalize(a: Matrix): Promise<Matrix> {
    const rows = Array.from({ length: a.rows }, (_, i) => Float64Array.from(cpu(a).row(i)));
    for (let i = 0; i < rows.length; i++) {
      if (!orthogonalize(rows[i], rows.slice(0, i))) replaceByAxis(rows[i], rows.slice(0, i));
      cpu(a).row(i).set(rows[i]);
    }
    return a;
  }
  async complement(a: Matrix, count: number): Promise<Matrix> {
    if (a.rows + count > a.cols) throw new RangeError(`complement: ${a.rows} + ${count} rows in ${a.cols} dimensions.`);
    const rows = Array.from({ length: a.rows }, (_, i) => Float64Array.from(cpu(a).row(i)));
    const out = cpu(this.zeros(a.cols, count, a.precision));
    for (let i = 0; i < count; i++) {
      const row = new Float64Array(a.cols);
      replaceByAxis(row, rows);
      rows.push(row);
      for (let j = 0; j < a.cols; j++) out.row(j)[i] = row[j];
    }
    return out;
  }

  /** Cholesky, row by row, then two triangular solves. */
  async solvePositive(a: Matrix, b: Matrix): Promise<Matrix> {
    const [l, x, n] = [cpu(a), cpu(b), a.rows];
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) {
        let sum = l.row(i)[j];
        for (let k = 0; k < j; k++) sum -= l.row(i)[k] * l.row(j)[k];
        if (i === j && !(sum > 0))
          throw new DataError('not_positive_definite', `A ${n} × ${n} system is not positive definite.`);
        l.row(i)[j] = i === j ? Math.sqrt(sum) : sum / l.row(j)[j];
      }
    for (let c = 0; c < x.cols; c++) {
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < i; k++) x.row(i)[c] -= l.row(i)[k] * x.row(k)[c];
        x.row(i)[c] /= l.row(i)[i];
      }
      for (let i = n - 1; i >= 0; i--) {
        for (let k = i + 1; k < n; k++) x.row(i)[c] -= l.row(k)[i] * x.row(k)[c];
        x.row(i)[c] /= l.row(i)[i];
      }
    }
    return x;
  }
}

const at = (a: Matrix, transposed = false) => {
  const m = cpu(a);
  const { data, offset, stride } = m;
  return transposed
    ? (i: number, j: number) => data[offset + j * stride + i]
    : (i: number, j: number) => data[offset + i * stride + j];
};

/** Subtract the components along `others`, twice, and normalise; false when nothing is left. */
function orthogonalize(row: Float64Array, others: readonly Float64Array[]): boolean {
  const dot = (p: Float64Array, q: Float64Array) => p.reduce((sum, v, i) => sum + v * q[i], 0);
  const before = Math.sqrt(dot(row, row));
  for (let pass = 0; pass < 2; pass++)
    for (const other of others) {
      const along = dot(row, other);
      for (let j = 0; j < row.length; j++) row[j] -= along * other[j];
    }
  const size = Math.sqrt(dot(row, row));
  if (size <= 1e-12 * before || size === 0) return false;
  for (let j = 0; j < row.length; j++) row[j] /= size;
  return true;
}

/** The coordinate axis least covered by `others`, made orthogonal to them. */
function replaceByAxis(row: Float64Array, others: readonly Float64Array[]): void {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let j = 0; j < row.length; j++) {
    const covered = others.reduce((sum, other) => sum + other[j] * other[j], 0);
    if (covered < least) [best, least] = [j, covered];
  }
  row.fill(0);
  row[best] = 1;
  orthogonalize(row, others);
}

/** Cyclic Jacobi (Golub & Van Loan, algorithm 8.5.3); eigenvectors as rows, descending. */
function jacobi(matrix: CpuMatrix): Eigh {
  const n = matrix.rows;
  const a = Array.from({ length: n }, (_, i) => Float64Array.from(matrix.row(i)));
  const v = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  const size = a.reduce((sum, row) => sum + row.reduce((s, x) => s + x * x, 0), 0);
  const off = () => a.reduce((sum, row, i) => sum + row.reduce((s, x, j) => (i === j ? s : s + x * x), 0), 0);
  let sweeps = 0;
  for (; !(off() <= 1e-30 * size); sweeps++) {
    if (sweeps === MAX_SWEEPS || Number.isNaN(size))
      throw new DataError('eigensolver_failed', `The eigensolver did not converge on a ${n} × ${n} matrix.`);
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  order.forEach((from, to) => {
    matrix.row(to).set(v[from]);
  });
  return { values: Float64Array.from(order, (i) => a[i][i]), vectors: matrix };
}

function rotate(a: Float64Array[], v: Float64Array[], p: number, q: number): void {
  if (a[p][q] === 0) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
  for (const m of [a, v])
    for (let k = 0; k < a.length; k++) [m[p][k], m[q][k]] = [c * m[p][k] - s * m[q][k], s * m[p][k] + c * m[q][k]];
}

/**
 * One-sided Jacobi (Golub & Van Loan, section 8.6.3): rotate pairs of rows of the wider of A and Aᵀ until all are
 * orthogonal; their norms are the singular values, to high relative accuracy.
 */
function oneSidedJacobi(matrix: CpuMatrix): Svd {
  const entry = at(matrix);
  const tall = matrix.rows > matrix.cols;
  const [k, n] = tall ? [matrix.cols, matrix.rows] : [matrix.rows, matrix.cols];
  const a = Array.from({ length: k }, (_, i) =>
    Float64Array.from({ length: n }, (_, j) => (tall ? entry(j, i) : entry(i, j))),
  );
  const w = Array.from({ length: k }, (_, i) => Float64Array.from({ length: k }, (_, j) => (i === j ? 1 : 0)));
  const dot = (p: Float64Array, q: Float64Array) => p.reduce((sum, x, i) => sum + x * q[i], 0);
  let turned = true;
  for (let sweeps = 0; turned; sweeps++) {
    if (sweeps === MAX_SWEEPS || a.some((row) => row.some(Number.isNaN)))
      throw new DataError(
        'eigensolver_failed',
        `The decomposition of a ${matrix.rows} × ${matrix.cols} matrix did not converge.`,
      );
    turned = false;
    for (let p = 0; p < k - 1; p++)
      for (let q = p + 1; q < k; q++) {
        const [alpha, beta, gamma] = [dot(a[p], a[p]), dot(a[q], a[q]), dot(a[p], a[q])];
        if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta)) continue;
        turned = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(zeta, 1));
        const c = 1 / Math.hypot(t, 1);
        for (const rows of [a, w])
          for (let j = 0; j < rows[p].length; j++)
            [rows[p][j], rows[q][j]] = [c * (rows[p][j] - t * rows[q][j]), c * (t * rows[p][j] + rows[q][j])];
      }
  }
  const sigma = a.map((row) => Math.sqrt(dot(row, row)));
  const order = Array.from({ length: k }, (_, i) => i).sort((i, j) => sigma[j] - sigma[i]);
  const long: Float64Array[] = [];
  for (const i of order) {
    const row = a[i].slice();
    // A direction without content: any unit vector orthogonal to the others.
    if (sigma[i] > 1e-300) for (let j = 0; j < n; j++) row[j] /= sigma[i];
    else replaceByAxis(row, long);
    long.push(row);
  }
  const matrixOf = (rows: Float64Array[], cols: number) => {
    const out = new CpuMatrix(allocate(k * cols, matrix.precision), k, cols);
    rows.forEach((row, i) => {
      out.row(i).set(row);
    });
    return out;
  };
  const [wide, narrow] = [
    matrixOf(long, n),
    matrixOf(
      order.map((i) => w[i]),
      k,
    ),
  ];
  return {
    values: Float64Array.from(order, (i) => sigma[i]),
    ...(tall ? { u: wide, v: narrow } : { u: narrow, v: wide }),
  };
}
