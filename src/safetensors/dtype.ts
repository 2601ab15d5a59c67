/** Element types of the safetensors format, with their size in bits (sub-byte types included). */
export const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof DTYPE_BITS;

/** Types whose values weightfold computes with. */
export const FLOAT_DTYPES = ['F64', 'F32', 'F16', 'BF16'] as const;
export type FloatDtype = (typeof FLOAT_DTYPES)[number];

export const isDtype = (value: string): value is Dtype => Object.hasOwn(DTYPE_BITS, value);
export const isFloatDtype = (value: string): value is FloatDtype => (FLOAT_DTYPES as readonly string[]).includes(value);

const scratch = new DataView(new ArrayBuffer(4));

/** IEEE 754 binary16 bits → number (exact). */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

let halfTable: Float32Array | undefined;

/** All 65 536 binary16 values as float32: 256 KB, built on first use, makes conversion a table look-up. */
function halfValues(): Float32Array {
  if (!halfTable) {
    halfTable = new Float32Array(65536);
    for (let bits = 0; bits < 65536; bits++) halfTable[bits] = fromHalf(bits);
  }
  return halfTable;
}

/** float32 bits → binary16 bits, round to nearest, ties to even; overflow becomes infinity. */
export function halfFromBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // ≥ 65520 rounds to infinity
  if (magnitude < 0x38800000) {
    // Subnormal half: |x| < 2⁻¹⁴. Adding 0.5 in float32 aligns the fraction so that hardware rounds it (ties to even).
    scratch.setUint32(0, magnitude);
    scratch.setFloat32(0, scratch.getFloat32(0) + 0.5);
    return sign | (scratch.getUint32(0) - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

/** float32 bits → bfloat16 bits, round to nearest, ties to even. */
export function bfloatFromBits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** A view of `bytes` as `Ctor` elements; copies only when the offset is not aligned. */
function alignedView<T>(
  Ctor: { new (buffer: ArrayBufferLike, offset: number, length: number): T; BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
): T {
  const size = Ctor.BYTES_PER_ELEMENT;
  const source = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new Ctor(source.buffer, source.byteOffset, source.byteLength / size);
}

/**
 * Decode little-endian tensor bytes to float32 or float64 (the wider of what is asked and nothing more:
 * F64 asked as float32 is rounded to nearest).
 * The result may alias `bytes` when no conversion is needed.
 */
export function decodeFloats(bytes: Uint8Array, dtype: FloatDtype, precision: 'float32'): Float32Array;
export function decodeFloats(bytes: Uint8Array, dtype: FloatDtype, precision: 'float64'): Float64Array;
export function decodeFloats(
  bytes: Uint8Array,
  dtype: FloatDtype,
  precision: 'float32' | 'float64',
): Float32Array | Float64Array;
export function decodeFloats(
  bytes: Uint8Array,
  dtype: FloatDtype,
  precision: 'float32' | 'float64',
): Float32Array | Float64Array {
  const Target = precision === 'float64' ? Float64Array : Float32Array;
  if (dtype === 'F32') {
    const view = alignedView(Float32Array, bytes);
    return precision === 'float32' ? view : new Float64Array(view);
  }
  if (dtype === 'F64') {
    const view = alignedView(Float64Array, bytes);
    return precision === 'float64' ? view : new Float32Array(view);
  }
  const words = alignedView(Uint16Array, bytes);
  if (dtype === 'BF16') {
    const wide = new Uint32Array(words.length);
    for (let i = 0; i < words.length; i++) wide[i] = words[i] << 16;
    const floats = new Float32Array(wide.buffer);
    return precision === 'float32' ? floats : new Float64Array(floats);
  }
  const table = halfValues();
  const out = new Target(words.length);
  for (let i = 0; i < words.length; i++) out[i] = table[words[i]];
  return out;
}

/** Encode to little-endian tensor bytes, rounding to nearest even. May alias `values` when no conversion is needed. */
export function encodeFloats(values: Float32Array | Float64Array, dtype: FloatDtype): Uint8Array {
  if (dtype === 'F64') {
    const wide = values instanceof Float64Array ? values : new Float64Array(values);
    return new Uint8Array(wide.buffer, wide.byteOffset, wide.byteLength);
  }
  const floats = values instanceof Float32Array ? values : new Float32Array(values);
  if (dtype === 'F32') return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const words = new Uint16Array(floats.length);
  const convert = dtype === 'BF16' ? bfloatFromBits : halfFromBits;
  for (let i = 0; i < bits.length; i++) words[i] = convert(bits[i]);
  return new Uint8Array(words.buffer);
}
