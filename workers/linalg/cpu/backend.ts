import { availableParallelism } from 'node:os';
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
import { transposed } from '../transposed.js';
import { LEFT, LOWER, NO_TRANS, NON_UNIT, ROW_MAJOR, TRANS, UPPER } from './cblas.js';
import { call, complementColumns, gesdd, orthonormalRows, potrf, syevd } from './lapack.js';
import { type BlasLibrary, loadBlas } from './library.js';
import { CpuMatrix, copyOf, cpu, mirrorUpper, viewOf } from './matrix.js';
import { MemoryPool } from './memory-pool.js';

/** Values widened to float64 and summed at a time: they stay in the cache, and one thread has them done in a microsecond. */
const SUM_LENGTH = 4096;

/** BLAS and LAPACK on this machine's cores. Float32 and float64; matrices live in JavaScript memory. */
export class CpuBackend implements LinearAlgebra {
  readonly info: BackendInfo;
  private readonly blas: BlasLibrary;
  private readonly memory = new MemoryPool();

  /** @param threads cores to use; default all. */
  constructor(threads = availableParallelism()) {
    process.env.OPENBLAS_NUM_THREADS ??= String(threads);
    this.blas = loadBlas();
    this.blas.setThreads(threads);
    this.info = {
      backend: 'cpu',
      library: this.blas.description,
      threads,
      precisions: ['float32', 'float64'],
      device: null,
      deviceMemory: null,
      host: null,
    };
  }

  upload(data: FloatArray, rows: number, cols: number): Matrix {
    return new CpuMatrix(data, rows, cols);
  }

  async receive(rows: number, cols: number, precision: Precision, fill: (values: FloatArray) => Promise<void>) {
    const out = this.scratch(rows, cols, precision);
    await fill(out.data);
    return out;
  }

  async download(a: Matrix): Promise<FloatArray> {
    const m = cpu(a);
    m.share();
    return m.contiguous ? m.values : copyOf(m).data;
  }

  async inspect<T>(a: Matrix, look: (values: FloatArray) => T | Promise<T>): Promise<T> {
    if (cpu(a).contiguous) return look(cpu(a).values);
    const whole = await this.cast(a, a.precision);
    try {
      return await look(cpu(whole).values);
    } finally {
      this.dispose(whole);
    }
  }

  async alter(a: Matrix, change: (values: FloatArray) => void): Promise<void> {
    if (cpu(a).contiguous) return change(cpu(a).values);
    const whole = await this.cast(a, a.precision);
    change(cpu(whole).values);
    await this.copy(whole, a);
    this.dispose(whole);
  }

  zeros(rows: number, cols: number, precision: Precision): Matrix {
    return new CpuMatrix(this.memory.take(rows * cols, precision, true), rows, cols, cols, 0, { exclusive: true });
  }

  /** As `zeros`, with whatever was in the memory: for results that are written as a whole. */
  private scratch(rows: number, cols: number, precision: Precision): CpuMatrix {
    return new CpuMatrix(this.memory.take(rows * cols, precision, false), rows, cols, cols, 0, { exclusive: true });
  }

  view(a: Matrix, r0: number, r1: number, c0: number, c1: number): Matrix {
    return viewOf(cpu(a), r0, r1, c0, c1);
  }

  async cast(a: Matrix, precision: Precision): Promise<Matrix> {
    const out = this.scratch(a.rows, a.cols, precision);
    await this.copy(a, out);
    return out;
  }

  dispose(a: Matrix): void {
    const { data, reusable } = cpu(a).release();
    if (data) this.memory.give(data, reusable);
  }

  async copy(x: Matrix, a: Matrix): Promise<void> {
    const [from, to] = [cpu(x), cpu(a)];
    sameShape('copy', from, to);
    if (from.contiguous && to.contiguous) to.pointer.set(from.pointer.subarray(0, from.rows * from.cols));
    else for (let i = 0; i < to.rows; i++) to.row(i).set(from.row(i));
  }

