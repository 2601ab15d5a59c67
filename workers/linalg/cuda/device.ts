import koffi from 'koffi';
import { WeightfoldError } from '../../../src/errors.js';
import { bytes as formatBytes } from '../../../src/format/numbers.js';
import type { FloatArray, Precision } from '../contract.js';
import type { Native } from '../cpu/library.js';
import { type Block, DevicePool } from './device-pool.js';
import { BLOCK_THREADS, kernelSource, MAX_BLOCKS } from './kernels.js';
import type { CudaLibraries } from './library.js';
import {
  ATTRIBUTE_FLOAT32_RATIO,
  ATTRIBUTE_MAJOR,
  ATTRIBUTE_MINOR,
  DEVICE_TO_DEVICE,
  DEVICE_TO_HOST,
  ERROR_MEMORY,
  EVENT_DISABLE_TIMING,
  HOST_TO_DEVICE,
  MATH_DEFAULT,
  MATH_TF32,
  STREAM_NON_BLOCKING,
} from './prototypes.js';

export const BYTES: Record<Precision, number> = { float32: 4, float64: 8 };

/** Share of the device's memory used; the rest is for the libraries' own workspaces and for others. */
const MEMORY_SHARE = 0.85;
/** Each of the two pinned buffers through which weights come in: long enough to hide a copy's start. */
const STAGING_BYTES = 32 * 1024 * 1024;

export interface DeviceOptions {
  /** Let products round their factors to TF32 (10 bits). */
  tf32: boolean;
  /** Compute processes that share the device. */
  sharers?: number;
  /** Bytes of device memory to use instead of a share of what there is. */
  memoryLimit?: number;
}

/** Rows of a matrix in device or host memory: address of the first element, bytes from row to row. */
export interface Pitched {
  pointer: number | FloatArray;
  pitch: number;
}

interface Staging {
  pointer: bigint;
  memory: ArrayBuffer;
  /** When its last copy was over. */
  event: bigint;
}

/** One GPU: its memory, its streams and the handles of the libraries, all in the order of one compute stream. */
export class Device {
  readonly name: string;
  readonly memoryBytes: number;
  /** How many times faster it is in float32 than in float64. */
  readonly float32Ratio: number;
  readonly pool: DevicePool;
  readonly libraries: CudaLibraries;
  readonly cublas: bigint;
  /** For sums, which wait for their result on a pool thread while this thread goes on with the other handle. */
  readonly sums: bigint;
  readonly cusolver: bigint;
  readonly parameters: bigint;
  private readonly compute: bigint;
  private readonly copies: bigint;
  private readonly kernels: Record<'widen' | 'narrow' | 'mirror32' | 'mirror64', bigint>;
  private readonly staging: Staging[] = [];
  private turn: Promise<unknown> = Promise.resolve();

  constructor(libraries: CudaLibraries, { tf32, sharers = 1, memoryLimit }: DeviceOptions) {
    this.libraries = libraries;
    const { runtime, cublas, cusolver } = libraries;
    const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
    this.check(runtime.cudaMemGetInfo(free, total), 'cudaMemGetInfo'); // creates the context, too
    this.memoryBytes = Number(total[0]);
    const limit = memoryLimit ?? Math.floor((MEMORY_SHARE * Number(free[0])) / sharers);
    this.compute = this.handle((out) => runtime.cudaStreamCreateWithFlags(out, STREAM_NON_BLOCKING));
    this.copies = this.handle((out) => runtime.cudaStreamCreateWithFlags(out, STREAM_NON_BLOCKING));
    this.float32Ratio = this.attribute(ATTRIBUTE_FLOAT32_RATIO);
    this.name = this.readName();
    this.cublas = this.handle((out) => cublas.cublasCreate_v2(out), 'cuBLAS');
    this.check(cublas.cublasSetStream_v2(this.cublas, this.compute), 'cuBLAS');
    this.sums = this.handle((out) => cublas.cublasCreate_v2(out), 'cuBLAS');
    this.check(cublas.cublasSetStream_v2(this.sums, this.compute), 'cuBLAS');
    this.check(cublas.cublasSetMathMode(this.cublas, tf32 ? MATH_TF32 : MATH_DEFAULT), 'cuBLAS');
    this.cusolver = this.handle((out) => cusolver.cusolverDnCreate(out), 'cuSOLVER');
    this.check(cusolver.cusolverDnSetStream(this.cusolver, this.compute), 'cuSOLVER');
    this.parameters = this.handle((out) => cusolver.cusolverDnCreateParams(out), 'cuSOLVER');
    this.kernels = this.loadKernels();
    this.pool = new DevicePool(limit, {
      allocate: (bytes) => this.allocate(bytes),
      release: ({ pointer, event }) => {
        this.check(runtime.cudaFree(pointer), 'cudaFree');
        if (event !== null) this.check(runtime.cudaEventDestroy(event), 'cudaEventDestroy');
      },
      mark: (block) => {
        block.event ??= this.newEvent();
        this.check(runtime.cudaEventRecord(block.event, this.compute), 'cudaEventRecord');
      },
    });
  }

