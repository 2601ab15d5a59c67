import type { FloatArray, LinearAlgebra, Matrix } from '../linalg/contract.js';
import type { Norm } from './model.js';

/** A norm of the result; gain and bias both stand for themselves, in no reader. */
export interface MappedNorm {
  gain: Float32Array;
  bias: Float32Array;
}

/**
 * The norm that comes nearest to E·(γ∘n + β) when it is given E·h: γ' = κ·diag(E·diag(γ)·Eᵀ)/diag(E·Eᵀ), β' = E·β
 * (method.md, section 5). Exact where every row of E has one entry, as in growth. For norms whose output is itself a
 * stream: those of post-norm models, and the last one of a model without a head.
 *
 * @param expand E, [r, D].
 * @param empty gain of a unit that nothing writes, where the row of E is zero.
 */
export async function mappedNorm(
  la: LinearAlgebra,
  expand: Matrix,
  kappa: number,
  norms: { gains: FloatArray; biases: FloatArray },
  empty: number,
): Promise<MappedNorm> {
  const [gain, bias] = [new Float32Array(expand.rows), new Float32Array(expand.rows)];
  await la.inspect(expand, (e) => {
    for (let j = 0, at = 0; j < expand.rows; j++) {
      let [shift, weighted, size] = [0, 0, 0];
      for (let d = 0; d < expand.cols; d++, at++) {
        const w = e[at];
        shift += w * norms.biases[d];
        weighted += w * w * norms.gains[d];
        size += w * w;
      }
      gain[j] = size > 0 ? (kappa * weighted) / size : empty;
      bias[j] = shift;
    }
  });
  return { gain, bias };
}

/** Gains and biases of the sources' norms, one behind the other; ones and zeros where a norm has none. */
export function joinNorms(
  norms: readonly Norm[],
  widths: readonly number[],
): { gains: Float64Array; biases: Float64Array } {
  const joined = (part: 'gain' | 'bias', missing: number) =>
    Float64Array.from(norms.flatMap((norm, i) => [...(norm[part] ?? new Float64Array(widths[i]).fill(missing))]));
  return { gains: joined('gain', 1), biases: joined('bias', 0) };
}
