import { describe, expect, it } from 'vitest';
import type { FloatDtype } from '../../src/safetensors/dtype.js';
import { type NamedTensor, randomChain, randomValues } from '../support/checkpoint.js';
import { temporaryFolder } from '../support/temporary.js';
import { checkBases, checkMetrics, checkRewriting, concatenated } from './check.js';
import { applyChain, applySources, merge, type SpecWithoutSources } from './harness.js';
import { type Mat, mat, maxAbs, minus, mul, norm, singularValuesOf, transpose } from './oracle.js';

const root = temporaryFolder();

const chain = (widths: (number | undefined)[], method: object = {}, rest: object = {}): SpecWithoutSources => ({
  model: {
    family: 'chain',
    layers: widths.map((width, l) => ({ weight: `layers.${l}.weight`, ...(width !== undefined && { width }) })),
    ...(rest as object),
  } as never,
  method: method as never,
});

const get = (m: { tensors: Map<string, Mat> }, name: string) => m.tensors.get(name) as Mat;

describe('sources', () => {
  it.each([
    ['diag', 'weight'],
    ['diag', 'covariance'],
    ['separate', 'weight'],
    ['separate', 'covariance'],
  ])('permuted change nothing but order (%s, %s, N divides r)', async (mode, factorization) => {
    const sources = [1, 2, 3].map((seed) => randomChain([5, 6, 4, 3], seed, 'F64'));
    const order = [2, 0, 1];
    const spec = chain([9, 6, undefined], { mode, factorization });
    const [m, p] = [
      await merge(root, sources, spec),
      await merge(
        root,
        order.map((i) => sources[i]),
        spec,
      ),
    ];
    // Inputs of source i at its place in either order; outputs are compared source by source.
    const x = order.map(() => mat(5, 2, randomValues(10, 7)));
    x.forEach((part, i) => {
      part.data.set(randomValues(10, 7 + i));
    });
    const stack = (parts: Mat[]) =>
      mat(
        15,
        2,
        parts.flatMap(({ data }) => [...data]),
      );
    const y = applyChain(m.tensors, m.spec, stack(x));
    const z = applyChain(p.tensors, p.spec, stack(order.map((i) => x[i])));
    order.forEach((source, place) => {
      const own = y.data.subarray(source * 6, source * 6 + 6);
      const other = z.data.subarray(place * 6, place * 6 + 6);
      own.forEach((value, j) => {
        expect(Math.abs(value - other[j])).toBeLessThan(1e-10);
      });
    });
    m.metrics.tensors.forEach((tensor, t) => {
      const permuted = p.metrics.tensors[t];
      expect(permuted.relative_error).toBeCloseTo(tensor.relative_error, 12);
      expect(permuted.mean_abs_error).toBeCloseTo(tensor.mean_abs_error, 12);
      order.forEach((source, place) => {
        expect(permuted.mean_abs_error_by_source[place]).toBeCloseTo(tensor.mean_abs_error_by_source[source], 12);
      });
    });
    m.metrics.spaces.forEach(({ directions_by_source }, s) => {
      expect(p.metrics.spaces[s].directions_by_source).toEqual(order.map((i) => directions_by_source?.[i]));
    });
  });

  it('of unequal width compete for directions, and the stronger one wins', async () => {
    const scaled = (tensors: NamedTensor[], by: number) =>
      tensors.map((t) => ({ ...t, values: Array.from(t.values, (v) => v * by) }));
    const sources = [randomChain([9, 8, 2], 1, 'F64'), scaled(randomChain([3, 4, 5], 2, 'F64'), 1e-3)];
    const m = await merge(root, sources, chain([8, undefined]));
    expect(m.metrics.spaces[0].directions_by_source).toEqual([8, 0]);
    // The second source’s weight has rank 3; its fourth direction is padding.
    const fair = await merge(root, sources, chain([8, undefined], { mode: 'separate' }));
    expect(fair.metrics.spaces[0].directions_by_source).toEqual([4, 3]);
    expect(m.shapes.get('layers.0.weight')).toEqual([8, 12]);
    expect(m.shapes.get('layers.1.weight')).toEqual([7, 8]);
    checkRewriting(m);
    checkMetrics(fair);
  });

  it('that are the same model twice need half the width', async () => {
    const source = randomChain([6, 5, 4], 3, 'F64');
    const m = await merge(root, [source, source], chain([5, undefined], {}, { inputs: 'shared', outputs: 'shared' }));
    const x = mat(6, 3, randomValues(18, 9));
    const [y, z] = [applySources(m, x), applyChain(m.tensors, m.spec, x)];
    expect(maxAbs(minus(y, z))).toBeLessThan(1e-12);
    expect(m.metrics.tensors[0].optimal_relative_error).toBeLessThan(1e-7);
    expect(m.metrics.spaces[0].directions_by_source).toBeNull();
  });

  it('are weighted where they share outputs', async () => {
    const sources = [randomChain([3, 2], 1, 'F64'), randomChain([3, 2], 2, 'F64')];
    const spec = { ...chain([undefined], {}, { inputs: 'shared', outputs: 'shared' }), source_weights: [0.25, 0.75] };
    const m = await merge(root, sources, spec);
    const [a, b] = m.sources.map((source) => source.get('layers.0.weight') as Mat);
    get(m, 'layers.0.weight').data.forEach((value, k) => {
      expect(value).toBeCloseTo(0.25 * a.data[k] + 0.75 * b.data[k], 14);
    });
    const side = await merge(root, sources, {
      ...chain([undefined], {}, { outputs: 'shared' }),
      source_weights: [1, 0],
    });
    expect([...get(side, 'layers.0.weight').data.subarray(0, 6)]).toEqual([...a.data.subarray(0, 3), 0, 0, 0]);
  });

  it('a single one is shrunk', async () => {
    const m = await merge(root, [randomChain([6, 5, 4], 4, 'F64')], chain([3, undefined]));
    checkBases(m);
    checkMetrics(m);
    expect(m.shapes.get('layers.0.weight')).toEqual([3, 6]);
  });
});

