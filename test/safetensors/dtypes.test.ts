import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloatFromBits, decodeFloats, encodeFloats, fromHalf, halfFromBits } from '../../src/safetensors/dtype.js';

const words = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
const decodeOne = (bits: number, dtype: 'F16' | 'BF16') => decodeFloats(words(bits), dtype, 'float64')[0];
const encodeOne = (value: number, dtype: 'F16' | 'BF16') => {
  const bytes = encodeFloats(Float32Array.of(value), dtype);
  return bytes[0] | (bytes[1] << 8);
};
const bitsOf = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0];

/** Round a finite float32 to the nearest of two neighbouring 16-bit values, ties to the even one: the definition itself. */
function nearest(value: number, dtype: 'F16' | 'BF16', below: number): number {
  const decode = (bits: number) => {
    const decoded = decodeOne(bits, dtype);
    // Past the largest finite value the next representable one would be 2^(emax+1): what rounding is decided against.
    if (Number.isFinite(decoded)) return decoded;
    return dtype === 'F16' ? 65536 : 2 ** 128;
  };
  const [low, high] = [decode(below), decode(below + 1)];
  const [toLow, toHigh] = [value - low, high - value];
  if (toLow !== toHigh) return toLow < toHigh ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

describe('binary16', () => {
  it('every one of the 65536 values survives decode and encode', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    for (const precision of ['float32', 'float64'] as const) {
      const values = decodeFloats(new Uint8Array(all.buffer.slice(0)), 'F16', precision);
      const back = new Uint16Array(encodeFloats(values, 'F16').buffer);
      const wrong = [...all].filter((bits) =>
        Number.isNaN(values[bits]) ? (back[bits] & 0x7e00) !== 0x7e00 : back[bits] !== bits,
      );
      expect(wrong).toEqual([]);
    }
  });

  it.each([
    [0x0000, 0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
  ])('0x%s is %s', (bits, value) => {
    expect(fromHalf(bits)).toBe(value);
    expect(encodeOne(value, 'F16')).toBe(bits);
  });

  it('keeps the sign of zero, and NaN stays NaN', () => {
    expect(Object.is(decodeOne(0x8000, 'F16'), -0)).toBe(true);
    expect(encodeOne(-0, 'F16')).toBe(0x8000);
    expect(fromHalf(encodeOne(Number.NaN, 'F16'))).toBeNaN();
    // A NaN whose payload lies below the ten bits that are kept must not turn into infinity.
    expect(fromHalf(halfFromBits(0x7f800001))).toBeNaN();
  });

  it.each([
    [65519.99609375, 65504],
    [65520, Number.POSITIVE_INFINITY],
    [-65520, Number.NEGATIVE_INFINITY],
    [2 ** -25, 0],
    [2 ** -25 * 1.0001, 2 ** -24],
    [1.5 * 2 ** -24, 2 ** -23],
    [1 + 2 ** -11, 1],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [2 ** -14 - 2 ** -26, 2 ** -14],
  ])('%s rounds to %s', (value, expected) => expect(fromHalf(encodeOne(value, 'F16'))).toBe(expected));

  it('rounds every float32 to the nearest value, ties to even', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7bff }), fc.double({ min: 0, max: 1, noNaN: true }), (below, t) => {
        const [low, high] = [fromHalf(below), below === 0x7bff ? 65536 : fromHalf(below + 1)];
        for (const value of [Math.fround(low + t * (high - low)), (low + high) / 2]) {
          const expected = nearest(value, 'F16', value === high ? below : below);
          expect(encodeOne(value, 'F16')).toBe(expected);
          expect(encodeOne(-value, 'F16')).toBe(expected | 0x8000);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('bfloat16', () => {
  it('every one of the 65536 values survives decode and encode', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const values = decodeFloats(new Uint8Array(all.buffer.slice(0)), 'BF16', 'float32');
    const back = new Uint16Array(encodeFloats(values, 'BF16').buffer);
    const wrong = [...all].filter((bits) =>
      Number.isNaN(values[bits]) ? !Number.isNaN(decodeOne(back[bits], 'BF16')) : back[bits] !== bits,
    );
    expect(wrong).toEqual([]);
  });

  it('is the upper half of a float32', () => {
    for (const [bits, value] of [
      [0x3f80, 1],
      [0xc000, -2],
      [0x0001, 2 ** -133],
      [0x7f80, Number.POSITIVE_INFINITY],
    ])
      expect(decodeOne(bits, 'BF16')).toBe(value);
  });

  it('NaN stays NaN whatever its payload, and the largest float32 overflows', () => {
    for (const bits of [0x7f800001, 0x7fffffff, 0xffffffff, 0xff800001]) {
      const word = bfloatFromBits(bits);
      expect(decodeOne(word, 'BF16')).toBeNaN();
      expect(word).toBeLessThan(0x10000);
    }
    expect(bfloatFromBits(bitsOf(3.4028234663852886e38))).toBe(0x7f80);
  });

  it('rounds every float32 to the nearest value, ties to even', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7f7f }), fc.integer({ min: 0, max: 0xffff }), (below, rest) => {
        for (const low of [rest, 0x8000]) {
          const value = new Float32Array(Uint32Array.of(((below << 16) | low) >>> 0).buffer)[0];
          const expected = nearest(value, 'BF16', below);
          expect(encodeOne(value, 'BF16')).toBe(expected);
          expect(encodeOne(-value, 'BF16')).toBe(expected | 0x8000);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('wide types', () => {
  const same = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).every((x, i) => Object.is(x, b[i]));

  it('F32 and F64 are kept to the bit', () => {
    fc.assert(
      fc.property(fc.float32Array(), fc.float64Array(), (narrow, wide) => {
        expect(same(decodeFloats(encodeFloats(narrow, 'F32'), 'F32', 'float32'), narrow)).toBe(true);
        expect(same(decodeFloats(encodeFloats(narrow, 'F64'), 'F64', 'float32'), narrow)).toBe(true);
        expect(same(decodeFloats(encodeFloats(wide, 'F64'), 'F64', 'float64'), wide)).toBe(true);
        expect(same(decodeFloats(encodeFloats(wide, 'F32'), 'F32', 'float64'), wide.map(Math.fround))).toBe(true);
      }),
    );
  });

  it('are little-endian', () => {
    expect([...encodeFloats(Float32Array.of(1), 'F32')]).toEqual([0, 0, 0x80, 0x3f]);
    expect([...encodeFloats(Float64Array.of(-2), 'F64')]).toEqual([0, 0, 0, 0, 0, 0, 0, 0xc0]);
    expect([...encodeFloats(Float32Array.of(1), 'BF16')]).toEqual([0x80, 0x3f]);
    expect([...encodeFloats(Float32Array.of(1), 'F16')]).toEqual([0, 0x3c]);
  });

  it('decode from any offset in a buffer', () => {
    for (const shift of [0, 1, 2, 3, 4, 5]) {
      for (const dtype of ['F64', 'F32', 'F16', 'BF16'] as const) {
        const bytes = encodeFloats(Float64Array.of(1.5, -0.25, 3), dtype);
        const moved = new Uint8Array(bytes.length + shift);
        moved.set(bytes, shift);
        expect([...decodeFloats(moved.subarray(shift), dtype, 'float64')]).toEqual([1.5, -0.25, 3]);
      }
    }
  });

  it('encode a view of a larger array, not what lies around it', () => {
    const all = Float32Array.of(9, 1, 2, 9);
    for (const dtype of ['F64', 'F32', 'F16', 'BF16'] as const)
      expect([...decodeFloats(encodeFloats(all.subarray(1, 3), dtype), dtype, 'float64')]).toEqual([1, 2]);
  });
});
