import type { Rotary, RotaryScaling } from '../../../src/families/rotary.js';
import type { FloatArray } from '../../linalg/contract.js';
import { sameKind } from './norm.js';

/** How the planes of a head turn. */
export interface Turning {
  /** Angle per place of each of the headDim/2 planes. */
  speed: Float64Array;
  /** Factor on cosines and sines. */
  scale: number;
}

/**
 * Turning of heads in a sequence of `length` places, as transformers' modeling_rope_utils.py computes it: Su et al. 2021,
 * YaRN of Peng et al. 2023, LongRoPE of Ding et al. 2024. `dynamic` and `longrope` depend on the length; of a sequence
 * that grows place by place, each place is turned by the length up to it.
 */
export function turning({ theta, scaling }: Rotary, headDim: number, length: number): Turning {
  const base = scaling.type === 'dynamic' ? theta * stretch(scaling, length, headDim) : theta;
  const plain = Float64Array.from({ length: headDim / 2 }, (_, j) => base ** ((-2 * j) / headDim));
  const scale = scaling.type === 'yarn' || scaling.type === 'longrope' ? scaling.attention : 1;
  return { speed: rescaled(plain, scaling, theta, headDim, length), scale };
}

/** Growth of the base for sequences longer than the model was made for; 1 up to there. */
function stretch({ factor, original }: Extract<RotaryScaling, { type: 'dynamic' }>, length: number, headDim: number) {
  const times = Math.max(length, original) / original;
  return (factor * times - (factor - 1)) ** (headDim / (headDim - 2));
}

function rescaled(
  plain: Float64Array,
  scaling: RotaryScaling,
  theta: number,
  headDim: number,
  length: number,
): Float64Array {
  switch (scaling.type) {
    case 'none':
    case 'dynamic':
      return plain;
    case 'linear':
      return plain.map((f) => f / scaling.factor);
    case 'proportional':
      return plain.map((f, j) => (j < scaling.angles ? f / scaling.factor : 0));
    case 'longrope': {
      const divisors = length > scaling.original ? scaling.long : scaling.short;
      return plain.map((f, j) => f / divisors[j]);
    }
    case 'llama3':
      return plain.map((f) => smoothed(f, scaling));
    case 'yarn':
      return byParts(plain, scaling, theta, headDim);
  }
}

/** Short waves stay, long ones are stretched by the factor, those between are blended. */
function smoothed(f: number, { factor, low, high, original }: Extract<RotaryScaling, { type: 'llama3' }>): number {
  const wavelength = (2 * Math.PI) / f;
  if (wavelength < original / high) return f;
  if (wavelength > original / low) return f / factor;
  const blend = (original / wavelength - low) / (high - low);
  return ((1 - blend) * f) / factor + blend * f;
}

/** NTK by parts (YaRN): planes that turn often within the original length stay, those that hardly turn are stretched. */
function byParts(
  plain: Float64Array,
  { factor, original, fast, slow, truncate }: Extract<RotaryScaling, { type: 'yarn' }>,
  theta: number,
  headDim: number,
): Float64Array {
  /** Plane, as a fraction, that makes so many turns within the original length. */
  const planeOf = (turns: number) => (headDim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [planeOf(fast), planeOf(slow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  let high = Math.min(truncate ? Math.ceil(last) : last, headDim - 1);
  if (high === low) high += 0.001;
  return plain.map((f, j) => {
    const stretched = Math.min(1, Math.max(0, (j - low) / (high - low)));
    return (f / factor) * stretched + f * (1 - stretched);
  });
}

/**
 * Rotate each head of x [tokens, heads·headDim] by its place: planes pair j with j + headDim/2 (the stock layout).
 * `placeOf(token)` is 0-based.
 */
export function rotate(
  x: FloatArray,
  width: number,
  { speed, scale }: Turning,
  placeOf: (token: number) => number,
): FloatArray {
  const out = sameKind(x, x.length);
  const half = speed.length;
  const [cos, sin] = [new Float64Array(half), new Float64Array(half)];
  let turned = -1;
  for (let token = 0, start = 0; start < x.length; token++, start += width) {
    const place = placeOf(token);
    if (place !== turned) {
      turned = place;
      for (let j = 0; j < half; j++) {
        cos[j] = scale * Math.cos(place * speed[j]);
        sin[j] = scale * Math.sin(place * speed[j]);
      }
    }
    for (let head = start; head < start + width; head += 2 * half)
      for (let j = 0; j < half; j++) {
        const [a, b] = [x[head + j], x[head + half + j]];
        out[head + j] = a * cos[j] - b * sin[j];
        out[head + half + j] = b * cos[j] + a * sin[j];
      }
  }
  return out;
}
