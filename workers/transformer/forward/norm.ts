import type { Architecture } from '../../../src/families/architecture.js';
import type { FloatArray } from '../../linalg/contract.js';
import type { Norm } from '../model.js';

type Kind = Architecture['norm'];

/** A FloatArray of the same precision. */
export const sameKind = (a: FloatArray, length: number): FloatArray =>
  a instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);

export interface Normalised {
  /** [rows, width]; centred first for LayerNorm, gains not applied. */
  unit: FloatArray;
  /** √(mean square + ε) per row, after centring for LayerNorm. */
  size: Float64Array;
}

/**
 * Divide each row by its own root mean square (LayerNorm: of the centred row). Sums in float64.
 * Source: Zhang, Sennrich 2019 (RMSNorm); Ba et al. 2016 (LayerNorm).
 */
export function normalise(x: FloatArray, width: number, kind: Kind, epsilon: number): Normalised {
  const rows = x.length / width;
  const unit = sameKind(x, x.length);
  const size = new Float64Array(rows);
  for (let r = 0, start = 0; r < rows; r++, start += width) {
    let mean = 0;
    if (kind === 'layer') {
      for (let j = start; j < start + width; j++) mean += x[j];
      mean /= width;
    }
    let squares = 0;
    for (let j = start; j < start + width; j++) {
      const d = x[j] - mean;
      squares += d * d;
    }
    const root = Math.sqrt(squares / width + epsilon);
    size[r] = root;
    const inverse = 1 / root;
    for (let j = start; j < start + width; j++) unit[j] = (x[j] - mean) * inverse;
  }
  return { unit, size };
}

/** gain ∘ unit + bias, a new array; `unit` itself where both are absent. */
export function affine(unit: FloatArray, width: number, { gain, bias }: Norm): FloatArray {
  if (!gain && !bias) return unit;
  const out = sameKind(unit, unit.length);
  for (let start = 0; start < unit.length; start += width)
    for (let j = 0; j < width; j++) out[start + j] = unit[start + j] * (gain ? gain[j] : 1) + (bias ? bias[j] : 0);
  return out;
}
