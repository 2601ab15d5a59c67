import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { layerName, notebookData, notebookModel, writeNotebookModel } from '../../src/quickstart/notebook-data.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { Metrics } from '../../src/schemas/metrics.js';
import { makeCheckpoint } from '../support/checkpoint.js';
import { artifactPath, runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

// The golden values of the notebook's job (docs/method.md, section 8), measured with PyTorch and a dense float64 oracle.
const root = temporaryFolder();
const data = notebookData();
let service: TestService;

beforeAll(async () => {
  service = await startService(subfolder(root));
  for (const name of ['a', 'b'] as const) {
    const file = path.join(subfolder(root), 'model.safetensors');
    await writeNotebookModel(file, data[name]);
    await upload(service.http, name, file);
  }
  // The notebook's own inputs, the sources' side by side.
  const probe = Float32Array.from({ length: 32 * 2000 }, (_, k) => {
    const [row, column] = [Math.floor(k / 2000), k % 2000];
    return data.x[column < 1000 ? 0 : 1][row * 1000 + (column % 1000)];
  });
  const file = await makeCheckpoint(subfolder(root), [{ name: 'x', shape: [32, 2000], values: probe }]);
  await upload(service.http, 'probe', file);
});
afterAll(() => service?.close());

async function run(
  method: JobSpecInput['method'],
  widths: [number?, number?] = [],
): Promise<{ id: string; metrics: Metrics; sha256: string }> {
  const { id, status, error } = await runJob(
    service.http,
    {
      sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
      model: notebookModel(...widths),
      method,
      probe: { checkpoint: 'probe', file: 'model.safetensors', tensor: 'x' },
    },
    300,
  );
  expect([status, error]).toEqual(['succeeded', null]);
  const { body: metrics } = await service.http.get(`/v1/jobs/${id}/metrics`).expect(200);
  const { body } = await service.http.get(`/v1/jobs/${id}/artifacts`).expect(200);
  const model = (body.data as { file: string; sha256: string }[]).find(({ file }) => file === 'model.safetensors');
  return { id, metrics: metrics as Metrics, sha256: model?.sha256 ?? '' };
}

describe('the notebook’s merge through the service', () => {
  it('starts from the notebook’s own random numbers', () => {
    const close = (values: Float32Array, expected: number[]) =>
      expected.forEach((value, i) => {
        expect(values[i]).toBeCloseTo(value, 4);
      });
    close(data.x[0], [0.0196, 0.0177, 0.0061, 0.0106]);
    close(data.a[0], [0.0329, 0.0442, 0.0142, 0.0349]);
    close(data.b[2].subarray(-4), [0.0066, 0.0197, 0.0262, 0.0168]);
  });

  it('exact diag: W_0 to 0.1 %, at the Eckart–Young bound, and end to end; the same bytes twice', async () => {
    const first = await run({});
    const { tensors, spaces, end_to_end } = first.metrics;
    const [w0, w1] = tensors;
    expect(w0).toMatchObject({ name: layerName(0), shape: [768, 2000] });
    expect(Math.abs(w0.mean_abs_error / 0.0012296 - 1)).toBeLessThan(1e-3);
    expect(Math.abs(w0.relative_error / 0.1208968 - 1)).toBeLessThan(1e-5);
    expect(Math.abs(w0.relative_error / (w0.optimal_relative_error as number) - 1)).toBeLessThan(1e-5);
    expect(w1.mean_abs_error).toBeLessThanOrEqual(1e-7);
    expect(end_to_end.mean_abs_output).toBeCloseTo(63.8, 1);
    expect(end_to_end.mean_abs_error).toBeLessThanOrEqual(1.36e-4 * 1.02);
    expect(end_to_end.mean_abs_error).toBeGreaterThan(1e-4);
    expect(Math.abs((end_to_end.map_relative_error as number) / 1.4478e-4 - 1)).toBeLessThan(1e-3);
    expect(spaces.map(({ factorization, rank }) => [factorization, rank])).toEqual([
      ['weight', 768],
      ['covariance', 1024],
    ]);
    const second = await run({});
    expect(second.id).not.toBe(first.id);
    expect(second.sha256).toBe(first.sha256);
    await outputsAreAsReported(first.id, end_to_end);
  });

  it('randomized diag: within 2 % of the notebook’s 0.00173434', async () => {
    const { metrics } = await run({ solver: { type: 'randomized', niter: 2, seed: 33 } });
    expect(Math.abs(metrics.tensors[0].mean_abs_error / 0.00173434 - 1)).toBeLessThan(0.02);
    expect(metrics.end_to_end.mean_abs_error).toBeLessThan(2e-4);
  });

  it('randomized separate: within 2 % of the notebook’s 0.0026181 and 0.0026127', async () => {
    const { metrics } = await run({ mode: 'separate', solver: { type: 'randomized', niter: 2, seed: 33 } });
    const [a, b] = metrics.tensors[0].mean_abs_error_by_source;
    expect(Math.abs(a / 0.00261811 - 1)).toBeLessThan(0.02);
    expect(Math.abs(b / 0.00261267 - 1)).toBeLessThan(0.02);
  });
});

describe('balanced bases of the notebook’s chain', () => {
  it.each([
    [768, 2.65e-5],
    [520, 5.788e-5],
    [600, 4.647e-5],
    [700, 3.398e-5],
    [900, 1.377e-5],
  ])('at width %i the whole map is off by %f, its Eckart–Young bound', async (width, bound) => {
    const { metrics } = await run({ basis: 'balanced' }, [width]);
    const [h0] = metrics.spaces;
    expect(Math.abs(h0.tail_relative_error / bound - 1)).toBeLessThan(0.01);
    expect(Math.abs((metrics.end_to_end.map_relative_error as number) / bound - 1)).toBeLessThan(0.01);
    expect(h0).toMatchObject({ basis: 'balanced', rank: width, width });
  });
});

/** The product of the downloaded matrices gives the reported error: plain float64 loops over the file. */
async function outputsAreAsReported(id: string, reported: Metrics['end_to_end']): Promise<void> {
  const merged = await CheckpointReader.open(artifactPath(service, id, 'model.safetensors'));
  const w = await Promise.all([0, 1, 2].map((l) => merged.floats(layerName(l), 'float64')));
  expect([0, 1, 2].map((l) => merged.tensors.get(layerName(l))?.shape)).toEqual([
    [768, 2000],
    [3072, 768],
    [2000, 3072],
  ]);
  await merged.close();
  const apply = (weights: ArrayLike<number>[], input: Float64Array) =>
    weights.reduce<Float64Array>((h, m) => {
      const out = new Float64Array(m.length / h.length);
      for (let i = 0; i < out.length; i++) {
        let sum = 0;
        for (let j = 0; j < h.length; j++) sum += m[i * h.length + j] * h[j];
        out[i] = sum;
      }
      return out;
    }, input);
  let [sumAbs, count] = [0, 0];
  for (let row = 0; row < 32; row++) {
    const part = (x: Float32Array) => Float64Array.from(x.subarray(row * 1000, row * 1000 + 1000));
    const [x1, x2] = data.x.map(part);
    const y = [...apply(data.a, x1), ...apply(data.b, x2)];
    const z = apply(w, Float64Array.from([...x1, ...x2]));
    y.forEach((value, k) => {
      sumAbs += Math.abs(value - z[k]);
    });
    count += y.length;
  }
  expect(Math.abs(sumAbs / count / reported.mean_abs_error - 1)).toBeLessThan(1e-6);
}

// the notebook's second job: one table in two column slices
it('BERT’s embedding [30522, 768] in two slices to 512: diag strictly better than separate', async () => {
  const { body: none } = await service.http.get('/v1/checkpoints/table');
  expect(none.code).toBe('checkpoint_not_found');
  const [rows, columns] = [30522, 768];
  const values = new Float32Array(rows * columns);
  // Cheap, reproducible, and correlated between neighbouring columns.
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = (state / 2 ** 32 - 0.5) * 0.05 + (i % columns === 0 ? 0 : 0.7 * values[i - 1]);
  }
  await upload(
    service.http,
    'table',
    await makeCheckpoint(subfolder(root), [{ name: 'e.weight', shape: [rows, columns], values }]),
  );
  const errors: number[] = [];
  for (const mode of ['diag', 'separate'] as const) {
    const { id, status } = await runJob(
      service.http,
      {
        sources: [
          { checkpoint: 'table', columns: [0, 384] },
          { checkpoint: 'table', columns: [384, 768] },
        ],
        model: { family: 'embedding', tensor: 'e.weight', width: 512 },
        method: { mode },
      },
      400,
    );
    expect(status).toBe('succeeded');
    const { body } = await service.http.get(`/v1/jobs/${id}/metrics`);
    errors.push((body as Metrics).tensors[0].relative_error);
    const model = await CheckpointReader.open(artifactPath(service, id, 'model.safetensors'));
    expect(model.tensors.get('e.weight')).toMatchObject({ dtype: 'F32', shape: [rows, 512] });
    expect(model.tensors.get('e.fold.weight')).toMatchObject({ dtype: 'F32', shape: [columns, 512] });
    await model.close();
  }
  const [diag, separate] = errors;
  expect(diag).toBeLessThan(separate);
}, 600_000);
