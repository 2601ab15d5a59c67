import { DataError, WeightfoldError } from '../../../src/errors.js';
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
import { allocate, type CpuMatrix, copyOf, cpu } from '../cpu/matrix.js';
import { pieces, tileOf } from './blocks.js';
import { BYTES, Device, type DeviceOptions } from './device.js';
import { GRAIN_BYTES } from './device-pool.js';
import type { CudaLibraries } from './library.js';
import { CudaMatrix, cuda } from './matrix.js';
import { DIAG_NON_UNIT, FILL_LOWER, OP_N, OP_T, SIDE_RIGHT } from './prototypes.js';
import { gesvd, orthonormalRows, potrf, syevd, transpose } from './solvers.js';

/**
 * From here on a card counts as made for games: float64 at 1/32 or 1/64 of float32, which the host's BLAS matches. Such
 * a card's Grams and eigenproblems are solved on the host. Cards for computing have 2, or 4.
 */
const SLOW_FLOAT64_RATIO = 8;
/** Share of the device memory in which no matrix is kept: for blocks that pass through and solvers' workspaces. */
const WORKSPACE_SHARE = 0.3;
/** Share of the free device memory that one product of blocks may take. */
const TILE_SHARE = 0.5;
/** With less free device memory a product is done on the host: three blocks would not fit, each rounded up to a grain. */
const BLOCKS_LEAST_BYTES = (3 / TILE_SHARE) * GRAIN_BYTES;
/** Elements widened at a time for sums in float64: 128 MB. */
const SUM_ELEMENTS = 16 * 1024 * 1024;

/**
 * cuBLAS and cuSOLVER on one GPU. Matrices lie row-major in device memory; the libraries are column-major, for which a
 * row-major matrix is its transpose: C = A·B is asked for as Cᵀ = Bᵀ·Aᵀ. What does not fit on the device lies on the
 * host; its products go through the device in blocks, the rest is done by `host`.
 */
export class CudaBackend implements LinearAlgebra {
  readonly info: BackendInfo;
  readonly device: Device;
  /** Memory is JavaScript's: BLAS, or plain TypeScript. */
  private readonly host: LinearAlgebra;

  constructor(libraries: CudaLibraries, host: LinearAlgebra, options: DeviceOptions) {
    this.device = new Device(libraries, options);
    this.host = host;
    this.info = {
      backend: 'cuda',
      library: `${this.device.description}${options.tf32 ? ', TF32' : ''}`,
      threads: host.info.threads,
      precisions: ['float32', 'float64'],
      device: this.device.name,
      deviceMemory: this.device.memoryBytes,
      host: this.slowFloat64 ? `${host.info.library} (float64 Grams and eigenproblems)` : null,
    };
  }

  private get slowFloat64(): boolean {
    return this.device.float32Ratio >= SLOW_FLOAT64_RATIO;
  }

  upload(data: FloatArray, rows: number, cols: number): Matrix {
    const out = this.scratch(rows, cols, data instanceof Float64Array ? 'float64' : 'float32');
    if (!out.onDevice) inHost(out).data.set(data.subarray(0, rows * cols));
    else if (rows * cols > 0)
      this.device.toDevice(
        { pointer: data, pitch: out.pitch },
        { pointer: out.pointer, pitch: out.pitch },
        out.pitch,
        rows,
      );
    return out;
  }

  async receive(rows: number, cols: number, precision: Precision, fill: (values: FloatArray) => Promise<void>) {
    return this.making(async (own) => {
      const out = own(this.scratch(rows, cols, precision));
      if (!out.onDevice) {
        await fill(inHost(out).data);
        return out;
      }
      const bytes = rows * cols * BYTES[precision];
      const block = 'block' in out.storage ? out.storage.block : null;
      if (block && (await this.device.stage(block, bytes, precision, fill))) return out;
      const values = allocate(rows * cols, precision);
      await fill(values);
      this.dispose(out);
      return this.upload(values, rows, cols);
    });
  }

