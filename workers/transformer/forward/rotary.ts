import type { Rotary } from '../../../src/families/architecture.js';
import type { FloatArray } from '../../linalg/contract.js';
import { sameKind } from './norm.js';

/** Angle per place of each of the headDim/2 planes. Su et al. 2021; llama3 and linear rescalings as in stock configs. */
export function frequencies(rotary: Rotary, headDim: number): Float64Array {
  const { scaling } = rotary;
  return Float64Array.from({ length: headDim / 2 }, (_, j) => {
    const f = rotary.theta ** ((-2 * j) / headDim);
    if (scaling.type === 'none') return f;
    if (scaling.type === 'linear') return f / scaling.factor;
    const wavelength = (2 * Math.PI) / f;
    if (wavelength < scaling.original / scaling.high) return f;
    if (wavelength > scaling.original / scaling.low) return f / scaling.factor;
    const blend = (scaling.original / wavelength - scaling.low) / (scaling.high - scaling.low);
    return ((1 - blend) * f) / scaling.factor + blend * f;
  });
}

/**
 * Rotate each head of x [tokens, heads·headDim] by its place: planes pair j with j + headDim/2 (the stock layout).
 * `placeOf(token)` is 0-based.
 */
export function rotate(
  x: FloatArray,
  width: number,
  headDim: number,
  speed: Float64Array,
  placeOf: (token: number) => number,
): FloatArray {
  const out = sameKind(x, x.length);
  const half = headDim / 2;
  const [cos, sin] = [new Float64Array(half), new Float64Array(half)];
  let turned = -1;
  for (let token = 0, start = 0; start < x.length; token++, start += width) {
    const place = placeOf(token);
    if (place !== turned) {
      turned = place;
      for (let j = 0; j < half; j++) {
        cos[j] = Math.cos(place * speed[j]);
        sin[j] = Math.sin(place * speed[j]);
      }
    }
    for (let head = start; head < start + width; head += headDim)
      for (let j = 0; j < half; j++) {
        const [a, b] = [x[head + j], x[head + half + j]];
        out[head + j] = a * cos[j] - b * sin[j];
        out[head + half + j] = b * cos[j] + a * sin[j];
      }
  }
  return out;
}
