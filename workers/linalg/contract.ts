/**
 * The linear-algebra contract every compute backend implements. Few verbs, stated layouts, no stubs that throw.
 *
 * Conventions
 * - Matrices are row-major to the caller; how a backend stores them is its own business.
 * - A `Matrix` belongs to the backend that made it. Whoever creates one disposes it; verbs dispose nothing.
 * - Verbs read their inputs and write a new matrix, or `out` where given; `out` never overlaps an input.
 * - All inputs of one call have one precision, which is also that of the result.
 * - Vectors that belong together are the *rows* of a matrix (eigenvectors, orthonormal systems): that is what an
 *   expand matrix E is, and what column-major libraries return without a transposition.
 *
 * Left out on purpose: elementwise functions, sparse matrices, complex numbers, general (unsymmetric) eigenproblems.
 */
export type Precision = 'float32' | 'float64';
export type FloatArray = Float32Array | Float64Array;

/** A dense matrix held by a backend. A view shares memory with its parent and lives no longer than it. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly precision: Precision;
}

export interface GemmOptions {
  /** Use aᵀ. */
  transA?: boolean;
  /** Use bᵀ. */
  transB?: boolean;
  /** Default 1. */
  alpha?: number;
  /** Factor on what `out` holds already; default 0. */
  beta?: number;
  out?: Matrix;
}

export interface SyrkOptions {
  /** false (default): C = α·A·Aᵀ (n = rows). true: C = α·Aᵀ·A (n = cols). */
  transpose?: boolean;
  alpha?: number;
  beta?: number;
  out?: Matrix;
}

export interface Eigh {
  /** Descending, length n. */
  values: Float64Array;
  /** n × n; row j is the unit eigenvector of values[j]. Signs are arbitrary. */
  vectors: Matrix;
}

export interface Svd {
  /** Descending, length k = min(m, n). */
  values: Float64Array;
  /** k × m; row j is the left singular vector of values[j]. Signs are arbitrary, the same in u and v. */
  u: Matrix;
  /** k × n; row j is the right singular vector of values[j]. */
  v: Matrix;
}

export interface Norms {
  /** Σ |a| */
  sumAbs: number;
  /** max |a|, 0 for an empty matrix. */
  maxAbs: number;
  /** Σ a² */
  sumSquares: number;
}

export interface BackendInfo {
  backend: 'cpu' | 'cuda' | 'tfjs' | 'reference';
  /** Library, version and kernel, e.g. `OpenBLAS 0.3.21 SkylakeX`. */
  library: string;
  threads: number;
  /** Those it computes in by itself. */
  precisions: readonly Precision[];
  /** Device name where there is one. */
  device: string | null;
  /** Bytes of the device's own memory; null where matrices lie in this machine's. */
  deviceMemory: number | null;
  /** Library that carries, on the host, the precisions missing above; null where none is missing. */
  host: string | null;
}

export interface LinearAlgebra {
  readonly info: BackendInfo;

  /** Take over `data` (row-major, rows·cols long). The caller no longer writes to it; the backend may keep it uncopied. */
  upload(data: FloatArray, rows: number, cols: number): Matrix;
  /**
   * A matrix whose values `fill` writes, row-major, into the memory it is handed (staging memory on a device backend;
   * its content is undefined before). How weights come in: no copy where memory can be used as it is read.
   */
  receive(
    rows: number,
    cols: number,
    precision: Precision,
    fill: (values: FloatArray) => Promise<void>,
  ): Promise<Matrix>;
  /** Row-major values; may alias the matrix on a CPU backend, so treat them as read-only. They outlive `dispose`. */
  download(a: Matrix): Promise<FloatArray>;
  /**
   * What `look` makes of the row-major values. They are its own until it has answered, to read and not to keep, so that
   * the memory stays the matrix's: for values that are needed once, where `download` would take them for good.
   */
  inspect<T>(a: Matrix, look: (values: FloatArray) => T | Promise<T>): Promise<T>;
  /** In place: `change` rewrites the row-major values, which are its own while it runs. What no other verb does. */
  alter(a: Matrix, change: (values: FloatArray) => void): Promise<void>;
  /** rows × cols of zeros. */
  zeros(rows: number, cols: number, precision: Precision): Matrix;
  /** Rows `[r0, r1)` and columns `[c0, c1)` of `a`, sharing its memory. */
  view(a: Matrix, r0: number, r1: number, c0: number, c1: number): Matrix;
  /** A new matrix in another precision (round to nearest). */
  cast(a: Matrix, precision: Precision): Promise<Matrix>;
  /** Free the memory of `a`; views of it are invalid afterwards. A view itself needs no dispose. */
  dispose(a: Matrix): void;

  /** α·op(a)·op(b) + β·out. 2·m·n·k flops. */
  gemm(a: Matrix, b: Matrix, options?: GemmOptions): Promise<Matrix>;
  /** Symmetric product, both triangles filled. n²·k flops. */
  syrk(a: Matrix, options?: SyrkOptions): Promise<Matrix>;
  /** In place: a ← x, converted to a's precision (round to nearest). */
  copy(x: Matrix, a: Matrix): Promise<void>;
  /** In place: a ← α·x + a. */
  axpy(alpha: number, x: Matrix, a: Matrix): Promise<void>;
  /** In place: row i of a times factors[i]. */
  scaleRows(a: Matrix, factors: Float64Array): Promise<void>;
  norms(a: Matrix): Promise<Norms>;

  /**
   * Eigendecompositions of symmetric matrices, each overwritten. Independent problems run side by side where the
   * backend can; among several, each result is the same whatever the others are. About 9·n³ flops each.
   * @throws DataError `eigensolver_failed` when the solver does not converge (NaN in the input).
   */
  eigh(matrices: readonly Matrix[]): Promise<Eigh[]>;
  /** Eigenvalues only, descending; the matrix is overwritten. About 4/3·n³ flops. */
  eigvalsh(a: Matrix): Promise<Float64Array>;
  /**
   * Thin singular value decomposition A = Uᵀ·diag(values)·V of an m × n matrix, overwritten. Where small singular values
   * count: unlike the eigenproblem of A·Aᵀ, which loses those below √ε·σ₁. About 20·m·n·min(m, n) flops.
   * @throws DataError `eigensolver_failed` when the solver does not converge (NaN in the input).
   */
  svd(a: Matrix): Promise<Svd>;
  /**
   * Orthonormal rows spanning the rows of a (k × m, k ≤ m), by Householder QR: row j of the result lies in the span of
   * rows 0…j of `a`, up to sign. `a` is overwritten. 4·m·k² flops.
   */
  orthonormalize(a: Matrix): Promise<Matrix>;
  /** `count` orthonormal columns (m × count) orthogonal to the orthonormal rows of a (k × m, k + count ≤ m). */
  complement(a: Matrix, count: number): Promise<Matrix>;
  /**
   * Solve A·X = B for symmetric positive definite A (n × n), B (n × m); both are overwritten, X is returned.
   * @throws DataError `not_positive_definite`
   */
  solvePositive(a: Matrix, b: Matrix): Promise<Matrix>;
}