  async download(a: Matrix): Promise<FloatArray> {
    return (await this.toHost(cuda(a))).data;
  }

  async inspect<T>(a: Matrix, look: (values: FloatArray) => T | Promise<T>): Promise<T> {
    return look(await this.download(a));
  }

  async alter(a: Matrix, change: (values: FloatArray) => void): Promise<void> {
    await this.onHost([cuda(a)], ([values]) => this.host.alter(values, change));
  }

  zeros(rows: number, cols: number, precision: Precision): Matrix {
    const out = this.scratch(rows, cols, precision);
    if (out.onDevice && rows * cols > 0) this.device.zero(out.pointer, rows * cols * out.size);
    return out;
  }

  /** Uninitialised; on the host, zeroed, where the device has no room. */
  private scratch(rows: number, cols: number, precision: Precision): CudaMatrix {
    const bytes = rows * cols * BYTES[precision];
    const block = bytes === 0 ? null : this.device.pool.take(bytes, WORKSPACE_SHARE);
    if (bytes === 0 || block) return new CudaMatrix({ block }, precision, rows, cols);
    return new CudaMatrix({ host: cpu(this.host.zeros(rows, cols, precision)) }, precision, rows, cols);
  }

  /** Uninitialised, on the device. @throws WeightfoldError `device_memory_exhausted` */
  private deviceScratch(rows: number, cols: number, precision: Precision): CudaMatrix {
    const block = this.device.scratch(rows * cols * BYTES[precision], WORKSPACE_SHARE);
    return new CudaMatrix({ block }, precision, rows, cols);
  }

  /** Run `work`. If it fails, free the matrices that it passed to `own`. */
  private async making<T>(work: (own: <M extends Matrix>(made: M) => M) => Promise<T>): Promise<T> {
    const made: Matrix[] = [];
    try {
      return await work((matrix) => {
        made.push(matrix);
        return matrix;
      });
    } catch (error) {
      for (const matrix of made) this.dispose(matrix);
      throw error;
    }
  }

  view(a: Matrix, r0: number, r1: number, c0: number, c1: number): Matrix {
    return cuda(a).window(r0, r1, c0, c1);
  }

  async cast(a: Matrix, precision: Precision): Promise<Matrix> {
    return this.making(async (own) => {
      const out = own(this.scratch(a.rows, a.cols, precision));
      await this.copy(a, out);
      return out;
    });
  }

  dispose(a: Matrix): void {
    const { storage } = cuda(a);
    if ('host' in storage) this.host.dispose(storage.host);
    else {
      if (storage.block) this.device.pool.give(storage.block);
      storage.block = null;
    }
  }

  async copy(x: Matrix, a: Matrix): Promise<void> {
    const [from, to] = [cuda(x), cuda(a)];
    sameShape('copy', from, to);
    if (from.rows * from.cols === 0) return;
    const width = from.cols * from.size;
    if (!from.onDevice || !to.onDevice) return this.onHost([from, to], async ([p, q]) => this.host.copy(p, q));
    if (from.precision === to.precision) this.device.within(from, to, width, from.rows);
    else this.device.convert(from.precision === 'float32' ? 'widen' : 'narrow', from, to, from.rows, from.cols);
  }

