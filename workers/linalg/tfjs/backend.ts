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
import { copyOf, cpu } from '../cpu/matrix.js';
import { transposed } from '../transposed.js';
import type { Dense, Engine } from './engine.js';

/**
 * TensorFlow.js: float32 products, and on a GPU float32 factorizations. Matrices lie in the host's memory and travel for
 * each call. Everything else (float64, elementwise verbs, factorizations without a kernel) is the host backend's.
 */
export class TfjsBackend implements LinearAlgebra {
  readonly info: BackendInfo;
  private readonly engine: Engine;
  private readonly host: LinearAlgebra;

  /** @param host a backend whose matrices are in JavaScript memory: BLAS where it is there, else plain TypeScript */
  constructor(engine: Engine, host: LinearAlgebra) {
    this.engine = engine;
    this.host = host;
    this.info = {
      backend: 'tfjs',
      library: engine.library,
      threads: host.info.threads,
      precisions: ['float32'],
      device: engine.device,
      deviceMemory: null,
      host: host.info.library,
    };
  }

  upload(data: FloatArray, rows: number, cols: number): Matrix {
    return this.host.upload(data, rows, cols);
  }
  receive(rows: number, cols: number, precision: Precision, fill: (values: FloatArray) => Promise<void>) {
    return this.host.receive(rows, cols, precision, fill);
  }
  download(a: Matrix): Promise<FloatArray> {
    return this.host.download(a);
  }
  inspect<T>(a: Matrix, look: (values: FloatArray) => T | Promise<T>): Promise<T> {
    return this.host.inspect(a, look);
  }
  alter(a: Matrix, change: (values: FloatArray) => void): Promise<void> {
    return this.host.alter(a, change);
  }
  zeros(rows: number, cols: number, precision: Precision): Matrix {
    return this.host.zeros(rows, cols, precision);
  }
  view(a: Matrix, r0: number, r1: number, c0: number, c1: number): Matrix {
    return this.host.view(a, r0, r1, c0, c1);
  }
  cast(a: Matrix, precision: Precision): Promise<Matrix> {
    return this.host.cast(a, precision);
  }
  dispose(a: Matrix): void {
    this.host.dispose(a);
  }
  copy(x: Matrix, a: Matrix): Promise<void> {
    return this.host.copy(x, a);
  }
  axpy(alpha: number, x: Matrix, a: Matrix): Promise<void> {
    return this.host.axpy(alpha, x, a);
  }
  scaleRows(a: Matrix, factors: Float64Array): Promise<void> {
    return this.host.scaleRows(a, factors);
  }
  norms(a: Matrix): Promise<Norms> {
    return this.host.norms(a);
  }

  async gemm(a: Matrix, b: Matrix, options: GemmOptions = {}): Promise<Matrix> {
    const { transA = false, transB = false, alpha = 1, beta = 0, out } = options;
    const [m, k] = transA ? [a.cols, a.rows] : [a.rows, a.cols];
    const [inner, n] = transB ? [b.cols, b.rows] : [b.rows, b.cols];
    if (a.precision === 'float64' || inner !== k || m * n * k === 0) return this.host.gemm(a, b, options);
    const product = await this.engine.multiply(dense(a), dense(b), transA, transB);
    const c = cpu(out ?? this.zeros(m, n, 'float32'));
    if (c.rows !== m || c.cols !== n)
      throw new RangeError(`gemm: the result is ${m} × ${n}, out is ${c.rows} × ${c.cols}.`);
    for (let i = 0; i < m; i++) {
      const row = c.row(i);
      const from = i * n;
      if (!out || beta === 0) for (let j = 0; j < n; j++) row[j] = alpha * product[from + j];
      else for (let j = 0; j < n; j++) row[j] = alpha * product[from + j] + beta * row[j];
    }
    return c;
  }

  syrk(a: Matrix, options: SyrkOptions = {}): Promise<Matrix> {
    if (a.precision === 'float64') return this.host.syrk(a, options);
    const { transpose = false, ...rest } = options;
    return this.gemm(a, a, { transA: transpose, transB: !transpose, ...rest });
  }

