import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factorizationOf, sharesOf } from '../../src/plan/factorization.js';
import { parseSize, shardTensors } from '../../src/plan/shards.js';
import { JobSpecSchema } from '../../src/schemas/job-spec.js';
import { MethodSchema } from '../../src/schemas/method.js';

describe('sharesOf', () => {
  it.each([
    [6, [4, 4], [3, 3]],
    [7, [4, 4], [4, 3]],
    [8, [3, 3, 3], [3, 3, 2]],
    [10, [2, 20], [2, 8]],
    [9, [1, 2, 10], [1, 2, 6]],
    [5, [4], [4]],
    [0, [3, 3], [0, 0]],
  ])('%i over %j is %j', (width, widths, shares) => expect(sharesOf(width, widths)).toEqual(shares));

  it('gives everything away, never more than a source has, an even share at least, the remainder first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }), fc.nat(300), (widths, width) => {
        const shares = sharesOf(width, widths);
        const total = widths.reduce((a, b) => a + b, 0);
        expect(shares.reduce((a, b) => a + b, 0)).toBe(Math.min(width, total));
        shares.forEach((share, i) => {
          expect(share).toBeLessThanOrEqual(widths[i]);
        });
        const even = Math.floor(width / widths.length);
        shares.forEach((share, i) => {
          expect(share).toBeGreaterThanOrEqual(Math.min(even, widths[i]));
        });
        if (widths.every((d) => d > even))
          expect(shares).toEqual(widths.map((_, i) => even + (i < width % widths.length ? 1 : 0)));
      }),
    );
  });
});

describe('factorization', () => {
  const of = (method: object, shapes: number[][], shared: boolean, width: number) =>
    factorizationOf(MethodSchema.parse(method), shapes, shared, width);

  it('auto is the notebook’s rule: covariance where min(rows, cols) of the whole matrix ≤ width', () => {
    const w0 = [
      [512, 1000],
      [512, 1000],
    ];
    expect(of({}, w0, false, 1023)).toBe('weight');
    expect(of({}, w0, false, 1024)).toBe('covariance');
    const w1 = [
      [2048, 512],
      [2048, 512],
    ];
    expect(of({}, w1, false, 3072)).toBe('covariance');
    // stacked on one input the matrix has 512 columns, side by side 1024
    expect(of({}, w1, true, 1000)).toBe('covariance');
    expect(of({}, w1, false, 1000)).toBe('weight');
  });

  it('auto compares one source with its share in mode separate', () => {
    expect(
      of(
        { mode: 'separate' },
        [
          [6, 9],
          [6, 9],
        ],
        false,
        11,
      ),
    ).toBe('weight');
    expect(
      of(
        { mode: 'separate' },
        [
          [6, 9],
          [6, 9],
        ],
        false,
        12,
      ),
    ).toBe('covariance');
  });

  it('is what it is told to be', () => {
    expect(of({ factorization: 'weight' }, [[1, 1]], false, 1)).toBe('weight');
    expect(of({ factorization: 'covariance' }, [[9, 9]], false, 1)).toBe('covariance');
  });
});

describe('shards', () => {
  it.each([
    ['5GB', 5e9],
    ['5GiB', 5 * 2 ** 30],
    ['1KB', 1000],
    ['7B', 7],
    [123, 123],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  const t = (name: string, elements: number) => ({ name, dtype: 'F32' as const, shape: [elements] });

  it('one file needs no number', () => {
    expect(shardTensors([t('b', 1), t('a', 1)], 8)).toEqual([
      { file: 'model.safetensors', tensors: ['a', 'b'], bytes: 8 },
    ]);
  });

  it('fill in order up to the limit; a larger tensor has a file of its own', () => {
    const shards = shardTensors([t('a', 2), t('b', 2), t('huge', 9), t('c', 1)], 16);
    expect(shards.map(({ file, tensors, bytes }) => [file, tensors, bytes])).toEqual([
      ['model-00001-of-00003.safetensors', ['a', 'b'], 16],
      ['model-00002-of-00003.safetensors', ['huge'], 36],
      ['model-00003-of-00003.safetensors', ['c'], 4],
    ]);
  });

  it('hold every tensor once, whatever the limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 100 }),
        (sizes, limit) => {
          const shards = shardTensors(
            sizes.map((n, i) => t(`t${i}`, n)),
            limit,
          );
          expect(shards.flatMap(({ tensors }) => tensors).sort()).toEqual(sizes.map((_, i) => `t${i}`).sort());
          for (const { tensors, bytes } of shards)
            expect(bytes <= limit || tensors.length === 1 || bytes === 0).toBe(true);
        },
      ),
    );
  });
});

describe('the spec', () => {
  const least = { sources: [{ checkpoint: 'a' }], model: { family: 'chain', layers: [{ weight: 'w' }] } };
  const pointers = (value: unknown) =>
    JobSpecSchema.safeParse(value).error?.issues.map(({ path }) => path.join('/')) ?? [];

  it('has defaults', () => {
    expect(JobSpecSchema.parse(least)).toMatchObject({
      labels: {},
      model: { inputs: 'concatenated', outputs: 'concatenated' },
      method: {
        mode: 'diag',
        basis: 'weight',
        factorization: 'auto',
        solver: { type: 'exact' },
        padding: 'orthonormal',
      },
      output: { max_shard_size: '5GB' },
      priority: 0,
      max_attempts: 3,
    });
    expect(JobSpecSchema.parse({ ...least, method: { solver: { type: 'randomized' } } }).method.solver).toEqual({
      type: 'randomized',
      niter: 2,
      seed: 33,
    });
  });

  it.each([
    ['no sources', { sources: [] }, 'sources'],
    ['seventeen sources', { sources: Array(17).fill({ checkpoint: 'a' }) }, 'sources'],
    ['weights that do not sum to one', { source_weights: [0.5] }, 'source_weights'],
    ['weights of another count', { source_weights: [0.5, 0.5] }, 'source_weights'],
    ['no layers', { model: { family: 'chain', layers: [] } }, 'model/layers'],
    ['a width of zero', { model: { family: 'chain', layers: [{ weight: 'w', width: 0 }] } }, 'model/layers/0/width'],
    [
      'a fractional width',
      { model: { family: 'chain', layers: [{ weight: 'w', width: 1.5 }] } },
      'model/layers/0/width',
    ],
    ['a size without unit', { output: { max_shard_size: '5' } }, 'output/max_shard_size'],
    [
      'control characters in a name',
      { model: { family: 'chain', layers: [{ weight: 'w\n' }] } },
      'model/layers/0/weight',
    ],
    ['too many labels', { labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 'v'])) }, 'labels'],
  ])('refuses %s', (_, change, pointer) => expect(pointers({ ...least, ...change })).toContain(pointer));

  it.each([[[3, 2]], [[2, 2]], [[-1, 2]], [[0]], [[0, 1.5]]])('refuses the column range %j', (columns) => {
    expect(JobSpecSchema.safeParse({ ...least, sources: [{ checkpoint: 'a', columns }] }).success).toBe(false);
  });

  it('refuses unknown keys at every depth', () => {
    for (const wrong of [
      { ...least, x: 1 },
      { ...least, method: { x: 1 } },
      { ...least, sources: [{ checkpoint: 'a', x: 1 }] },
      { ...least, probe: { inputs: 'random', x: 1 } },
    ])
      expect(JobSpecSchema.safeParse(wrong).success).toBe(false);
  });
});
