import { WeightfoldError } from '../../../src/errors.js';

/** A row-major float32 matrix that lies in JavaScript memory without gaps. */
export interface Dense {
  values: Float32Array;
  rows: number;
  cols: number;
}

/** What the backend needs of TensorFlow.js: products everywhere, factorizations where TensorFlow itself is below. */
export interface Engine {
  /** e.g. `TensorFlow.js 4.22.0 WASM (SIMD)`. */
  library: string;
  /** Name of the GPU; null on WASM. */
  device: string | null;
  multiply(a: Dense, b: Dense, transA: boolean, transB: boolean): Promise<Float32Array>;
  /** TensorFlow's own kernels, on the device; null on WASM, which has none. */
  kernels: Kernels | null;
}

export interface Kernels {
  /** Values ascending, and the n × n matrix whose column j is the j-th eigenvector. */
  selfAdjointEig(a: Dense, vectors: boolean): Promise<{ values: Float32Array; vectors: Float32Array }>;
  /** Q of the reduced QR factorization, m × min(m, n); all of its m columns where `full`. */
  qr(a: Dense, full: boolean): Promise<Float32Array>;
  /** Values descending, u (m × k) and v (n × k) by columns, k = min(m, n). */
  svd(a: Dense): Promise<{ values: Float32Array; u: Float32Array; v: Float32Array }>;
}

export const unavailable = (message: string, cause?: unknown) =>
  new WeightfoldError(message, { code: 'backend_unavailable', status: 503, retryable: true, cause });

/** Whether an import failed because the package itself is not installed. */
export const isNotInstalled = (error: unknown) =>
  ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? '');
