import type { SpacePlan, TensorPlan } from '../../src/schemas/plan.js';
import { type Basis, contiguous, landingsOf, offsetsOf } from '../bases/basis.js';
import { chunkRows } from '../bases/problem.js';
import type { FloatArray, LinearAlgebra, Matrix, Precision } from '../linalg/contract.js';
import type { TensorReader } from './sources.js';

export interface Axis {
  space: SpacePlan;
  basis: Basis | null;
}

export interface RewriteInput {
  la: LinearAlgebra;
  reader: TensorReader;
  precision: Precision;
  tensor: TensorPlan;
  out: Axis;
  into: Axis;
  /** Weights a_i of the sources, applied where the out-space is shared. */
  sourceWeights: readonly number[];
}

/**
 * The rewriting rule for a weight stored [out, in]:
 *
 *     W′ = E_out · cat(W_1 … W_N) · F_in
 *
 * summed source by source and block by block, so that zero blocks are never formed. Applies in `precision`.
 * @returns row-major [out.width, in.width]
 */
export async function rewriteMatrix(input: RewriteInput): Promise<FloatArray> {
  const { la, reader, precision, tensor, out, into } = input;
  const result = new Accumulator(la, out.space.width, into.space.width, precision, piecewise(out) && piecewise(into));
  for (const [i, source] of tensor.sources.entries()) {
    const w = await reader.matrix(source);
    const alpha = out.space.kind === 'shared' ? input.sourceWeights[i] : 1;
    for (const rows of landingsOf(out.space, out.basis, i, la.view.bind(la)))
      for (const cols of landingsOf(into.space, into.basis, i, la.view.bind(la)))
        await result.add(rows.units.subarray(0, rows.live), cols.units, (target) =>
          sandwich(la, rows.expand, w, cols.fold, alpha, target),
        );
    la.dispose(w);
  }
  return result.values();
}

/** Whether every block's units are consecutive: pieces of a result are then rectangles in it. */
const piecewise = ({ basis }: Axis) => basis?.blocks.every(({ units }) => contiguous(units)) ?? true;

/** A result summed from pieces: rectangles are written in place on the backend, scattered ones on the host. */
class Accumulator {
  private readonly la: LinearAlgebra;
  private readonly cols: number;
  private readonly matrix: Matrix | null = null;
  private readonly host: FloatArray | null = null;

  constructor(la: LinearAlgebra, rows: number, cols: number, precision: Precision, rectangles: boolean) {
    this.la = la;
    this.cols = cols;
    if (rectangles) this.matrix = la.zeros(rows, cols, precision);
    else this.host = precision === 'float64' ? new Float64Array(rows * cols) : new Float32Array(rows * cols);
  }

  /** Add a piece at the given units; `compute` adds to its target where it gets one, else returns a new matrix. */
  async add(rows: Int32Array, cols: Int32Array, compute: (target: Matrix | null) => Promise<Matrix>): Promise<void> {
    if (rows.length === 0 || cols.length === 0) return;
    if (this.matrix) {
      const [r, c] = [rows[0], cols[0]];
      await compute(this.la.view(this.matrix, r, r + rows.length, c, c + cols.length));
      return;
    }
    const piece = await compute(null);
    scatter(await this.la.download(piece), rows, cols, this.host as FloatArray, this.cols);
    this.la.dispose(piece);
  }

  /** Row-major values; the accumulator is used up. */
  async values(): Promise<FloatArray> {
    if (!this.matrix) return this.host as FloatArray;
    const values = await this.la.download(this.matrix);
    this.la.dispose(this.matrix);
    return values;
  }
}

/** α·E·W·F in the cheaper order, added to `out` where given. Absent factors are identities. */
async function sandwich(
  la: LinearAlgebra,
  e: Matrix | null,
  w: Matrix,
  f: Matrix | null,
  alpha: number,
  out: Matrix | null,
): Promise<Matrix> {
  const last = { alpha, ...(out && { out, beta: 1 }) };
  if (!e && !f) {
    const copy = out ?? la.zeros(w.rows, w.cols, w.precision);
    await la.axpy(alpha, w, copy);
    return copy;
  }
  if (!e) return la.gemm(w, f as Matrix, last);
  if (!f) return la.gemm(e, w, last);
  const leftFirst = e.rows * w.cols * (w.rows + f.cols);
  const rightFirst = w.rows * f.cols * (w.cols + e.rows);
  const half = leftFirst <= rightFirst ? await la.gemm(e, w) : await la.gemm(w, f);
  const product = leftFirst <= rightFirst ? await la.gemm(half, f, last) : await la.gemm(e, half, last);
  la.dispose(half);
  return product;
}

/** target[rows[i], cols[j]] += values[i, j]. */
function scatter(values: FloatArray, rows: Int32Array, cols: Int32Array, target: FloatArray, stride: number): void {
  const width = cols.length;
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i] * stride;
    for (let j = 0; j < width; j++) target[at + cols[j]] += values[i * width + j];
  }
}

/**
 * The same rule for a table stored [in, out] with a shared, unreduced in-space (an embedding): rows are independent,
 * so they stream. Calls `emit` with row-major chunks [c, out.width], in order.
 */
export async function rewriteTable(input: RewriteInput, emit: (rows: FloatArray) => Promise<void>): Promise<void> {
  const { la, reader, precision, tensor, out } = input;
  const vocabulary = tensor.shape[0];
  const chunk = chunkRows(Math.max(...out.space.source_widths, out.space.width));
  for (let from = 0; from < vocabulary; from += chunk) {
    const to = Math.min(from + chunk, vocabulary);
    const result = new Accumulator(la, to - from, out.space.width, precision, piecewise(out));
    const all = Int32Array.from({ length: to - from }, (_, j) => j);
    for (const [i, source] of tensor.sources.entries()) {
      const x = await reader.block(source, from, to);
      for (const { expand, units, live } of landingsOf(out.space, out.basis, i, la.view.bind(la)))
        await result.add(all, units.subarray(0, live), (target) =>
          la.gemm(x, expand as Matrix, { transB: true, ...(target && { out: target, beta: 1 }) }),
        );
      la.dispose(x);
    }
    await emit(await result.values());
  }
}

/** F as one dense D × r matrix, row-major. */
export async function denseFold(la: LinearAlgebra, { space, basis }: Axis, precision: Precision): Promise<FloatArray> {
  const total = offsetsOf(space.source_widths)[space.source_widths.length];
  const out = precision === 'float64' ? new Float64Array(total * space.width) : new Float32Array(total * space.width);
  for (const { span, fold, units } of basis?.blocks ?? []) {
    const rows = Int32Array.from({ length: span[1] - span[0] }, (_, j) => span[0] + j);
    scatter(await la.download(fold), rows, units, out, space.width);
  }
  return out;
}