describe('rank and padding', () => {
  const lowRank = (seed: number): NamedTensor[] => {
    // rank 2 in a space of width 6
    const product = mul(mat(6, 2, randomValues(12, seed)), mat(2, 5, randomValues(10, seed + 1)));
    return [
      { name: 'layers.0.weight', shape: [6, 5], values: product.data, dtype: 'F64' },
      { name: 'layers.1.weight', shape: [3, 6], values: randomValues(18, seed + 2), dtype: 'F64' },
    ];
  };

  it.each(['orthonormal', 'zero'])('directions past the rank are silent, padding %s', async (padding) => {
    const m = await merge(root, [lowRank(1), lowRank(5)], chain([10, undefined], { padding }));
    checkBases(m);
    const [space] = m.metrics.spaces;
    expect(space.rank).toBe(4);
    expect(space.padding_columns).toBe(padding === 'zero' ? 0 : 6);
    const w0 = get(m, 'layers.0.weight');
    expect(maxAbs(mat(6, w0.cols, w0.data.subarray(4 * w0.cols)))).toBe(0);
    const columns = transpose(get(m, 'layers.1.weight'));
    const surplus = norm(mat(6, columns.cols, columns.data.subarray(4 * columns.cols)));
    if (padding === 'zero') expect(surplus).toBe(0);
    else expect(surplus).toBeGreaterThan(0.1);
    expect(space.retained_energy).toBeCloseTo(1, 12);
    expect(m.metrics.end_to_end.relative_error).toBeLessThan(1e-7);
  });

  it('a weight of zeros merges to zeros', async () => {
    const zeros = (): NamedTensor[] => [
      { name: 'layers.0.weight', shape: [3, 2], values: new Array(6).fill(0), dtype: 'F64' },
      { name: 'layers.1.weight', shape: [2, 3], values: randomValues(6, 1), dtype: 'F64' },
    ];
    for (const mode of ['diag', 'separate'])
      for (const factorization of ['weight', 'covariance']) {
        const m = await merge(root, [zeros(), zeros()], chain([4, undefined], { mode, factorization }));
        for (const { data } of m.tensors.values()) expect(data.every(Number.isFinite)).toBe(true);
        expect(maxAbs(get(m, 'layers.0.weight'))).toBe(0);
        expect(m.metrics.end_to_end).toMatchObject({ mean_abs_error: 0, relative_error: 0, cosine: null });
      }
  });
});

describe('the bound', () => {
  it('is met by exact diag and reported as the singular values say, at every width', async () => {
    const sources = [randomChain([7, 6, 3], 1, 'F64'), randomChain([7, 6, 3], 2, 'F64')];
    for (const inputs of ['concatenated', 'shared'])
      for (const width of [1, 5, 11]) {
        const m = await merge(root, sources, chain([width, undefined], {}, { inputs }));
        const sigma = singularValuesOf(concatenated(m, 'layers.0.weight'));
        const [tensor] = m.metrics.tensors;
        const energy = sigma.map((s) => s * s);
        const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);
        const bound = Math.sqrt(sum(energy.slice(width)) / sum(energy));
        expect(Math.abs((tensor.optimal_relative_error as number) - bound)).toBeLessThan(1e-7);
        expect(tensor.relative_error).toBeCloseTo(bound, 7);
        if (tensor.optimality_ratio !== null) expect(tensor.optimality_ratio).toBeCloseTo(1, 5);
        expect(m.metrics.spaces[0].retained_energy).toBeCloseTo(sum(energy.slice(0, width)) / sum(energy), 9);
        m.metrics.spaces[0].spectrum.forEach((value, j) => {
          expect(value).toBeCloseTo(sigma[j], 6);
        });
      }
  });

  it('lies below what the randomized solver reaches, and not far', async () => {
    const sources = [randomChain([40, 30, 3], 1), randomChain([40, 30, 3], 2)];
    const m = await merge(root, sources, chain([20, undefined], { solver: { type: 'randomized', niter: 2, seed: 1 } }));
    const [{ optimality_ratio }] = m.metrics.tensors;
    expect(optimality_ratio).toBeGreaterThan(1);
    expect(optimality_ratio).toBeLessThan(1.2);
    const other = await merge(
      root,
      sources,
      chain([20, undefined], { solver: { type: 'randomized', niter: 2, seed: 2 } }),
    );
    expect(other.metrics.tensors[0].relative_error).not.toBe(m.metrics.tensors[0].relative_error);
    const better = await merge(
      root,
      sources,
      chain([20, undefined], { solver: { type: 'randomized', niter: 20, seed: 1 } }),
    );
    expect(better.metrics.tensors[0].optimality_ratio).toBeLessThan(optimality_ratio as number);
  });
});