  /** Where TensorFlow's kernels are and the precision is theirs. */
  private kernelsFor(a: Matrix) {
    return a.precision === 'float32' && a.rows * a.cols > 0 ? this.engine.kernels : null;
  }

  async eigh(matrices: readonly Matrix[]): Promise<Eigh[]> {
    if (matrices.some((a) => !this.kernelsFor(a))) return this.host.eigh(matrices);
    const results: Eigh[] = [];
    for (const a of matrices) results.push({ values: await this.deviceEigh(a, true), vectors: a });
    return results;
  }

  eigvalsh(a: Matrix): Promise<Float64Array> {
    return this.kernelsFor(a) ? this.deviceEigh(a, false) : this.host.eigvalsh(a);
  }

  /** Descending values; `a` becomes the eigenvectors as rows. */
  private async deviceEigh(a: Matrix, wanted: boolean): Promise<Float64Array> {
    const n = a.rows;
    const input = finite(dense(a), 'eigensolver');
    const { values, vectors } = await this.kernels().selfAdjointEig(input, wanted);
    if (wanted) for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) cpu(a).row(i)[j] = vectors[j * n + n - 1 - i];
    return Float64Array.from(values).reverse();
  }

  async svd(a: Matrix): Promise<Svd> {
    if (!this.kernelsFor(a)) return this.host.svd(a);
    const [m, n, k] = [a.rows, a.cols, Math.min(a.rows, a.cols)];
    const { values, u, v } = await this.kernels().svd(finite(dense(a), 'singular value solver'));
    return {
      values: Float64Array.from(values),
      u: this.upload(transposed(u, m, k), k, m),
      v: this.upload(transposed(v, n, k), k, n),
    };
  }

  async orthonormalize(a: Matrix): Promise<Matrix> {
    if (!this.kernelsFor(a) || a.rows > a.cols) return this.host.orthonormalize(a);
    const q = await this.kernels().qr(transposedDense(a), false);
    return this.assign(a, transposed(q, a.cols, a.rows));
  }

  async complement(a: Matrix, count: number): Promise<Matrix> {
    if (!this.kernelsFor(a) || count === 0 || a.rows + count > a.cols) return this.host.complement(a, count);
    const m = a.cols;
    const q = await this.kernels().qr(transposedDense(a), true);
    const all = this.upload(q, m, m);
    return this.cast(this.view(all, 0, m, a.rows, a.rows + count), 'float32');
  }

  /** TensorFlow's Cholesky has no GPU kernel worth the trip; the systems are small. */
  solvePositive(a: Matrix, b: Matrix): Promise<Matrix> {
    return this.host.solvePositive(a, b);
  }

  private kernels() {
    if (!this.engine.kernels) throw new Error('This engine has no kernels.');
    return this.engine.kernels;
  }

  private async assign(a: Matrix, values: FloatArray): Promise<Matrix> {
    await this.copy(this.upload(values, a.rows, a.cols), a);
    return a;
  }
}

/** The values of a float32 matrix without gaps, copied only where a view has some. */
function dense(a: Matrix): Dense {
  const m = cpu(a);
  const { rows, cols } = m;
  const values = m.contiguous ? m.data.subarray(m.offset, m.offset + rows * cols) : copyOf(m).data;
  return { values: values as Float32Array, rows, cols };
}

function transposedDense(a: Matrix): Dense {
  const { values, rows, cols } = dense(a);
  return { values: transposed(values, rows, cols), rows: cols, cols: rows };
}

/** TensorFlow's solvers answer NaN with NaN, or not at all. */
function finite(a: Dense, solver: string): Dense {
  if (!a.values.every(Number.isFinite))
    throw new DataError(
      'eigensolver_failed',
      `The ${solver} cannot work on a ${a.rows} × ${a.cols} matrix with NaN or infinity in it.`,
    );
  return a;
}
