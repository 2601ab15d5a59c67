import { describe, expect, it } from 'vitest';
import { randomValues } from '../support/checkpoint.js';
import { temporaryFolder } from '../support/temporary.js';
import { checkBases } from './check.js';
import { type Merged, merge } from './harness.js';
import { type Mat, mat, maxAbs, meanAbs, minus, mul, norm, singularValuesOf, transpose } from './oracle.js';

const root = temporaryFolder();
const ROWS = 60;
const COLUMNS = 14;

/** A table whose columns are correlated across the cut between its slices: what a joint PCA can use and two cannot. */
const table = () => {
  const common = mul(mat(ROWS, 4, randomValues(ROWS * 4, 1)), mat(4, COLUMNS, randomValues(4 * COLUMNS, 2)));
  const noise = randomValues(ROWS * COLUMNS, 3, 0.1);
  return [
    {
      name: 'e.weight',
      shape: [ROWS, COLUMNS],
      values: common.data.map((v, i) => v + noise[i]),
      dtype: 'F64' as const,
    },
  ];
};
const slices = [{ columns: [0, 6] as [number, number] }, { columns: [6, COLUMNS] as [number, number] }];

const run = (method: object, width = 6) =>
  merge(
    root,
    [table(), table()],
    { model: { family: 'embedding', tensor: 'e.weight', width }, method: method as never },
    { slices },
  );

const tensor = (m: Merged, name: string) => m.tensors.get(name) as Mat;
const residualOf = (m: Merged) => {
  const back = mul(tensor(m, 'e.weight'), transpose(tensor(m, 'e.fold.weight')));
  return minus(m.sources[0].get('e.weight') as Mat, back);
};

describe('an embedding in two column slices', () => {
  it.each([
    ['diag', 'weight'],
    ['diag', 'covariance'],
    ['separate', 'weight'],
    ['separate', 'covariance'],
  ])('the stored table times the stored fold has the reported errors (%s, %s)', async (mode, factorization) => {
    const m = await run({ mode, factorization });
    checkBases(m);
    expect([...m.shapes]).toEqual(
      expect.arrayContaining([
        ['e.weight', [ROWS, 6]],
        ['e.fold.weight', [COLUMNS, 6]],
      ]),
    );
    const residual = residualOf(m);
    const relative = norm(residual) / norm(m.sources[0].get('e.weight') as Mat);
    const [reported] = m.metrics.tensors;
    expect(reported.relative_error).toBeCloseTo(relative, 10);
    expect(reported.max_abs_error).toBeCloseTo(maxAbs(residual), 10);
    expect(m.metrics.end_to_end.relative_error).toBeCloseTo(relative, 10);
    expect(m.metrics.end_to_end.mean_abs_error).toBeCloseTo(meanAbs(residual), 10);
  });

  it('diag is strictly better than separate, and meets the bound', async () => {
    const [diag, separate] = [await run({ mode: 'diag' }), await run({ mode: 'separate' })];
    const [d, s] = [diag.metrics.tensors[0], separate.metrics.tensors[0]];
    expect(d.relative_error).toBeLessThan(0.9 * s.relative_error);
    const sigma = singularValuesOf(diag.sources[0].get('e.weight') as Mat);
    const energy = (list: number[]) => list.reduce((sum, x) => sum + x * x, 0);
    const bound = Math.sqrt(energy(sigma.slice(6)) / energy(sigma));
    expect(d.relative_error).toBeCloseTo(bound, 9);
    expect(s.optimal_relative_error).toBeCloseTo(bound, 9);
  });

  it('nothing is lost at the full width', async () => {
    for (const mode of ['diag', 'separate'])
      expect(maxAbs(residualOf(await run({ mode }, COLUMNS)))).toBeLessThan(1e-12);
  });

  it('the randomized solver comes close', async () => {
    const m = await run({ solver: { type: 'randomized', niter: 4, seed: 5 } });
    expect(m.metrics.tensors[0].optimality_ratio).toBeGreaterThanOrEqual(1 - 1e-9);
    expect(m.metrics.tensors[0].optimality_ratio).toBeLessThan(1.1);
  });

  it('is the same as two tables with those columns', async () => {
    const [{ values }] = table();
    const cut = ([from, to]: [number, number]) => [
      {
        name: 'e.weight',
        shape: [ROWS, to - from],
        values: Array.from(
          { length: ROWS * (to - from) },
          (_, k) => values[Math.floor(k / (to - from)) * COLUMNS + from + (k % (to - from))],
        ),
        dtype: 'F64' as const,
      },
    ];
    const apart = await merge(
      root,
      slices.map(({ columns }) => cut(columns)),
      { model: { family: 'embedding', tensor: 'e.weight', width: 6 } },
    );
    const sliced = await run({});
    for (const name of ['e.weight', 'e.fold.weight'])
      expect([...tensor(apart, name).data]).toEqual([...tensor(sliced, name).data]);
  });
});
