import type { Architecture } from '../../../src/families/architecture.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { foldOf } from './unit-fold.js';

/** A source's q, k and v of one layer, norms absorbed, the constant as last column. */
export interface AttentionWeights {
  q: Matrix;
  k: Matrix;
  v: Matrix;
}

/**
 * Fᵀ = C_kk⁻¹·C_kd of the head outputs, [kept, dropped], from weights alone. For isotropic inputs n over many places the
 * scores s_h = nᵀQ_hᵀK_h·n/√headDim of two heads are Gaussian with variances σ_h², σ_g² and covariance
 * c = ⟨Q_hᵀK_h, Q_gᵀK_g⟩/headDim, so the chance that both look at one place, beside each one's own, is
 * ρ = exp(c − (σ_h² + σ_g²)/2), and C_hg = ρ·V_h·V_gᵀ: 1 for heads that look everywhere, 0 for sharp ones that look at
 * different places. The constant part of V passes any attention whole.
 * Cost 3 Grams of heads·headDim rows and one system of the kept ones.
 */
export async function headFold(
  la: LinearAlgebra,
  a: Architecture,
  weights: AttentionWeights,
  kept: readonly number[],
  dropped: readonly number[],
): Promise<Matrix> {
  const c = await headMoment(la, a, weights);
  const fold = await foldOf(la, c, kept, dropped);
  la.dispose(c);
  return fold;
}

/** C of all head outputs, heads·headDim squared, float64. */
async function headMoment(la: LinearAlgebra, a: Architecture, { q, k, v }: AttentionWeights): Promise<Matrix> {
  const { heads, kvHeads, headDim } = a;
  const inputs = v.cols - 1;
  const grams = [await la.syrk(q), await la.syrk(k), await la.syrk(la.view(v, 0, v.rows, 0, inputs))];
  const constants = await la.inspect(v, (values) =>
    Float64Array.from({ length: v.rows }, (_, i) => values[i * v.cols + inputs]),
  );
  const [n, m] = [heads * headDim, kvHeads * headDim];
  const start = (h: number) => Math.floor((h * kvHeads) / heads) * headDim;
  const [gq, gk, varying] = await Promise.all(grams.map((gram) => la.download(gram)));
  const score = (h: number, g: number) =>
    blockProduct(gq, h * headDim * n + g * headDim, n, gk, start(h) * m + start(g), m, headDim) / headDim;
  const own = Float64Array.from({ length: heads }, (_, h) => score(h, h));
  const out = la.receive(n, n, 'float64', async (values) => {
    for (let h = 0; h < heads; h++)
      for (let g = 0; g < heads; g++) {
        const same = Math.exp(score(h, g) - (own[h] + own[g]) / 2);
        for (let x = 0; x < headDim; x++) {
          const row = start(h) + x;
          const at = (h * headDim + x) * n + g * headDim;
          const from = row * m + start(g);
          combine(values, at, same, varying, from, constants[row], constants, start(g), headDim);
        }
      }
  });
  for (const gram of grams) la.dispose(gram);
  return out;
}

/** out = a·x + b·y over `count` entries. A function of its own: the compiler makes such loops several times faster. */
function combine(
  out: FloatArray,
  at: number,
  a: number,
  x: FloatArray,
  startOfX: number,
  b: number,
  y: FloatArray,
  startOfY: number,
  count: number,
): void {
  for (let j = 0; j < count; j++) out[at + j] = a * x[startOfX + j] + b * y[startOfY + j];
}

/** Σ a ∘ b of two square blocks: ⟨Q_hᵀK_h, Q_gᵀK_g⟩ = Σ (Q_h·Q_gᵀ) ∘ (K_h·K_gᵀ). */
function blockProduct(
  a: FloatArray,
  startOfA: number,
  strideOfA: number,
  b: FloatArray,
  startOfB: number,
  strideOfB: number,
  size: number,
): number {
  let sum = 0;
  for (let x = 0; x < size; x++) {
    const i = startOfA + x * strideOfA;
    const j = startOfB + x * strideOfB;
    for (let y = 0; y < size; y++) sum += a[i + y] * b[j + y];
  }
  return sum;
}
