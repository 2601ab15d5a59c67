import type { Architecture } from '../../../src/families/architecture.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Linear, Norm } from '../model.js';

/** [W·diag(gain), W·β + b] in float64: what a reader does to a unit stream, its constant as one more column. */
export async function absorbed(
  la: LinearAlgebra,
  { weight, bias }: Linear,
  { gain, bias: beta }: Norm,
): Promise<Matrix> {
  const values = await la.download(weight);
  const { rows, cols } = weight;
  const out = new Float64Array(rows * (cols + 1));
  for (let i = 0; i < rows; i++) {
    let constant = bias ? bias[i] : 0;
    for (let j = 0; j < cols; j++) {
      const w = values[i * cols + j];
      out[i * (cols + 1) + j] = gain ? w * gain[j] : w;
      if (beta) constant += w * beta[j];
    }
    out[i * (cols + 1) + cols] = constant;
  }
  return la.upload(out, rows, cols + 1);
}

const squares = (values: FloatArray, width: number) => {
  const out = new Float64Array(values.length / width);
  for (let i = 0; i < values.length; i++) out[Math.floor(i / width)] += values[i] ** 2;
  return out;
};

/** Row norms squared. */
export const rowSquares = async (la: LinearAlgebra, a: Matrix) => squares(await la.download(a), a.cols);

/** ‖O_h·V_h‖² per kv group: how much a head writes if its input were isotropic and its attention kept one place. */
export async function groupScores(la: LinearAlgebra, a: Architecture, v: Matrix, o: Matrix): Promise<Float64Array> {
  const { heads, kvHeads, headDim } = a;
  const out = new Float64Array(kvHeads);
  for (let h = 0; h < heads; h++) {
    const group = Math.floor((h * kvHeads) / heads);
    const vh = la.view(v, group * headDim, (group + 1) * headDim, 0, v.cols);
    // ‖O·V‖² = ⟨OᵀO, V·Vᵀ⟩: two small Grams instead of the d × d product
    const left = await la.download(
      await la.syrk(la.view(o, 0, o.rows, h * headDim, (h + 1) * headDim), { transpose: true }),
    );
    const right = await la.download(await la.syrk(vh));
    for (let i = 0; i < left.length; i++) out[group] += left[i] * right[i];
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
export function reluMoment(gram: FloatArray, left: ArrayLike<number>, right: ArrayLike<number>): void {
  const cols = right.length;
  const [a, b] = [Float64Array.from(left, Math.sqrt), Float64Array.from(right, Math.sqrt)];
  for (let i = 0; i < a.length; i++)
    for (let j = 0, at = i * cols; j < cols; j++, at++) {
      const size = a[i] * b[j];
      if (size === 0) {
        gram[at] = 0;
        continue;
      }
      const place = (Math.min(1, Math.max(-1, gram[at] / size)) + 1) * (STEPS / 2);
      const index = place | 0;
      gram[at] = size * (KERNEL[index] + (place - index) * (KERNEL[index + 1] - KERNEL[index]));
    }
}