  async gemm(a: Matrix, b: Matrix, { transA, transB, alpha = 1, beta = 0, out }: GemmOptions = {}): Promise<Matrix> {
    const kept = out ? beta : 0;
    const [x, y] = [cpu(a), cpu(b)];
    const [m, k] = transA ? [x.cols, x.rows] : [x.rows, x.cols];
    const [inner, n] = transB ? [y.cols, y.rows] : [y.rows, y.cols];
    if (inner !== k) throw new RangeError(`gemm: ${m} × ${k} times ${inner} × ${n}.`);
    const c = out ? cpu(out) : k === 0 ? cpu(this.zeros(m, n, x.precision)) : this.scratch(m, n, x.precision);
    if (c.rows !== m || c.cols !== n)
      throw new RangeError(`gemm: the result is ${m} × ${n}, out is ${c.rows} × ${c.cols}.`);
    samePrecision(x, y, c);
    if (m === 0 || n === 0) return c;
    await call(this.blas[x.precision].gemm, 2 * m * n * k, [
      ROW_MAJOR,
      transA ? TRANS : NO_TRANS,
      transB ? TRANS : NO_TRANS,
      m,
      n,
      k,
      alpha,
      x.pointer,
      Math.max(1, x.stride),
      y.pointer,
      Math.max(1, y.stride),
      kept,
      c.pointer,
      c.stride,
    ]);
    return c;
  }

  async syrk(a: Matrix, { transpose, alpha = 1, beta = 0, out }: SyrkOptions = {}): Promise<Matrix> {
    const kept = out ? beta : 0;
    const x = cpu(a);
    const [n, k] = transpose ? [x.cols, x.rows] : [x.rows, x.cols];
    const c = out ? cpu(out) : k === 0 ? cpu(this.zeros(n, n, x.precision)) : this.scratch(n, n, x.precision);
    if (c.rows !== n || c.cols !== n)
      throw new RangeError(`syrk: the result is ${n} × ${n}, out is ${c.rows} × ${c.cols}.`);
    samePrecision(x, c);
    if (n === 0) return c;
    await call(this.blas[x.precision].syrk, n * n * k, [
      ROW_MAJOR,
      UPPER,
      transpose ? TRANS : NO_TRANS,
      n,
      k,
      alpha,
      x.pointer,
      Math.max(1, x.stride),
      kept,
      c.pointer,
      c.stride,
    ]);
    mirrorUpper(c);
    return c;
  }

  async axpy(alpha: number, x: Matrix, a: Matrix): Promise<void> {
    const [from, to] = [cpu(x), cpu(a)];
    sameShape('axpy', from, to);
    for (let i = 0; i < to.rows; i++) {
      const [source, target] = [from.row(i), to.row(i)];
      for (let j = 0; j < target.length; j++) target[j] += alpha * source[j];
    }
  }

  async scaleRows(a: Matrix, factors: Float64Array): Promise<void> {
    const m = cpu(a);
    for (let i = 0; i < m.rows; i++) {
      const row = m.row(i);
      const factor = factors[i];
      for (let j = 0; j < row.length; j++) row[j] *= factor;
    }
  }

  async norms(a: Matrix): Promise<Norms> {
    const m = cpu(a);
    const { asum, dot, iamax } = this.blas.float64;
    const total = { sumAbs: 0, maxAbs: 0, sumSquares: 0 };
    for (let i = 0; i < (m.contiguous ? 1 : m.rows); i++) {
      const values = m.contiguous ? m.values : m.row(i);
      for (let from = 0; from < values.length; from += SUM_LENGTH) {
        // Squares in float32 overflow from 2e19 on and vanish below 1e-23; OpenBLAS's dsdot forms them in float32 too.
        const part = wide(values.subarray(from, from + SUM_LENGTH));
        const sum = asum(part.length, part, 1) as number;
        total.sumAbs += sum;
        total.sumSquares += dot(part.length, part, 1, part, 1);
        const largest = Number.isNaN(sum) ? Number.NaN : Math.abs(part[iamax(part.length, part, 1)]);
        if (!(largest <= total.maxAbs)) total.maxAbs = largest;
      }
    }
    return total;
  }