  async gemm(a: Matrix, b: Matrix, { transA, transB, alpha = 1, beta = 0, out }: GemmOptions = {}): Promise<Matrix> {
    const [x, y] = [cuda(a), cuda(b)];
    const [m, k] = transA ? [x.cols, x.rows] : [x.rows, x.cols];
    const [inner, n] = transB ? [y.cols, y.rows] : [y.rows, y.cols];
    if (inner !== k) throw new RangeError(`gemm: ${m} × ${k} times ${inner} × ${n}.`);
    const given = out && cuda(out);
    if (given && (given.rows !== m || given.cols !== n))
      throw new RangeError(`gemm: the result is ${m} × ${n}, out is ${given.rows} × ${given.cols}.`);
    if (x.precision !== y.precision || (given && x.precision !== given.precision))
      throw new TypeError(
        `Mixed precisions: ${[x, y, ...(given ? [given] : [])].map((each) => each.precision).join(', ')}.`,
      );
    return this.making(async (own) => {
      const c = given ?? own(k === 0 ? cuda(this.zeros(m, n, x.precision)) : this.scratch(m, n, x.precision));
      if (m === 0 || n === 0) return c;
      const ops = { transA: transA === true, transB: transB === true };
      const kept = out ? beta : 0;
      if (x.onDevice && y.onDevice && c.onDevice) this.product(x, y, c, ops, alpha, kept);
      else if (this.device.pool.available >= BLOCKS_LEAST_BYTES)
        await this.device.alone(() => this.productInBlocks(x, y, c, ops, alpha, kept));
      else
        await this.onHost([x, y, c], async ([p, q, r]) => {
          await this.host.gemm(p, q, { transA, transB, alpha, beta: kept, out: r });
        });
      return c;
    });
  }

  /** Everything on the device: Cᵀ = op(B)ᵀ·op(A)ᵀ for the column-major library. */
  private product(a: CudaMatrix, b: CudaMatrix, c: CudaMatrix, ops: Ops, alpha: number, beta: number): void {
    const { gemm } = this.device.libraries.cublas[c.precision];
    const k = ops.transA ? a.rows : a.cols;
    const one = (value: number) => allocate(1, c.precision).fill(value);
    const [opB, opA] = [ops.transB ? OP_T : OP_N, ops.transA ? OP_T : OP_N];
    // A product over nothing scales C only; the library still wants addresses and leading dimensions it likes.
    const place = (x: CudaMatrix) => (k === 0 ? [c.pointer, Math.max(c.ld, x.ld, c.rows, c.cols)] : [x.pointer, x.ld]);
    this.device.check(
      gemm(
        this.device.cublas,
        opB,
        opA,
        c.cols,
        c.rows,
        k,
        one(alpha),
        ...place(b),
        ...place(a),
        one(beta),
        c.pointer,
        c.ld,
      ),
      'cublas gemm',
    );
  }

  /** Part of it on the host: block by block through the device. */
  private async productInBlocks(
    a: CudaMatrix,
    b: CudaMatrix,
    c: CudaMatrix,
    ops: Ops,
    alpha: number,
    beta: number,
  ): Promise<void> {
    const k = ops.transA ? a.rows : a.cols;
    const budget = TILE_SHARE * this.device.pool.available;
    const tile = tileOf({ m: c.rows, n: c.cols, k: Math.max(1, k) }, c.size, budget);
    for (const [i0, i1] of pieces(c.rows, tile.m))
      for (const [j0, j1] of pieces(c.cols, tile.n)) {
        const target = c.window(i0, i1, j0, j1);
        await this.onDevice([target], async (sum) => {
          let kept = beta;
          for (const [l0, l1] of k === 0 ? [[0, 0] as const] : pieces(k, tile.k)) {
            const parts = [
              ops.transA ? a.window(l0, l1, i0, i1) : a.window(i0, i1, l0, l1),
              ops.transB ? b.window(j0, j1, l0, l1) : b.window(l0, l1, j0, j1),
            ];
            await this.onDevice(parts, (left, right) => this.product(left, right, sum, ops, alpha, kept));
            kept = 1;
          }
          if (sum !== target) await this.copy(sum, target);
        });
      }
  }

  /** Run `work` on the matrices as they are on the device. Those in the host's memory are copied there for that time. */
  private async onDevice(
    matrices: readonly CudaMatrix[],
    work: (...there: CudaMatrix[]) => void | Promise<void>,
  ): Promise<void> {
    const copies: CudaMatrix[] = [];
    try {
      const there = matrices.map((a) => {
        if (a.onDevice) return a;
        const block = this.device.scratch(a.rows * a.cols * a.size);
        const copy = new CudaMatrix({ block }, a.precision, a.rows, a.cols);
        copies.push(copy);
        const [from, to] = [copyOf(inHost(a)).data, copy.pitch];
        this.device.toDevice({ pointer: from, pitch: to }, { pointer: copy.pointer, pitch: to }, to, a.rows);
        return copy;
      });
      await work(...there);
    } finally {
      for (const copy of copies) this.dispose(copy);
    }
  }

