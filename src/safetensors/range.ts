import { DataError } from '../errors.js';
import { encodeFloats, type FloatDtype } from './dtype.js';

interface Range {
  code: string;
  name: string;
  /** Largest finite value, as a message shows it. */
  largest: string;
  /** Magnitudes from here on round to infinity: halfway between the largest value and the power of two behind it. */
  overflow: number;
}

const RANGES: Record<FloatDtype, Range> = {
  F64: { code: 'float64_overflow', name: 'float64', largest: '1.798e+308', overflow: Number.POSITIVE_INFINITY },
  F32: { code: 'float32_overflow', name: 'float32', largest: '3.403e+38', overflow: (2 - 2 ** -24) * 2 ** 127 },
  BF16: { code: 'bfloat16_overflow', name: 'bfloat16', largest: '3.39e+38', overflow: (2 - 2 ** -8) * 2 ** 127 },
  F16: { code: 'float16_overflow', name: 'float16', largest: '65504', overflow: 65520 },
};

/**
 * Refuse values that `dtype` can only store as an infinity.
 * @param subject what the values are, e.g. `Tensor "w" of the result`
 * @param hint how to mend it
 * @throws DataError `float16_overflow`, `bfloat16_overflow`, `float32_overflow` or `float64_overflow`
 */
export function checkRange(
  values: Float32Array | Float64Array,
  dtype: FloatDtype,
  subject: string,
  hint = wider(dtype),
): void {
  // what was computed in float32 cannot use the rest of float64
  const { code, name, largest, overflow } = RANGES[dtype === 'F64' && values instanceof Float32Array ? 'F32' : dtype];
  if (!exceeds(values, overflow)) return;
  let largestFound = 0;
  for (const value of values) if (!(Math.abs(value) <= Math.abs(largestFound))) largestFound = value;
  const what = `reaches ${Number(largestFound.toPrecision(6))}`;
  throw new DataError(code, `${subject} ${what}, beyond ${name}'s ±${largest}. ${hint}`);
}

/** As `encodeFloats`, after `checkRange` of a tensor of the result. */
export function encodeInRange(
  values: Float32Array | Float64Array,
  { name, dtype }: { name: string; dtype: FloatDtype },
): Uint8Array {
  checkRange(values, dtype, `Tensor "${name}" of the result`);
  return encodeFloats(values, dtype);
}

/**
 * Float64 values in float32. Infinities and NaN pass: they are not an overflow.
 * @throws DataError `float32_overflow`
 */
export function toFloat32(values: Float64Array, subject: string): Float32Array {
  const narrow = new Float32Array(values);
  const at = narrow.findIndex((value, i) => !Number.isFinite(value) && Number.isFinite(values[i]));
  if (at >= 0) checkRange(values.subarray(at, at + 1), 'F32', subject);
  return narrow;
}

const wider = (dtype: FloatDtype) =>
  dtype === 'F16' ? 'Ask for bfloat16 or float32 as output.dtype.' : 'Scale the sources’ weights down.';

/** Whether a value is NaN, infinite or at least `bound`. */
function exceeds(values: Float32Array | Float64Array, bound: number): boolean {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]) < bound)) return true;
  return false;
}