describe('types', () => {
  it.each<[FloatDtype, FloatDtype, 'float64' | 'float32' | 'float16' | 'bfloat16', number]>([
    ['F64', 'F64', 'float64', 1e-12],
    ['F64', 'F32', 'float32', 1e-6],
    ['F32', 'F16', 'float16', 2e-3],
    ['F16', 'BF16', 'bfloat16', 2e-2],
    ['BF16', 'F32', 'float32', 1e-6],
    ['F16', 'F16', 'float64', 1e-6],
  ])('%s and %s in, %s out', async (first, second, output, tolerance) => {
    const sources = [randomChain([6, 5, 4], 1, first), randomChain([6, 5, 4], 2, second)];
    const m = await merge(root, sources, { ...chain([10, undefined]), output: { dtype: output } });
    const code = { float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16' }[output];
    expect([...m.dtypes.values()]).toEqual([code, code]);
    const x = mat(12, 4, randomValues(48, 3));
    const [y, z] = [applySources(m, x), applyChain(m.tensors, m.spec, x)];
    const relative = norm(minus(y, z)) / norm(y);
    expect(relative).toBeLessThan(tolerance);
    // The published numbers are of the stored, rounded weights.
    expect(m.metrics.end_to_end.relative_error).toBeLessThan(tolerance);
    if (output === 'float16' || output === 'bfloat16')
      expect(m.metrics.end_to_end.relative_error).toBeGreaterThan(tolerance / 100);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    '%s in a weight fails the merge, naming tensor and index',
    async (bad) => {
      const good = randomChain([4, 3, 2], 1);
      const values = Float64Array.from(good[1].values);
      values[4] = bad;
      const spoilt = [good[0], { ...good[1], values }];
      await expect(merge(root, [good, spoilt], chain([4, undefined]))).rejects.toMatchObject({
        code: 'weights_not_finite',
        message: expect.stringMatching(/"layers\.1\.weight" of source 1 .*\[1,1\]/),
      });
    },
  );
});

describe('evaluation', () => {
  it.each(['concatenated', 'shared'] as const)(
    'in several steps measures what one step does (inputs %s)',
    async (inputs) => {
      const sources = [randomChain([6, 5, 4, 3], 1), randomChain([6, 5, 4, 3], 2)];
      const spec = chain([7, 5, undefined], {}, { inputs });
      const one = await merge(root, sources, spec);
      const several = await merge(root, sources, spec, { split: true });
      const maps = inputs === 'shared' ? ['map-1'] : ['map-1', 'map-2'];
      expect(one.plan.steps.map(({ id }) => id)).toEqual(['basis-h0', 'basis-h1', 'fold-1', 'evaluate', 'publish']);
      expect(several.plan.steps.map(({ id }) => id)).toEqual([
        'basis-h0',
        'basis-h1',
        'fold-1',
        'bases',
        'errors-h0',
        'errors-h1',
        ...maps,
        'outputs',
        'evaluate',
        'publish',
      ]);
      for (const part of ['end_to_end', 'spaces', 'tensors'] as const)
        expect(several.metrics[part]).toEqual(one.metrics[part]);
    },
  );
});

describe('files', () => {
  it('are split into shards with an index, tensors unchanged', async () => {
    const sources = [randomChain([6, 5, 4, 3], 1), randomChain([6, 5, 4, 3], 2)];
    const whole = await merge(root, sources, chain([7, 5, undefined]));
    const split = await merge(root, sources, { ...chain([7, 5, undefined]), output: { max_shard_size: '150B' } });
    expect(split.plan.shards.length).toBe(3);
    for (const [name, { data }] of whole.tensors) expect([...get(split, name).data]).toEqual([...data]);
  });

  it('a probe from a file is what outputs are compared on', async () => {
    const sources = [randomChain([3, 4, 2], 1, 'F64'), randomChain([2, 4, 2], 2, 'F64')];
    const rows = randomValues(10 * 5, 8);
    const spec = { ...chain([4, undefined]), probe: { checkpoint: 'probe', file: 'model.safetensors', tensor: 'x' } };
    const m = await merge(root, sources, spec, { probe: { name: 'x', shape: [10, 5], values: rows, dtype: 'F64' } });
    const x = transpose(mat(10, 5, rows));
    const [y, z] = [applySources(m, x), applyChain(m.tensors, m.spec, x)];
    expect(m.metrics.end_to_end.relative_error).toBeCloseTo(norm(minus(y, z)) / norm(y), 10);
  });
});