  async syrk(a: Matrix, { transpose: flip, alpha = 1, beta = 0, out }: SyrkOptions = {}): Promise<Matrix> {
    const x = cuda(a);
    const [n, k] = flip ? [x.cols, x.rows] : [x.rows, x.cols];
    if (x.precision === 'float64' && this.slowFloat64) return this.hostSyrk(x, { transpose: flip, alpha, beta, out });
    if (!x.onDevice || (out && !cuda(out).onDevice) || k === 0 || n === 0)
      return this.gemm(a, a, { transA: flip, transB: !flip, alpha, beta, out });
    if (out && (out.rows !== n || out.cols !== n))
      throw new RangeError(`syrk: the result is ${n} × ${n}, out is ${out.rows} × ${out.cols}.`);
    return this.making(async (own) => {
      const c = out ? cuda(out) : own(this.scratch(n, n, x.precision));
      if (!c.onDevice) return this.gemm(a, a, { transA: flip, transB: !flip, alpha, out: c });
      const { syrk } = this.device.libraries.cublas[x.precision];
      const one = (value: number) => allocate(1, x.precision).fill(value);
      // Row-major A·Aᵀ is Xᵀ·X of the column-major X = Aᵀ; its lower triangle is the row-major upper one.
      const operation = flip ? OP_N : OP_T;
      const kept = one(out ? beta : 0);
      this.device.check(
        syrk(this.device.cublas, FILL_LOWER, operation, n, k, one(alpha), x.pointer, x.ld, kept, c.pointer, c.ld),
        'cublas syrk',
      );
      this.device.mirror(x.precision, { pointer: c.pointer, stride: c.ld }, n);
      return c;
    });
  }

  private async hostSyrk(x: CudaMatrix, { out, ...options }: SyrkOptions): Promise<Matrix> {
    const given = out && cuda(out);
    const sum = given && (await this.toHost(given));
    const result = await this.host.syrk(await this.toHost(x), {
      ...options,
      out: sum && this.host.upload(sum.data, sum.rows, sum.cols),
    });
    if (!given) return this.adopt(result);
    await this.copy(this.adopt(result), given);
    return given;
  }

  async axpy(alpha: number, x: Matrix, a: Matrix): Promise<void> {
    const [from, to] = [cuda(x), cuda(a)];
    sameShape('axpy', from, to);
    if (from.rows * from.cols === 0) return;
    if (!from.onDevice || !to.onDevice || from.precision !== to.precision)
      return this.onHost([from, to], async ([p, q]) => this.host.axpy(alpha, p, q));
    const { geam } = this.device.libraries.cublas[to.precision];
    const one = (value: number) => allocate(1, to.precision).fill(value);
    const target = [to.pointer, to.ld];
    this.device.check(
      geam(
        this.device.cublas,
        OP_N,
        OP_N,
        to.cols,
        to.rows,
        one(alpha),
        from.pointer,
        from.ld,
        one(1),
        ...target,
        ...target,
      ),
      'cublas geam',
    );
  }

  async scaleRows(a: Matrix, factors: Float64Array): Promise<void> {
    const m = cuda(a);
    if (m.rows * m.cols === 0) return;
    if (!m.onDevice) return this.onHost([m], async ([p]) => this.host.scaleRows(p, factors));
    const values =
      m.precision === 'float64' ? factors.slice(0, m.rows) : Float32Array.from(factors.subarray(0, m.rows));
    const { dgmm } = this.device.libraries.cublas[m.precision];
    await this.device.withScratch([values.byteLength], (x) => {
      const pitch = values.byteLength;
      this.device.toDevice({ pointer: values, pitch }, { pointer: x, pitch }, pitch, 1);
      // Rows here are columns there.
      const place = [m.pointer, m.ld];
      this.device.check(dgmm(this.device.cublas, SIDE_RIGHT, m.cols, m.rows, ...place, x, 1, ...place), 'cublas dgmm');
    });
  }

