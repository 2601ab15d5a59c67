import type { Architecture } from '../../../src/families/architecture.js';
import type { FloatArray, LinearAlgebra, Matrix, Precision } from '../../linalg/contract.js';
import type { Linear, Norm } from '../model.js';

/**
 * [W·diag(gain), W·β + b]: what a reader does to a unit stream, its constant as one more column.
 * @param rows which rows of W, in this order; default all
 */
export function absorbed(
  la: LinearAlgebra,
  { weight, bias }: Linear,
  { gain, bias: beta }: Norm,
  precision: Precision,
  rows?: readonly number[],
): Promise<Matrix> {
  const { cols } = weight;
  const order = Int32Array.from(rows ?? { length: weight.rows }, (row, i) => row ?? i);
  const gains = gain ? Float64Array.from(gain) : new Float64Array(cols).fill(1);
  const betas = beta ? Float64Array.from(beta) : new Float64Array(cols);
  return la.receive(order.length, cols + 1, precision, (out) =>
    la.inspect(weight, (values) => {
      for (let i = 0; i < order.length; i++) {
        const at = i * (cols + 1);
        const constant = absorbRow(values, order[i] * cols, gains, betas, out, at);
        out[at + cols] = constant + (bias ? bias[order[i]] : 0);
      }
    }),
  );
}

/** One row of it; returns w·β. A function of its own, as those below: the compiler makes such loops several times faster. */
function absorbRow(
  values: FloatArray,
  start: number,
  gains: Float64Array,
  betas: Float64Array,
  out: FloatArray,
  at: number,
): number {
  let constant = 0;
  for (let j = 0; j < gains.length; j++) {
    const w = values[start + j];
    out[at + j] = w * gains[j];
    constant += w * betas[j];
  }
  return constant;
}

/** Row norms squared. */
export const rowSquares = (la: LinearAlgebra, a: Matrix): Promise<Float64Array> =>
  la.inspect(a, (values) => {
    const out = new Float64Array(a.rows);
    for (let i = 0; i < a.rows; i++) out[i] = innerProduct(values, values, i * a.cols, (i + 1) * a.cols);
    return out;
  });

/** Column norms squared. */
export const columnSquares = (la: LinearAlgebra, a: Matrix): Promise<Float64Array> =>
  la.inspect(a, (values) => {
    const out = new Float64Array(a.cols);
    for (let i = 0; i < a.rows; i++) addSquares(values, i * a.cols, out);
    return out;
  });

function addSquares(values: FloatArray, start: number, out: Float64Array): void {
  for (let j = 0; j < out.length; j++) {
    const value = values[start + j];
    out[j] += value * value;
  }
}

function innerProduct(x: FloatArray, y: FloatArray, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += x[i] * y[i];
  return sum;
}

/** ‖O_h·V_h‖² per kv group: how much a head writes if its input were isotropic and its attention kept one place. */
export async function groupScores(la: LinearAlgebra, a: Architecture, v: Matrix, o: Matrix): Promise<Float64Array> {
  const { heads, kvHeads, headDim } = a;
  const out = new Float64Array(kvHeads);
  for (let h = 0; h < heads; h++) {
    const group = Math.floor((h * kvHeads) / heads);
    const vh = await la.cast(la.view(v, group * headDim, (group + 1) * headDim, 0, v.cols), 'float64');
    const oh = await la.cast(la.view(o, 0, o.rows, h * headDim, (h + 1) * headDim), 'float64');
    // ‖O·V‖² = ⟨OᵀO, V·Vᵀ⟩: two small Grams instead of the d × d product
    const [left, right] = [await la.syrk(oh, { transpose: true }), await la.syrk(vh)];
    out[group] += await la.inspect(left, (x) => la.inspect(right, (y) => innerProduct(x, y, 0, x.length)));
    for (const held of [vh, oh, left, right]) la.dispose(held);
  }
  return out;
}

/** Steps over cosines −1…1: linear interpolation errs by less than 1e-6 even at the ends, where the slope bends most. */
const STEPS = 16384;
/** (sin θ + (π − θ)·cos θ)/2π by cos θ; arc cosines of millions of pairs would cost more than their products. */
const KERNEL = Float64Array.from({ length: STEPS + 2 }, (_, i) => {
  const cosine = Math.min(1, (2 * i) / STEPS - 1);
  return (Math.sqrt(1 - cosine * cosine) + (Math.PI - Math.acos(cosine)) * cosine) / (2 * Math.PI);
});

/**
 * E[relu(a·x)·relu(b·x)] for Gaussian x: ‖a‖‖b‖·(sin θ + (π − θ)·cos θ) / 2π, the arc-cosine kernel of order 1
 * (Cho, Saul 2009). GELU and SiLU lie close to relu at the scale of trained pre-activations.
 * @param gram a·b for rows × columns, overwritten; @param left ‖a‖², @param right ‖b‖²
 */
export function reluMoment(gram: FloatArray, left: Float64Array, right: Float64Array): void {
  const [a, b] = [left.map(Math.sqrt), right.map(Math.sqrt)];
  // cosines in steps of the table; a unit without weights has none, and its size makes the moment 0
  const steps = (sizes: Float64Array) => sizes.map((size) => (size > 0 ? Math.sqrt(STEPS / 2) / size : 0));
  const [p, q] = [steps(a), steps(b)];
  for (let i = 0; i < a.length; i++) reluRow(gram, i * b.length, a[i], p[i], b, q);
}

function reluRow(
  gram: FloatArray,
  start: number,
  size: number,
  step: number,
  sizes: Float64Array,
  steps: Float64Array,
): void {
  for (let j = 0; j < sizes.length; j++) {
    const place = Math.min(STEPS, Math.max(0, gram[start + j] * step * steps[j] + STEPS / 2));
    const index = place | 0;
    const low = KERNEL[index];
    gram[start + j] = size * sizes[j] * (low + (place - index) * (KERNEL[index + 1] - low));
  }
}
