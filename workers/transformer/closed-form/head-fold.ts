import type { Architecture } from '../../../src/families/architecture.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { solveFold } from './unit-fold.js';

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
  const n = a.heads * a.headDim;
  const part = (columns: readonly number[]) => {
    const out = new Float64Array(kept.length * columns.length);
    kept.forEach((row, i) => {
      columns.forEach((column, j) => {
        out[i * columns.length + j] = c[row * n + column];
      });
    });
    return la.upload(out, kept.length, columns.length);
  };
  const solution = await solveFold(la, part(kept), part(dropped));
  const single = await la.cast(solution, 'float32');
  la.dispose(solution);
  return single;
}

/** C of all head outputs, heads·headDim squared, float64. */
export async function headMoment(la: LinearAlgebra, a: Architecture, { q, k, v }: AttentionWeights) {
  const { heads, kvHeads, headDim } = a;
  const [gq, gk] = [await la.download(await la.syrk(q)), await la.download(await la.syrk(k))];
  const inputs = v.cols - 1;
  const varying = await la.download(await la.syrk(la.view(v, 0, v.rows, 0, inputs)));
  const values = await la.download(v);
  const n = heads * headDim;
  const group = (h: number) => Math.floor((h * kvHeads) / heads);
  const scores = Float64Array.from({ length: heads * heads }, (_, at) =>
    blockProduct(gq, n, gk, kvHeads * headDim, headDim, [Math.floor(at / heads), at % heads], group),
  );
  const out = new Float64Array(n * n);
  for (let h = 0; h < heads; h++)
    for (let g = 0; g < heads; g++) {
      const same = Math.exp(scores[h * heads + g] - (scores[h * heads + h] + scores[g * heads + g]) / 2);
      for (let x = 0; x < headDim; x++)
        for (let y = 0; y < headDim; y++) {
          const [i, j] = [group(h) * headDim + x, group(g) * headDim + y];
          const constant = values[i * v.cols + inputs] * values[j * v.cols + inputs];
          out[(h * headDim + x) * n + g * headDim + y] = same * varying[i * v.rows + j] + constant;
        }
    }
  return out;
}

/** ⟨Q_hᵀK_h, Q_gᵀK_g⟩/headDim = Σ (Q_h·Q_gᵀ) ∘ (K_h·K_gᵀ) / headDim. */
function blockProduct(
  gq: FloatArray,
  qWidth: number,
  gk: FloatArray,
  kWidth: number,
  headDim: number,
  [h, g]: [number, number],
  group: (h: number) => number,
): number {
  let sum = 0;
  for (let x = 0; x < headDim; x++)
    for (let y = 0; y < headDim; y++)
      sum +=
        gq[(h * headDim + x) * qWidth + g * headDim + y] *
        gk[(group(h) * headDim + x) * kWidth + group(g) * headDim + y];
  return sum / headDim;
}