  /** Sums in float64 whatever the matrix is: piece by piece, widened and closed up. */
  async norms(a: Matrix): Promise<Norms> {
    const m = cuda(a);
    if (m.rows * m.cols === 0) return { sumAbs: 0, maxAbs: 0, sumSquares: 0 };
    if (!m.onDevice) return this.host.norms(inHost(m));
    const elements = Math.min(SUM_ELEMENTS, this.device.pool.available / 16);
    const step = Math.max(1, Math.floor(elements / m.cols));
    let [sumAbs, maxAbs, sumSquares] = [0, 0, 0];
    for (const [from, to] of pieces(m.rows, step)) {
      const part = await this.sums(m.window(from, to, 0, m.cols));
      sumAbs += part.sumAbs;
      sumSquares += part.sumSquares;
      if (!(part.maxAbs <= maxAbs)) maxAbs = part.maxAbs;
    }
    return { sumAbs, maxAbs, sumSquares };
  }

  private sums(part: CudaMatrix): Promise<Norms> {
    const count = part.rows * part.cols;
    const { cublas } = this.device.libraries;
    return this.device.withScratch([8 * count], async (x) => {
      const packed = new CudaMatrix(
        { block: { pointer: x, bytes: 8 * count, event: null } },
        'float64',
        part.rows,
        part.cols,
      );
      await this.copy(part, packed);
      const [absolute, squares, index, largest] = [
        new Float64Array(1),
        new Float64Array(1),
        new Int32Array(1),
        new Float64Array(1),
      ];
      const { sums: handle } = this.device;
      await this.device.alone(async () => {
        await this.device.run(cublas.cublasDasum_v2, [handle, count, x, 1, absolute], 'cublas asum');
        await this.device.run(cublas.cublasDdot_v2, [handle, count, x, 1, x, 1, squares], 'cublas dot');
        await this.device.run(cublas.cublasIdamax_v2, [handle, count, x, 1, index], 'cublas amax'); // counted from 1
      });
      const pointer = x + 8 * Math.max(0, index[0] - 1);
      await this.device.toHost({ pointer, pitch: 8 }, { pointer: largest, pitch: 8 }, 8, 1);
      const maxAbs = Number.isNaN(squares[0]) ? Number.NaN : Math.abs(largest[0]);
      return { sumAbs: absolute[0], maxAbs, sumSquares: squares[0] };
    });
  }

  async eigh(matrices: readonly Matrix[]): Promise<Eigh[]> {
    if (matrices.some((a) => this.solvesOnHost(cuda(a)))) return this.hostEigh(matrices.map(cuda));
    const results: Eigh[] = [];
    // The device is busy with one; each is the same whatever the others are.
    for (const a of matrices) {
      const values = await this.eigenvalues(cuda(a), true);
      if (values) results.push({ values, vectors: a });
      else results.push(...(await this.hostEigh([cuda(a)])));
    }
    return results;
  }

  async eigvalsh(a: Matrix): Promise<Float64Array> {
    const values = this.solvesOnHost(cuda(a)) ? null : await this.eigenvalues(cuda(a), false);
    return values ?? this.host.eigvalsh(await this.toHost(cuda(a)));
  }

  private solvesOnHost(a: CudaMatrix): boolean {
    return !a.onDevice || (a.precision === 'float64' && this.slowFloat64);
  }

  /** Null, and `a` as it was, where the device has no room for the solver's workspace. */
  private async eigenvalues(a: CudaMatrix, vectors: boolean): Promise<Float64Array | null> {
    if (a.rows === 0) return new Float64Array(0);
    await this.checkFinite(a);
    return this.unlessNoRoom(() => syevd(this.device, a, vectors));
  }

