import { expect, it } from 'vitest';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { Mt19937 } from '../../src/random/mt19937.js';
import { unitCovariance, unitSeries } from '../../workers/transformer/closed-form/hermite.js';
import { transformFolds, transformScores } from '../../workers/transformer/closed-form/transform-fold.js';
import { StoredSlots } from '../../workers/transformer/model.js';
import { la, openModel } from './support.js';
import { STOCK, writeTiny } from './tiny.js';

/** Standard Gaussian pairs with this cosine, by Box and Muller. */
function gaussianPairs(count: number, cosine: number): [number, number][] {
  const random = new Mt19937(5);
  return Array.from({ length: count }, () => {
    const size = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    const angle = 2 * Math.PI * random.uniform();
    const [x, y] = [size * Math.cos(angle), size * Math.sin(angle)];
    return [x, cosine * x + Math.sqrt(1 - cosine ** 2) * y];
  });
}

it('mean and variance of relu units without constants are those known in closed form', () => {
  const { mean, variance } = unitSeries('relu', [0, 0], [1, 4]);
  [1, 2].forEach((size, j) => {
    expect(mean[j]).toBeCloseTo(size / Math.sqrt(2 * Math.PI), 2);
    expect(variance[j]).toBeCloseTo(size ** 2 * (1 / 2 - 1 / (2 * Math.PI)), 2);
  });
});

it('the covariance of GELU units with constants is that of samples', () => {
  const [constants, squares, cosine] = [[0.3, -0.5], [1, 2.25], -0.6];
  // its tanh form, which errs by less than 1e-3
  const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  const pairs = gaussianPairs(200_000, cosine).map(([x, y]) => [gelu(0.3 + x), gelu(-0.5 + 1.5 * y)]);
  const means = [0, 1].map((j) => pairs.reduce((sum, pair) => sum + pair[j], 0) / pairs.length);
  const sampled = pairs.reduce((sum, [a, b]) => sum + (a - means[0]) * (b - means[1]), 0) / pairs.length;

  const series = unitSeries('gelu', constants, squares);
  const gram = Float64Array.of(1, 1.5 * cosine, 1.5 * cosine, 2.25);
  unitCovariance(gram, series, Float64Array.from(squares));
  expect(Math.abs(gram[1] - sampled)).toBeLessThan(0.01 * Math.sqrt(gram[0] * gram[3]));
  expect(gram[2]).toBe(gram[1]);
  means.forEach((mean, j) => {
    expect(Math.abs(series.mean[j] - mean)).toBeLessThan(0.005);
  });
});

it('folds dropped units of an MLM transform that kept ones repeat onto these, and scores them alike', async () => {
  const source = await openModel(await writeTiny(STOCK.bert.config, STOCK.bert.shapes, 3));
  const stored = new StoredSlots(source.reader, source.bindings, la, 'float32');
  // units 6 … 11 are copies of 0 … 5
  const twice = {
    has: stored.has.bind(stored),
    release: stored.release.bind(stored),
    matrix: async (...[slot, layer, part, rows]: Parameters<StoredSlots['matrix']>) => {
      const matrix = await stored.matrix(slot, layer, part, rows);
      if (slot !== 'transform') return matrix;
      const half = (await la.download(matrix)).slice(0, (matrix.rows * matrix.cols) / 2);
      return la.upload(Float32Array.from([...half, ...half]), matrix.rows, matrix.cols);
    },
  };
  const plan = planTransformer({
    sources: [{ label: 'a', config: source.config, tensors: source.reader.tensors }],
    target: { hidden_size: 8, num_attention_heads: 2 },
  });
  const input = { la, plan, sources: [twice] };
  const scores = await transformScores(input, 0);
  expect(scores.slice(0, 6)).toEqual(scores.slice(6));

  const [fold] = (await transformFolds({ ...input, plan: { ...plan, target: { ...plan.target, hidden: 6 } } }, [
    [0, 1, 2, 3, 4, 5],
  ]))!;
  expect(fold.dropped).toEqual([6, 7, 8, 9, 10, 11]);
  // both norms see the same mean and spread, so that nothing but the copies themselves is left
  expect(fold.scale).toBeCloseTo(1, 5);
  for (const value of fold.offset) expect(Math.abs(value)).toBeLessThan(0.02);
  const F = await la.download(fold.solution!);
  for (let k = 0; k < 6; k++)
    for (let d = 0; d < 6; d++) expect(Math.abs(F[k * 6 + d] - (k === d ? 1 : 0))).toBeLessThan(0.05);
});

it('has nothing to fold where every unit is kept', async () => {
  const source = await openModel(await writeTiny(STOCK.bert.config, STOCK.bert.shapes, 3));
  const plan = planTransformer({
    sources: [{ label: 'a', config: source.config, tensors: source.reader.tensors }],
    target: {},
  });
  const all = Array.from({ length: 12 }, (_, j) => j);
  const sources = [new StoredSlots(source.reader, source.bindings, la, 'float32')];
  expect(await transformFolds({ la, plan, sources }, [all])).toBeNull();
});
