import { describe, expect, it } from 'vitest';
import { layerName, notebookData, notebookModel } from '../../src/quickstart/notebook-data.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { LinearAlgebra } from '../../workers/linalg/contract.js';
import type { NamedTensor } from '../support/checkpoint.js';
import { randomValues } from '../support/checkpoint.js';
import { cpuBackend, merge } from './harness.js';

const SHAPES = [
  [512, 1000],
  [2048, 512],
  [1000, 2048],
];

/** A backend in plain TypeScript, on a machine that does other things too. */
const SLOW_MS = 240_000;

/**
 * The golden values of the notebook's job (measured with PyTorch and a dense float64 oracle) and a small embedding.
 * @param sampled whether the randomized solver runs too: twice the products of the exact one
 */
export function pipelineGoldens(name: string, root: string, la: LinearAlgebra, { sampled = true } = {}): void {
  describe(`the pipeline’s golden values: ${name}`, () => {
    const data = notebookData();
    const sources = (['a', 'b'] as const).map((source) =>
      data[source].map((values, l): NamedTensor => ({ name: layerName(l), shape: SHAPES[l], values })),
    );
    // The notebook's own inputs, the sources' side by side.
    const values = Float32Array.from({ length: 32 * 2000 }, (_, k) => {
      const [row, column] = [Math.floor(k / 2000), k % 2000];
      return data.x[column < 1000 ? 0 : 1][row * 1000 + (column % 1000)];
    });
    const notebook = (method: JobSpecInput['method']) =>
      merge(
        root,
        sources,
        { model: notebookModel(), method, probe: { checkpoint: 'probe', file: 'model.safetensors', tensor: 'x' } },
        { backend: la, probe: { name: 'x', shape: [32, 2000], values } },
      );

    it(
      'exact diag: W_0 to 0.1 %, at the Eckart–Young bound, and end to end',
      async () => {
        const { tensors, end_to_end, environment } = (await notebook({ padding: 'zero' })).metrics;
        expect(environment).toMatchObject({ backend: la.info.backend, library: la.info.library });
        const [w0, w1] = tensors;
        expect(Math.abs(w0.mean_abs_error / 0.0012296 - 1)).toBeLessThan(1e-3);
        expect(Math.abs(w0.relative_error / 0.1208968 - 1)).toBeLessThan(1e-5);
        expect(Math.abs(w0.relative_error / (w0.optimal_relative_error as number) - 1)).toBeLessThan(1e-5);
        expect(w1.mean_abs_error).toBeLessThanOrEqual(1e-7);
        expect(end_to_end.mean_abs_output).toBeCloseTo(63.8, 1);
        expect(end_to_end.mean_abs_error).toBeLessThanOrEqual(1.36e-4 * 1.02);
        expect(Math.abs((end_to_end.map_relative_error as number) / 1.4478e-4 - 1)).toBeLessThan(1e-3);
      },
      SLOW_MS,
    );

    it.runIf(sampled)(
      'randomized diag: within 2 % of the notebook’s 0.00173434',
      async () => {
        const { metrics } = await notebook({ padding: 'zero', solver: { type: 'randomized', niter: 2, seed: 33 } });
        expect(Math.abs(metrics.tensors[0].mean_abs_error / 0.00173434 - 1)).toBeLessThan(0.02);
        expect(metrics.end_to_end.mean_abs_error).toBeLessThan(2e-4);
      },
      SLOW_MS,
    );

    it('an embedding in two slices, padded basis: the same table as BLAS gives', async () => {
      const table: NamedTensor[] = [{ name: 'e', shape: [300, 48], values: randomValues(300 * 48, 5) }];
      const run = (backend: LinearAlgebra) =>
        merge(
          root,
          [table, table],
          { model: { family: 'embedding', tensor: 'e', width: 36 } },
          { backend, slices: [{ columns: [0, 24] }, { columns: [24, 48] }] },
        );
      const [mine, blas] = [await run(la), await run(cpuBackend())];
      for (const [tensor, { data: expected }] of blas.tensors)
        mine.tensors.get(tensor)?.data.forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThan(2e-5);
        });
      expect(mine.metrics.tensors[0].relative_error).toBeCloseTo(blas.metrics.tensors[0].relative_error, 6);
    });
  });
}