  /** What `work` answers, or null where the device has no room for it. It leaves its inputs as they were in that case. */
  private unlessNoRoom<T>(work: () => Promise<T>): Promise<T | null> {
    return work().catch((error) => {
      if (error instanceof WeightfoldError && error.code === 'device_memory_exhausted') return null;
      throw error;
    });
  }

  /** As `unlessNoRoom`: whether `work` was done. */
  private async hadRoom(work: () => Promise<void>): Promise<boolean> {
    return (await this.unlessNoRoom(async () => work().then(() => true))) ?? false;
  }

  private async hostEigh(matrices: readonly CudaMatrix[]): Promise<Eigh[]> {
    const solved = await this.host.eigh(await Promise.all(matrices.map((a) => this.toHost(a))));
    const results: Eigh[] = [];
    for (const [i, { values, vectors }] of solved.entries()) {
      await this.copy(this.adopt(vectors), matrices[i]);
      results.push({ values, vectors: matrices[i] });
    }
    return results;
  }

  async svd(a: Matrix): Promise<Svd> {
    const x = cuda(a);
    const [m, n, k] = [x.rows, x.cols, Math.min(x.rows, x.cols)];
    if (k === 0) {
      const empty = (width: number) => this.zeros(0, width, x.precision);
      return { values: new Float64Array(0), u: empty(m), v: empty(n) };
    }
    await this.checkFinite(x);
    const solved = x.onDevice ? await this.unlessNoRoom(() => this.deviceSvd(x)) : null;
    if (solved) return solved;
    const { values, u, v } = await this.host.svd(await this.toHost(x));
    return { values, u: this.adopt(u), v: this.adopt(v) };
  }

  /** @throws WeightfoldError `device_memory_exhausted`; `x` is as it was then */
  private deviceSvd(x: CudaMatrix): Promise<Svd> {
    const [m, n, k] = [x.rows, x.cols, Math.min(x.rows, x.cols)];
    return this.making(async (own) => {
      const made = (rows: number, cols: number) => own(this.deviceScratch(rows, cols, x.precision));
      // The library wants its matrix tall: this one where it is wide, else its transpose.
      const wide = n >= m ? x : made(n, m);
      if (wide !== x) transpose(this.device, x, wide);
      const [long, columns, short] = [made(k, Math.max(m, n)), made(k, k), made(k, k)];
      const values = await gesvd(this.device, wide, long, columns);
      transpose(this.device, columns, short);
      this.dispose(columns);
      if (wide !== x) this.dispose(wide);
      return n >= m ? { values, u: short, v: long } : { values, u: long, v: short };
    });
  }

  private async checkFinite(a: CudaMatrix): Promise<void> {
    if (!Number.isFinite((await this.norms(a)).sumSquares))
      throw new DataError(
        'eigensolver_failed',
        `A ${a.rows} × ${a.cols} matrix with NaN or infinity in it cannot be decomposed.`,
      );
  }

  async orthonormalize(a: Matrix): Promise<Matrix> {
    const x = cuda(a);
    if (x.rows > x.cols) throw new RangeError(`orthonormalize: ${x.rows} rows in ${x.cols} dimensions.`);
    if (x.rows === 0) return x;
    const done = x.onDevice && (await this.hadRoom(() => orthonormalRows(this.device, x, x.rows)));
    if (!done) await this.copy(this.adopt(await this.host.orthonormalize(await this.toHost(x))), x);
    return x;
  }

  async complement(a: Matrix, count: number): Promise<Matrix> {
    const x = cuda(a);
    const [k, m] = [x.rows, x.cols];
    if (k + count > m) throw new RangeError(`complement: ${k} + ${count} rows in ${m} dimensions.`);
    return this.making(async (own) => {
      const out = own(cuda(this.zeros(m, count, x.precision)));
      if (count === 0) return out;
      const done = k > 0 && x.onDevice && out.onDevice && (await this.hadRoom(() => this.deviceComplement(x, out)));
      if (!done) await this.copy(this.adopt(await this.host.complement(await this.toHost(x), count)), out);
      return out;
    });
  }

