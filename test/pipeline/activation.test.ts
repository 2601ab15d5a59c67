import { describe, expect, it } from 'vitest';
import { type NamedTensor, randomChain, randomValues } from '../support/checkpoint.js';
import { temporaryFolder } from '../support/temporary.js';
import { checkBases, checkRewriting } from './check.js';
import { applyChain, type Merged, merge, type SpecWithoutSources } from './harness.js';
import { type Mat, mat, minus, mul, norm, singularValuesOf, transpose } from './oracle.js';

const root = temporaryFolder();
const ROWS = 40;

/** Inputs that live near a three-dimensional subspace: what an isotropic basis cannot know. */
const inputsOf = (columns: number, rows = ROWS): Mat => {
  const common = mul(mat(rows, 3, randomValues(rows * 3, 1)), mat(3, columns, randomValues(3 * columns, 2)));
  const noise = randomValues(rows * columns, 3, 0.02);
  return mat(
    rows,
    columns,
    common.data.map((v, k) => v + noise[k]),
  );
};

const calibrated = (basis: 'activation' | 'balanced', widths: number[], biases = false): SpecWithoutSources => ({
  model: {
    family: 'chain',
    layers: [...widths, undefined].map((width, l) => ({
      weight: `layers.${l}.weight`,
      ...(biases && { bias: `layers.${l}.bias` }),
      ...(width !== undefined && { width }),
    })),
  },
  method: { basis, calibration: { checkpoint: 'calibration', file: 'model.safetensors', tensor: 'x' } },
});

const named = (x: Mat): NamedTensor => ({ name: 'x', shape: [x.rows, x.cols], values: x.data, dtype: 'F64' });
const shape = [6, 8, 7, 5];
const sources = [1, 2].map((seed) => randomChain(shape, seed, 'F64'));
const withBiases = sources.map((tensors, i) =>
  tensors.flatMap((tensor, l): NamedTensor[] => [
    tensor,
    {
      name: `layers.${l}.bias`,
      shape: [tensor.shape[0]],
      values: randomValues(tensor.shape[0], 50 + 10 * i + l, 0.5),
      dtype: 'F64',
    },
  ]),
);

const run = (spec: SpecWithoutSources, x: Mat, of = sources) => merge(root, of, spec, { calibration: named(x) });

/** Activations of the first hidden layer for rows of inputs, sources side by side, as columns. */
function hidden(m: Merged, x: Mat): Mat {
  const blocks = m.sources.map((source, i) => {
    const w = source.get('layers.0.weight') as Mat;
    const own = mat(
      x.rows,
      6,
      Array.from({ length: x.rows * 6 }, (_, k) => x.data[Math.floor(k / 6) * 12 + 6 * i + (k % 6)]),
    );
    return mul(w, transpose(own));
  });
  return mat(
    16,
    x.rows,
    blocks.flatMap(({ data }) => [...data]),
  );
}

/** ‖Y − Y′‖/‖Y‖ on rows of inputs. */
function errorOn(m: Merged, x: Mat): number {
  const columns = transpose(x);
  const own = (i: number) => mat(6, x.rows, columns.data.subarray(i * 6 * x.rows, (i + 1) * 6 * x.rows));
  const y = m.sources.flatMap((source, i) => [...applyChain(source, m.spec, own(i)).data]);
  const z = applyChain(m.tensors, m.spec, columns);
  return norm(minus(mat(z.rows, z.cols, y), z)) / norm(mat(z.rows, z.cols, y));
}

