import { describe, expect, it } from 'vitest';
import { type NamedTensor, randomChain, randomValues } from '../support/checkpoint.js';
import { temporaryFolder } from '../support/temporary.js';
import { checkRewriting } from './check.js';
import { applyChain, applySources, type Merged, merge, type SpecWithoutSources } from './harness.js';
import { type Mat, mat, maxAbs, minus, norm, transpose } from './oracle.js';

const root = temporaryFolder();
const shape = [6, 5, 7, 4];

const spec = (widths: number[], method: object = {}, biases = false): SpecWithoutSources => ({
  model: {
    family: 'chain',
    layers: [...widths, undefined].map((width, l) => ({
      weight: `layers.${l}.weight`,
      ...(biases && { bias: `layers.${l}.bias` }),
      ...(width !== undefined && { width }),
    })),
  },
  method: method as never,
});

const biased = (dtype: 'F32' | 'F64' = 'F32') =>
  randomChain(shape, 3, dtype).flatMap((tensor, l): NamedTensor[] => [
    tensor,
    { name: `layers.${l}.bias`, shape: [tensor.shape[0]], values: randomValues(tensor.shape[0], 40 + l), dtype },
  ]);

/** ‖y − y′‖/‖y‖ on random inputs. */
function difference(m: Merged): number {
  const x = mat(6, 9, randomValues(54, 8));
  const y = applySources(m, x);
  return norm(minus(y, applyChain(m.tensors, m.spec, x))) / norm(y);
}

/** Units of a hidden layer with nothing coming in and nothing going out. */
function deadUnits(m: Merged, layer: number): number {
  const [into, out] = [m.tensors.get(`layers.${layer}.weight`), m.tensors.get(`layers.${layer + 1}.weight`)] as Mat[];
  const columns = transpose(out);
  const silent = (w: Mat, row: number) =>
    maxAbs(mat(1, w.cols, w.data.subarray(row * w.cols, (row + 1) * w.cols))) === 0;
  return Array.from({ length: into.rows }, (_, unit) => silent(into, unit) && silent(columns, unit)).filter(Boolean)
    .length;
}

describe('one model, wider', () => {
  it.each([
    ['weight', [9, 20]],
    ['weight', [5, 8]],
    ['weight', [11, 7]],
    ['balanced', [9, 20]],
  ])('computes the same to rounding in float32, all units alive (%s, widths %j)', async (basis, widths) => {
    const m = await merge(root, [biased()], spec(widths, { basis }, true));
    expect(m.plan.precision).toBe('float32');
    checkRewriting(m);
    expect(difference(m)).toBeLessThan(1e-5);
    for (const [layer, width] of widths.entries()) {
      expect(m.shapes.get(`layers.${layer}.weight`)?.[0]).toBe(width);
      expect(deadUnits(m, layer)).toBe(0);
      expect(m.metrics.spaces[layer].identity_error).toBeLessThan(1e-5);
    }
  });

  it('has dead units only when asked', async () => {
    const m = await merge(root, [biased()], spec([9, 7], { padding: 'zero' }, true));
    expect(difference(m)).toBeLessThan(1e-5);
    expect(deadUnits(m, 0)).toBe(4);
  });

  it('and narrower elsewhere loses what the narrow space loses', async () => {
    const wide = await merge(root, [randomChain(shape, 3, 'F64')], spec([9, 4], { basis: 'balanced' }));
    const plain = await merge(root, [randomChain(shape, 3, 'F64')], spec([5, 4], { basis: 'balanced' }));
    expect(wide.metrics.spaces.map(({ basis }) => basis)).toEqual(['growth', 'balanced']);
    expect(wide.metrics.end_to_end.map_relative_error).toBeCloseTo(
      plain.metrics.end_to_end.map_relative_error as number,
      9,
    );
    expect(plain.metrics.end_to_end.map_relative_error).toBeCloseTo(wide.metrics.spaces[1].tail_relative_error, 9);
  });

  it('an embedding too', async () => {
    const table: NamedTensor = { name: 'e.weight', shape: [20, 6], values: randomValues(120, 2), dtype: 'F32' };
    const m = await merge(root, [[table]], { model: { family: 'embedding', tensor: 'e.weight', width: 10 } });
    expect(m.metrics.end_to_end.relative_error).toBeLessThan(1e-6);
    expect(m.shapes.get('e.weight')).toEqual([20, 10]);
  });

  it('sixteen sources, and not one more width than they have together', async () => {
    const sources = Array.from({ length: 16 }, (_, i) => randomChain([3, 2, 2], i, 'F64'));
    const m = await merge(root, sources, spec([20]));
    expect(m.shapes.get('layers.0.weight')).toEqual([20, 48]);
    checkRewriting(m);
    await expect(merge(root, sources, spec([33]))).rejects.toMatchObject({
      code: 'width_out_of_range',
      message: expect.stringContaining('only a single source grows'),
    });
    await expect(merge(root, [biased()], spec([321, 7], {}, true))).rejects.toMatchObject({
      code: 'width_out_of_range',
    });
  });
});