  /** Several problems: one core each, side by side (OpenBLAS's threads gain little below n ≈ 1000); one: all cores. */
  async eigh(matrices: readonly Matrix[]): Promise<Eigh[]> {
    const results: Eigh[] = new Array(matrices.length);
    const solve = async (i: number) => {
      results[i] = { values: await syevd(this.blas, this.memory, cpu(matrices[i]), true), vectors: matrices[i] };
    };
    if (matrices.length === 1) {
      await solve(0);
      return results;
    }
    this.blas.setThreads(1);
    try {
      let next = 0;
      const lane = async () => {
        while (next < matrices.length) await solve(next++);
      };
      const lanes = await Promise.allSettled(Array.from({ length: this.info.threads }, lane));
      for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason;
    } finally {
      this.blas.setThreads(this.info.threads);
    }
    return results;
  }

  eigvalsh(a: Matrix): Promise<Float64Array> {
    return syevd(this.blas, this.memory, cpu(a), false);
  }

  async svd(a: Matrix): Promise<Svd> {
    const [m, n, k] = [a.rows, a.cols, Math.min(a.rows, a.cols)];
    if (k === 0)
      return { values: new Float64Array(0), u: this.zeros(0, m, a.precision), v: this.zeros(0, n, a.precision) };
    const { values, v, columns } = await gesdd(this.blas, cpu(a));
    return { values, u: this.upload(transposed(columns, m, k), k, m), v: this.upload(v, k, n) };
  }

  async orthonormalize(a: Matrix): Promise<Matrix> {
    if (a.rows > a.cols) throw new RangeError(`orthonormalize: ${a.rows} rows in ${a.cols} dimensions.`);
    if (a.rows > 0) await orthonormalRows(this.blas, cpu(a));
    return a;
  }

  async complement(a: Matrix, count: number): Promise<Matrix> {
    if (a.rows + count > a.cols) throw new RangeError(`complement: ${a.rows} + ${count} rows in ${a.cols} dimensions.`);
    const out = this.zeros(a.cols, count, a.precision);
    if (count === 0) return out;
    const reflectors = cpu(await this.cast(a, a.precision));
    const gram = this.scratch(a.rows, a.rows, a.precision);
    const y = this.scratch(a.rows, count, a.precision);
    await complementColumns(this.blas, reflectors, cpu(out), gram, y);
    for (const m of [reflectors, gram, y]) this.dispose(m);
    return out;
  }

  async solvePositive(a: Matrix, b: Matrix): Promise<Matrix> {
    const [l, x] = [cpu(a), cpu(b)];
    await potrf(this.blas, l);
    for (const trans of [NO_TRANS, TRANS])
      await call(this.blas[l.precision].trsm, l.rows * l.rows * x.cols, [
        ROW_MAJOR,
        LEFT,
        LOWER,
        trans,
        NON_UNIT,
        x.rows,
        x.cols,
        1,
        l.pointer,
        l.stride,
        x.pointer,
        x.stride,
      ]);
    return x;
  }
}

const wide = (values: FloatArray): Float64Array => (values instanceof Float64Array ? values : new Float64Array(values));

function sameShape(verb: string, from: CpuMatrix, to: CpuMatrix): void {
  if (from.rows !== to.rows || from.cols !== to.cols)
    throw new RangeError(`${verb}: ${from.rows} × ${from.cols} into ${to.rows} × ${to.cols}.`);
}

function samePrecision(...matrices: CpuMatrix[]): void {
  if (matrices.some((m) => m.precision !== matrices[0].precision))
    throw new TypeError(`Mixed precisions: ${matrices.map((m) => m.precision).join(', ')}.`);
}