  /** e.g. `CUDA 12.6, cuBLAS 12.6.4, cuSOLVER 11.7.1` */
  get description(): string {
    const { cublas, cusolver, version } = this.libraries;
    const number = new Int32Array(1);
    this.check(cublas.cublasGetVersion_v2(this.cublas, number), 'cuBLAS');
    const blas = number[0]; // major·10000 + minor·100 + patch
    this.check(cusolver.cusolverGetVersion(number), 'cuSOLVER');
    const solver = number[0]; // major·1000 + minor·100 + patch
    return (
      `CUDA ${version}, cuBLAS ${Math.floor(blas / 10000)}.${Math.floor(blas / 100) % 100}.${blas % 100}, ` +
      `cuSOLVER ${Math.floor(solver / 1000)}.${Math.floor(solver / 100) % 10}.${solver % 100}`
    );
  }

  /** @throws WeightfoldError `device_failed`; an error of the runtime is named as it names it */
  check(status: number, what: string): void {
    if (status === 0) return;
    const isRuntime = what.startsWith('cuda');
    const text = isRuntime
      ? `${this.libraries.runtime.cudaGetErrorName(status)}: ${this.libraries.runtime.cudaGetErrorString(status)}`
      : `status ${status}`;
    throw new WeightfoldError(`The GPU failed in ${what} (${text}).`, {
      code: 'device_failed',
      status: 500,
      retryable: true,
    });
  }

  /**
   * Memory for a step in between.
   * @param reserve share of the limit that must stay free
   * @throws WeightfoldError `device_memory_exhausted`
   */
  scratch(bytes: number, reserve = 0): Block {
    const block = this.pool.take(bytes, reserve);
    if (block) return block;
    throw new WeightfoldError(
      `The GPU has ${formatBytes(this.pool.available)} of its ${formatBytes(this.pool.limit)} left. This step needs ${formatBytes(bytes)} at once.`,
      { code: 'device_memory_exhausted', status: 507, retryable: true },
    );
  }

  /** Work with scratch memory that is given back afterwards. */
  async withScratch<T>(sizes: readonly number[], work: (...pointers: number[]) => T | Promise<T>): Promise<T> {
    const blocks: Block[] = [];
    try {
      for (const bytes of sizes) blocks.push(this.scratch(bytes));
      return await work(...blocks.map(({ pointer }) => pointer));
    } finally {
      for (const block of blocks) this.pool.give(block);
    }
  }

  /** Handles are not for two threads at once: who calls a solver off this thread does so alone. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const run = this.turn.then(work);
    this.turn = run.catch(() => {});
    return run;
  }

  /** A library call on a pool thread, because it waits for the device inside. */
  async run(call: Native, args: unknown[], what: string): Promise<void> {
    this.check(await async(call, args), what);
  }

  /** Wait until the device has done everything asked so far. */
  async synchronize(): Promise<void> {
    this.check(await async(this.libraries.runtime.cudaStreamSynchronize, [this.compute]), 'cudaStreamSynchronize');
  }

  zero(pointer: number, bytes: number): void {
    this.check(this.libraries.runtime.cudaMemsetAsync(pointer, 0, bytes, this.compute), 'cudaMemsetAsync');
  }

  /** Rows of equal length from one place to another, in the order of the compute stream. */
  move(from: Pitched, to: Pitched, width: number, rows: number, kind: number): void {
    if (width === 0 || rows === 0) return;
    const { cudaMemcpy2DAsync } = this.libraries.runtime;
    this.check(
      cudaMemcpy2DAsync(to.pointer, to.pitch, from.pointer, from.pitch, width, rows, kind, this.compute),
      'cudaMemcpy2DAsync',
    );
  }

  toDevice(from: Pitched, to: Pitched, width: number, rows: number): void {
    this.move(from, to, width, rows, HOST_TO_DEVICE);
  }

  within(from: Pitched, to: Pitched, width: number, rows: number): void {
    this.move(from, to, width, rows, DEVICE_TO_DEVICE);
  }

  /** The values are there when it resolves. */
  async toHost(from: Pitched, to: Pitched, width: number, rows: number): Promise<void> {
    if (width === 0 || rows === 0) return;
    const { cudaMemcpy2DAsync } = this.libraries.runtime;
    const args = [to.pointer, to.pitch, from.pointer, from.pitch, width, rows, DEVICE_TO_HOST, this.compute];
    this.check(await async(cudaMemcpy2DAsync, args), 'cudaMemcpy2DAsync');
    await this.synchronize();
  }

