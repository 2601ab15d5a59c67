import { describe, expect, it } from 'vitest';
import type { FloatDtype } from '../../src/safetensors/dtype.js';
import { type NamedTensor, randomChain } from '../support/checkpoint.js';
import { temporaryFolder } from '../support/temporary.js';
import { type Merged, merge, type SpecWithoutSources } from './harness.js';

const root = temporaryFolder();

const scaled = (tensors: NamedTensor[], factor: number): NamedTensor[] =>
  tensors.map((tensor) => ({ ...tensor, values: Float64Array.from(tensor.values, (value) => value * factor) }));

const pair = (factor: number, dtype: FloatDtype = 'F32') =>
  [1, 2].map((seed) => scaled(randomChain([9, 6, 7, 5], seed, dtype), factor));

const chain = (method: object, widths: (number | undefined)[] = [12, 10, undefined]): SpecWithoutSources => ({
  model: {
    family: 'chain',
    layers: widths.map((width, l) => ({ weight: `layers.${l}.weight`, ...(width && { width }) })),
  },
  method,
});

/** What does not depend on the weights' scale. */
const figures = ({ metrics }: Merged) => ({
  relative: metrics.end_to_end.relative_error,
  cosine: metrics.end_to_end.cosine,
  map: metrics.end_to_end.map_relative_error,
  tensors: metrics.tensors.map((t) => [t.relative_error, t.optimal_relative_error]),
  spaces: metrics.spaces.map((s) => [s.rank, s.retained_energy, s.identity_error]),
});

/** Numbers of a nested object, in order. */
const flat = (value: unknown): number[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(flat) : [Number(value)];

describe('the scale of the weights changes no relative figure', () => {
  for (const method of [
    {},
    { mode: 'separate' },
    { factorization: 'covariance' },
    { basis: 'balanced' },
    { solver: { type: 'randomized' } },
  ])
    for (const exponent of [-120, -67, 67, 100])
      it(`${JSON.stringify(method)}, 2^${exponent}`, async () => {
        const one = figures(await merge(root, pair(1), chain(method)));
        const other = figures(await merge(root, pair(2 ** exponent), chain(method)));
        const [expected, found] = [flat(one), flat(other)];
        found.forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThan(2e-6);
        });
      });
});

describe('float16', () => {
  const half = (factor: number, layers = [48, 40, 32]) =>
    [1, 2].map((seed) => scaled(randomChain(layers, seed, 'F16'), factor));

  it.each([1, 1e-2])('weights times %s keep their eleven bits where a space keeps every direction', async (factor) => {
    const m = await merge(root, half(factor), chain({}, [80, undefined]));
    expect(m.metrics.spaces[0].factorization).toBe('weight');
    expect([...m.dtypes.values()]).toEqual(['F16', 'F16']);
    expect(m.metrics.end_to_end.relative_error).toBeLessThan(2e-3);
  });

  it('a result in float32 of such weights keeps the notebook’s factorization', async () => {
    const m = await merge(root, half(1e-2), { ...chain({}, [80, undefined]), output: { dtype: 'float32' } });
    expect(m.metrics.spaces[0].factorization).toBe('covariance');
    expect(m.metrics.end_to_end.relative_error).toBeLessThan(2e-6);
  });

  it('weights below its normal range merge to their own quantum', async () => {
    const m = await merge(root, half(2 ** -18), chain({}, [80, undefined]));
    // 2^-24 is the quantum; the weights' own size is about 2^-23
    expect(m.metrics.end_to_end.relative_error).toBeLessThan(0.6);
    expect(m.metrics.end_to_end.relative_error).toBeGreaterThan(0);
  });
});

describe('values beyond the range of the type they are stored in are refused, naming tensor and value', () => {
  const one = (value: number, dtype: FloatDtype): NamedTensor[] => [
    { name: 'layers.0.weight', shape: [1, 1], values: [value], dtype },
  ];
  it.each([
    [70000, 'F32', 'float16', 'float16_overflow', '70000'],
    [3.4e38, 'F32', 'bfloat16', 'bfloat16_overflow', '3.4e+38'],
    [1e39, 'F64', 'float32', 'float32_overflow', '1e+39'],
    [-1e300, 'F64', 'bfloat16', 'bfloat16_overflow', '-1e+300'],
  ] as const)('%s of %s in %s', async (value, dtype, output, code, shown) => {
    const merging = merge(root, [one(value, dtype)], { ...chain({}, [undefined]), output: { dtype: output } });
    await expect(merging).rejects.toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`"layers\\.0\\.weight".*${shown.replace('+', '\\+')}`)),
    });
  });

  it('the largest values that fit are stored', async () => {
    for (const [value, output] of [
      [65504, 'float16'],
      [(2 - 2 ** -7) * 2 ** 127, 'bfloat16'],
      [(2 - 2 ** -23) * 2 ** 127, 'float32'],
    ] as const) {
      const m = await merge(root, [one(value, 'F64')], { ...chain({}, [undefined]), output: { dtype: output } });
      expect(m.tensors.get('layers.0.weight')?.data[0]).toBe(value);
    }
  });
});