  /** out (m × count) ← orthonormal columns orthogonal to the rows of x. @throws `device_memory_exhausted` */
  private async deviceComplement(x: CudaMatrix, out: CudaMatrix): Promise<void> {
    const [k, m, count] = [x.rows, x.cols, out.cols];
    const q = this.deviceScratch(k + count, m, x.precision);
    try {
      await this.copy(x, q.window(0, k, 0, m));
      await orthonormalRows(this.device, q, k);
      transpose(this.device, q.window(k, k + count, 0, m), out);
    } finally {
      this.dispose(q);
    }
  }

  async solvePositive(a: Matrix, b: Matrix): Promise<Matrix> {
    const [l, x] = [cuda(a), cuda(b)];
    if (l.rows === 0) return x;
    const factored = l.onDevice && x.onDevice && (await this.hadRoom(() => potrf(this.device, l)));
    if (!factored) {
      await this.copy(this.adopt(await this.host.solvePositive(await this.toHost(l), await this.toHost(x))), x);
      return x;
    }
    if (x.cols === 0) return x;
    const { trsm } = this.device.libraries.cublas[l.precision];
    const one = allocate(1, l.precision).fill(1);
    // A·X = B, A = L·Lᵀ, is Xᵀ·L·Lᵀ = Bᵀ for the library: from the right, first Lᵀ, then L.
    for (const operation of [OP_T, OP_N])
      this.device.check(
        trsm(
          this.device.cublas,
          SIDE_RIGHT,
          FILL_LOWER,
          operation,
          DIAG_NON_UNIT,
          x.cols,
          x.rows,
          one,
          l.pointer,
          l.ld,
          x.pointer,
          x.ld,
        ),
        'cublas trsm',
      );
    return x;
  }

  /** A copy in the host's memory; on the host already: the matrix itself. */
  private async toHost(a: CudaMatrix): Promise<CpuMatrix> {
    if (!a.onDevice) return compact(inHost(a));
    const values = allocate(a.rows * a.cols, a.precision); // stays empty where the matrix is
    const width = a.cols * a.size;
    if (a.rows * a.cols > 0)
      await this.device.toHost(
        { pointer: a.pointer, pitch: a.pitch },
        { pointer: values, pitch: width },
        width,
        a.rows,
      );
    return cpu(this.host.upload(values, a.rows, a.cols));
  }

  /** A matrix of the host backend as one of this. */
  private adopt(a: Matrix): CudaMatrix {
    return new CudaMatrix({ host: cpu(a) }, a.precision, a.rows, a.cols, cpu(a).stride, cpu(a).offset);
  }

  /** Elementwise work where something lies on the host: all of it is done there, the last matrix is the result. */
  private async onHost(matrices: CudaMatrix[], work: (copies: CpuMatrix[]) => Promise<void>): Promise<void> {
    const copies: CpuMatrix[] = [];
    for (const a of matrices) copies.push(a.onDevice ? await this.toHost(a) : inHost(a));
    await work(copies);
    const [result, values] = [matrices[matrices.length - 1], copies[copies.length - 1]];
    if (!result.onDevice) return;
    const width = result.cols * result.size;
    this.device.toDevice(
      { pointer: values.data, pitch: width },
      { pointer: result.pointer, pitch: result.pitch },
      width,
      result.rows,
    );
  }
}

interface Ops {
  transA: boolean;
  transB: boolean;
}

function inHost(a: CudaMatrix): CpuMatrix {
  if (!('host' in a.storage)) throw new Error('This matrix is on the device.');
  const { host } = a.storage;
  return host.window(a.rows, a.cols, a.offset);
}

const compact = (a: CpuMatrix) => (a.contiguous && a.offset === 0 ? a : copyOf(a));

function sameShape(verb: string, from: CudaMatrix, to: CudaMatrix): void {
  if (from.rows !== to.rows || from.cols !== to.cols)
    throw new RangeError(`${verb}: ${from.rows} × ${from.cols} into ${to.rows} × ${to.cols}.`);
}