  /**
   * Fill pinned memory and send it off on a stream of its own: while it travels, the next block is read into the other
   * buffer and the compute stream goes on with what came before. Later work waits for it.
   * @returns false where the block is larger than the staging memory
   */
  async stage(
    block: Block,
    bytes: number,
    precision: Precision,
    fill: (values: FloatArray) => Promise<void>,
  ): Promise<boolean> {
    if (bytes > STAGING_BYTES) return false;
    const { runtime } = this.libraries;
    if (this.staging.length === 0) this.staging.push(this.newStaging(), this.newStaging());
    const buffer = this.staging.shift() ?? this.newStaging(); // a third where three are filled at once
    try {
      this.check(await async(runtime.cudaEventSynchronize, [buffer.event]), 'cudaEventSynchronize');
      const length = bytes / BYTES[precision];
      await fill(
        precision === 'float64'
          ? new Float64Array(buffer.memory, 0, length)
          : new Float32Array(buffer.memory, 0, length),
      );
      // The block may have been used by work that is still queued.
      if (block.event !== null)
        this.check(runtime.cudaStreamWaitEvent(this.copies, block.event, 0), 'cudaStreamWaitEvent');
      this.check(
        runtime.cudaMemcpyAsync(block.pointer, buffer.pointer, bytes, HOST_TO_DEVICE, this.copies),
        'cudaMemcpyAsync',
      );
      this.check(runtime.cudaEventRecord(buffer.event, this.copies), 'cudaEventRecord');
      this.check(runtime.cudaStreamWaitEvent(this.compute, buffer.event, 0), 'cudaStreamWaitEvent');
      return true;
    } finally {
      this.staging.push(buffer);
    }
  }

  /** to ← from, converted; strides in elements. */
  convert(
    kernel: 'widen' | 'narrow',
    from: { pointer: number; stride: number },
    to: { pointer: number; stride: number },
    rows: number,
    cols: number,
  ): void {
    this.launch(kernel, rows * cols, [from.pointer, to.pointer, rows * cols, cols, from.stride, to.stride]);
  }

  /** The upper triangle (row-major) of an n × n matrix onto its lower one. */
  mirror(precision: Precision, a: { pointer: number; stride: number }, n: number): void {
    this.launch(precision === 'float64' ? 'mirror64' : 'mirror32', n * n, [a.pointer, n * n, n, a.stride]);
  }

  private launch(kernel: keyof typeof this.kernels, elements: number, values: number[]): void {
    if (elements === 0) return;
    const blocks = Math.min(MAX_BLOCKS, Math.ceil(elements / BLOCK_THREADS));
    const parameters = values.map((value) => BigUint64Array.of(BigInt(value)));
    this.check(
      this.libraries.driver.cuLaunchKernel(
        this.kernels[kernel],
        blocks,
        1,
        1,
        BLOCK_THREADS,
        1,
        1,
        0,
        this.compute,
        parameters,
        null,
      ),
      `the kernel ${kernel}`,
    );
  }

  private loadKernels() {
    const { driver } = this.libraries;
    const capability = 10 * this.attribute(ATTRIBUTE_MAJOR) + this.attribute(ATTRIBUTE_MINOR);
    const image = Buffer.from(`${kernelSource(capability >= 75 ? 'sm_75' : 'sm_50')}\0`);
    const module = this.handle((out) => driver.cuModuleLoadData(out, image), 'compiling its kernels');
    const load = (name: string) =>
      this.handle((out) => driver.cuModuleGetFunction(out, module, name), `the kernel ${name}`);
    return {
      widen: load('widen'),
      narrow: load('narrow'),
      mirror32: load('mirror32'),
      mirror64: load('mirror64'),
    };
  }

  private allocate(bytes: number): number | null {
    const out = new BigUint64Array(1);
    const status = this.libraries.runtime.cudaMalloc(out, bytes);
    if (status === ERROR_MEMORY) return null;
    this.check(status, 'cudaMalloc');
    return Number(out[0]);
  }

  private newEvent(): bigint {
    return this.handle((out) => this.libraries.runtime.cudaEventCreateWithFlags(out, EVENT_DISABLE_TIMING));
  }

  private newStaging(): Staging {
    const pointer = this.handle((out) => this.libraries.runtime.cudaMallocHost(out, STAGING_BYTES), 'cudaMallocHost');
    return { pointer, memory: koffi.view(pointer, STAGING_BYTES), event: this.newEvent() };
  }

  private handle(create: (out: BigUint64Array) => number, what = 'cudaStreamCreate'): bigint {
    const out = new BigUint64Array(1);
    this.check(create(out), what);
    return out[0];
  }

  private attribute(attribute: number): number {
    const value = new Int32Array(1);
    this.check(this.libraries.runtime.cudaDeviceGetAttribute(value, attribute, 0), 'cudaDeviceGetAttribute');
    return value[0];
  }

  private readName(): string {
    const { driver } = this.libraries;
    const device = new Int32Array(1);
    this.check(driver.cuDeviceGet(device, 0), 'cuDeviceGet');
    const text = Buffer.alloc(256);
    this.check(driver.cuDeviceGetName(text, text.length, device[0]), 'cuDeviceGetName');
    return text.toString('utf8', 0, text.indexOf(0));
  }
}

/** A call on a pool thread. The arguments stay referenced until it returns. */
function async(call: Native, args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: Error | null, status: number) => {
      void args.length;
      if (error) reject(error);
      else resolve(status);
    });
  });
}