describe('activation bases', () => {
  it('are the PCA of what the calibration rows give: no basis of the space loses less on them', async () => {
    const x = inputsOf(12);
    const m = await run(calibrated('activation', [4, 14]), x);
    checkBases(m);
    checkRewriting(m);
    const h = hidden(m, x);
    const { expand, fold } = m.bases.get('h0') as NonNullable<ReturnType<typeof m.bases.get>>;
    const lost = norm(minus(h, mul(fold, mul(expand, h)))) / norm(h);
    const sigma = singularValuesOf(h);
    const energy = (values: number[]) => values.reduce((sum, s) => sum + s * s, 0);
    expect(lost).toBeCloseTo(Math.sqrt(energy(sigma.slice(4)) / energy(sigma)), 9);
    expect(m.metrics.spaces[0].tail_relative_error).toBeCloseTo(lost, 9);
    expect(m.metrics.spaces[0].spectrum[0]).toBeCloseTo(sigma[0] / Math.sqrt(ROWS), 9);
  });

  it('see the data: far better than weight PCA on inputs like those they saw', async () => {
    const x = inputsOf(12);
    const weight = await merge(root, sources, {
      ...calibrated('activation', [4, 6]),
      method: { basis: 'weight' },
    });
    const activation = await run(calibrated('activation', [4, 6]), x);
    expect(errorOn(activation, x)).toBeLessThan(0.2 * errorOn(weight, x));
  });

  it('are the same from streamed Grams as from the rows themselves', async () => {
    // 12 inputs: 10 rows are taken as they are; the same rows four times over go through a Gram matrix.
    const few = inputsOf(12, 10);
    const many = mat(
      40,
      12,
      [few, few, few, few].flatMap(({ data }) => [...data]),
    );
    const [rows, gram] = [
      await run(calibrated('activation', [4, 6]), few),
      await run(calibrated('activation', [4, 6]), many),
    ];
    for (const name of ['layers.0.weight', 'layers.1.weight', 'layers.2.weight']) {
      const [a, b] = [rows.tensors.get(name) as Mat, gram.tensors.get(name) as Mat];
      expect(norm(minus(a, b))).toBeLessThan(1e-6 * norm(a));
    }
  });

  it('measure biased chains about their constant, which readers keep exactly', async () => {
    const x = inputsOf(12);
    const m = await run(calibrated('activation', [4, 6], true), x, withBiases);
    const zero = mat(12, 1);
    const [y, z] = [
      m.sources.flatMap((source) => [...applyChain(source, m.spec, mat(6, 1)).data]),
      applyChain(m.tensors, m.spec, zero),
    ];
    expect(norm(minus(mat(10, 1, y), z))).toBeLessThan(1e-10);
    expect(errorOn(m, x)).toBeLessThan(0.05);
  });
});

describe('balanced bases with an input second moment', () => {
  it('reach the bound of the map weighted by it', async () => {
    const x = inputsOf(12);
    const m = await run(calibrated('balanced', [4, 14]), x);
    checkRewriting(m);
    const y = mat(
      10,
      ROWS,
      m.sources.flatMap((source, i) => {
        const own = mat(6, ROWS, transpose(x).data.subarray(i * 6 * ROWS, (i + 1) * 6 * ROWS));
        return [...applyChain(source, m.spec, own).data];
      }),
    );
    const sigma = singularValuesOf(y);
    const energy = (values: number[]) => values.reduce((sum, s) => sum + s * s, 0);
    const bound = Math.sqrt(energy(sigma.slice(4)) / energy(sigma));
    expect(errorOn(m, x)).toBeCloseTo(bound, 8);
    expect(m.metrics.spaces[0].tail_relative_error).toBeCloseTo(bound, 8);
  });

  it('are better on such inputs than isotropic ones', async () => {
    const x = inputsOf(12);
    const seen = await run(calibrated('balanced', [4, 6]), x);
    const isotropic = await merge(root, sources, { ...calibrated('balanced', [4, 6]), method: { basis: 'balanced' } });
    expect(errorOn(seen, x)).toBeLessThan(0.5 * errorOn(isotropic, x));
  });
});

describe('an embedding on the tokens it will see', () => {
  const [vocabulary, width] = [30, 8];
  const table = (): NamedTensor[] => [
    { name: 'e.weight', shape: [vocabulary, width], values: randomValues(vocabulary * width, 5), dtype: 'F64' },
  ];
  const ids = Array.from({ length: 24 }, (_, k) => (k * k) % 7);
  const tokens = (values: number[]): NamedTensor => ({
    name: 'ids',
    shape: [3, values.length / 3],
    values,
    dtype: 'I64',
  });
  const spec: SpecWithoutSources = {
    model: { family: 'embedding', tensor: 'e.weight', width: 6 },
    method: {
      basis: 'activation',
      calibration: { checkpoint: 'calibration', file: 'model.safetensors', tensor: 'ids' },
    },
  };

  it('keeps the rows in use, weighted by how often they are', async () => {
    const m = await merge(root, [table(), table()], spec, { calibration: tokens(ids) });
    checkBases(m);
    const back = mul(m.tensors.get('e.weight') as Mat, transpose(m.tensors.get('e.fold.weight') as Mat));
    const lost = (row: number) => {
      let sum = 0;
      for (let j = 0; j < width; j++)
        sum += ((m.sources[0].get('e.weight') as Mat).data[row * width + j] - back.data[row * 2 * width + j]) ** 2;
      return Math.sqrt(sum);
    };
    // Only four ids occur: six directions hold them all.
    for (const id of new Set(ids)) expect(lost(id)).toBeLessThan(1e-6);
    expect(lost(29)).toBeGreaterThan(0.1);
  });

  it('refuses ids beyond the table', async () => {
    await expect(
      merge(
        root,
        [table()],
        { ...spec, model: { ...spec.model, width: 4 } as never },
        { calibration: tokens([0, 1, 30]) },
      ),
    ).rejects.toMatchObject({
      code: 'tokens_invalid',
      message: expect.stringContaining('holds id 30 at index [2, 0]'),
    });
  });
});
