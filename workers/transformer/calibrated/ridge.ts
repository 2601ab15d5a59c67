import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';

/** Penalty relative to the mean diagonal of the Gram; method.md, section 6. */
export const RIDGE = 1e-4;

/**
 * Streams the normal equations of Y ≈ [X, 1]·Rᵀ in float64: memory (n+1)·(n+1+m) doubles, whatever the number of rows.
 * Cost per row n² + 2·n·m flops.
 */
export class RidgeFit {
  private readonly la: LinearAlgebra;
  private readonly inputs: number;
  private readonly outputs: number;
  private readonly gram: Matrix;
  private readonly cross: Matrix;

  constructor(la: LinearAlgebra, inputs: number, outputs: number) {
    this.la = la;
    this.inputs = inputs;
    this.outputs = outputs;
    this.gram = la.zeros(inputs + 1, inputs + 1, 'float64');
    this.cross = la.zeros(inputs + 1, outputs, 'float64');
  }

  /** @param x [rows, inputs], @param y [rows, outputs]; rows whose `use` is 0 (padding) do not count. */
  async add(x: FloatArray, y: FloatArray, use?: Uint8Array): Promise<void> {
    const rows = x.length / this.inputs;
    const wide = this.la.upload(widen(x, rows, this.inputs, true, use), rows, this.inputs + 1);
    const target = this.la.upload(widen(y, rows, this.outputs, false, use), rows, this.outputs);
    await this.la.syrk(wide, { transpose: true, beta: 1, out: this.gram });
    await this.la.gemm(wide, target, { transA: true, beta: 1, out: this.cross });
    this.la.dispose(wide);
    this.la.dispose(target);
  }

  /**
   * argmin_R ‖[X, 1]·Rᵀ − Y‖² + λ·mean(diag Gram)·‖R‖², as Rᵀ: [inputs (+1 with intercept), outputs] float64.
   * May be called again with another choice; the sums stay.
   */
  async solve(intercept: boolean, lambda = RIDGE): Promise<Matrix> {
    const n = this.inputs + (intercept ? 1 : 0);
    const gram = (await this.la.download(this.gram)) as Float64Array;
    const a = new Float64Array(n * n);
    let trace = 0;
    for (let i = 0; i < n; i++) {
      a.set(gram.subarray(i * (this.inputs + 1), i * (this.inputs + 1) + n), i * n);
      trace += a[i * n + i];
    }
    // An all-zero Gram (nothing ever active) still has a solution: R = 0.
    const ridge = trace > 0 ? (lambda * trace) / n : 1;
    for (let i = 0; i < n; i++) a[i * n + i] += ridge;
    const b = await this.la.cast(this.la.view(this.cross, 0, n, 0, this.outputs), 'float64');
    const system = this.la.upload(a, n, n);
    const solution = await this.la.solvePositive(system, b);
    this.la.dispose(system);
    return solution;
  }

  dispose(): void {
    this.la.dispose(this.gram);
    this.la.dispose(this.cross);
  }
}

function widen(x: FloatArray, rows: number, width: number, one: boolean, use: Uint8Array | undefined): Float64Array {
  const stride = width + (one ? 1 : 0);
  const out = new Float64Array(rows * stride);
  for (let r = 0; r < rows; r++) {
    if (use && !use[r]) continue;
    const [from, to] = [r * width, r * stride];
    for (let j = 0; j < width; j++) out[to + j] = x[from + j];
    if (one) out[to + width] = 1;
  }
  return out;
}
