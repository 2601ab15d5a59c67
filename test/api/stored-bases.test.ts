import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { Metrics } from '../../src/schemas/metrics.js';
import type { WidthGoal } from '../../src/schemas/width.js';
import { makeCheckpoint, randomChain, randomValues } from '../support/checkpoint.js';
import { artifactPath, runJob, startService, type TestService, upload, waitForEnd } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const SHAPE = [12, 9, 13, 8];
let service: TestService;

beforeAll(async () => {
  service = await startService(subfolder(root));
  for (const [i, name] of ['a', 'b'].entries())
    await upload(service.http, name, await makeCheckpoint(subfolder(root), randomChain(SHAPE, i)));
  await upload(
    service.http,
    'table',
    await makeCheckpoint(subfolder(root), [
      { name: 'words.weight', shape: [40, 10], values: randomValues(400, 1) },
      { name: 'positions.weight', shape: [15, 10], values: randomValues(150, 2) },
    ]),
  );
});
afterAll(() => service?.close());

type Width = number | WidthGoal;
type Extra = Pick<JobSpecInput, 'bases' | 'output'>;

const chain = (widths: Width[], method: JobSpecInput['method'] = {}, extra: Extra = {}): JobSpecInput => ({
  sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
  model: {
    family: 'chain',
    layers: [...widths, undefined].map((width, l) => ({
      weight: `layers.${l}.weight`,
      ...(width !== undefined && { width }),
    })),
  },
  method,
  ...extra,
});

async function succeed(spec: JobSpecInput): Promise<string> {
  const { id, status, error } = await runJob(service.http, spec);
  expect([status, error]).toEqual(['succeeded', null]);
  return id;
}

const metricsOf = async (id: string) => (await service.http.get(`/v1/jobs/${id}/metrics`)).body as Metrics;

async function weightsOf(id: string): Promise<Float32Array[]> {
  const reader = await CheckpointReader.open(artifactPath(service, id, 'model.safetensors'));
  const names = [...reader.tensors.keys()].sort();
  const values = await Promise.all(names.map((name) => reader.floats(name, 'float32')));
  await reader.close();
  return values as Float32Array[];
}

/** Largest difference between two results, relative to the largest weight. */
async function difference(a: string, b: string): Promise<number> {
  const [x, y] = [await weightsOf(a), await weightsOf(b)];
  expect(x.map(({ length }) => length)).toEqual(y.map(({ length }) => length));
  let [worst, size] = [0, 0];
  x.forEach((values, t) => {
    values.forEach((value, k) => {
      worst = Math.max(worst, Math.abs(value - y[t][k]));
      size = Math.max(size, Math.abs(value));
    });
  });
  return worst / size;
}

describe('bases of an earlier job', () => {
  it.each<[string, JobSpecInput['method'], number]>([
    ['weight, diag', {}, 0],
    ['weight, separate', { mode: 'separate' }, 0],
    ['weight, covariance', { factorization: 'covariance' }, 2e-6],
    ['balanced', { basis: 'balanced' }, 2e-6],
  ])('give a narrower and a wider result equal to one computed afresh (%s)', async (_, method, tolerance) => {
    const first = await succeed(chain([10, 12], method, { output: { directions: true } }));
    for (const widths of [
      [7, 9],
      [14, 20],
      [18, 26],
    ]) {
      const reused = await succeed(chain(widths, method, { bases: { job: first } }));
      const fresh = await succeed(chain(widths, method));
      expect(await difference(reused, fresh)).toBeLessThanOrEqual(tolerance);
      const [r, f] = [await metricsOf(reused), await metricsOf(fresh)];
      expect(r.spaces.map(({ basis }) => basis)).toEqual(['stored', 'stored']);
      expect(r.end_to_end.map_relative_error).toBeCloseTo(f.end_to_end.map_relative_error as number, 6);
      for (const [s, space] of r.spaces.entries()) {
        expect(space.rank).toBe(f.spaces[s].rank);
        expect(space.tail_relative_error).toBeCloseTo(f.spaces[s].tail_relative_error, 6);
        expect(space.retained_energy).toBeCloseTo(f.spaces[s].retained_energy, 6);
      }
      const bound = r.tensors[0].optimal_relative_error;
      if (method?.basis === 'balanced') expect(bound).toBeNull();
      else expect(bound).toBeCloseTo(f.tensors[0].optimal_relative_error as number, 6);
    }
  });

  it('choose an open width as a job of its own would, and outlive the job they came from', async () => {
    const goal = { energy: 0.8 };
    const first = await succeed(chain([16, 16]));
    const fresh = await succeed(chain([goal, 10]));
    const { body: job } = await service.http.post('/v1/jobs').send(chain([goal, 10], {}, { bases: { job: first } }));
    await service.http.delete(`/v1/jobs/${first}`).expect(204);
    const { status } = await waitForEnd(service.http, job.id);
    expect(status).toBe('succeeded');
    expect(await difference(job.id, fresh)).toBe(0);
    const { body: recipe } = await service.http.get(`/v1/jobs/${job.id}/artifacts/job.json`);
    expect(recipe.bases).toEqual({ job: first, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('serve further tensors: positions follow the words they are added to', async () => {
    const columns = (checkpoint: string) => [
      { checkpoint, columns: [0, 5] as [number, number] },
      { checkpoint, columns: [5, 10] as [number, number] },
    ];
    const words = await succeed({
      sources: columns('table'),
      model: { family: 'embedding', tensor: 'words.weight', width: 6 },
    });
    const positions = await succeed({
      sources: columns('table'),
      model: { family: 'embedding', tensor: 'positions.weight', width: 6 },
      bases: { job: words },
    });
    const read = async (id: string, name: string) => {
      const reader = await CheckpointReader.open(artifactPath(service, id, 'model.safetensors'));
      const values = await reader.floats(name, 'float32');
      await reader.close();
      return values;
    };
    expect([...(await read(positions, 'positions.fold.weight'))]).toEqual([
      ...(await read(words, 'words.fold.weight')),
    ]);
    const { tensors } = await metricsOf(positions);
    expect(tensors[0].shape).toEqual([15, 6]);
    expect(tensors[0].optimal_relative_error).toBeNull();
  });

  it.each<[string, string, (first: string) => JobSpecInput]>([
    ['a width beyond what is stored', 'bases_unusable', (job) => chain([11, 12], {}, { bases: { job } })],
    ['another mode', 'bases_unusable', (job) => chain([7, 9], { mode: 'separate' }, { bases: { job } })],
    ['another basis', 'bases_unusable', (job) => chain([7, 9], { basis: 'balanced' }, { bases: { job } })],
    ['a space it does not have', 'bases_unusable', (job) => chain([7, 9], {}, { bases: { job, spaces: { h0: 'x' } } })],
    ['a space of other widths', 'bases_unusable', (job) => chain([7, 9], {}, { bases: { job, spaces: { h0: 'h1' } } })],
    ['a job that is not there', 'job_not_found', () => chain([7, 9], {}, { bases: { job: `job_${'0'.repeat(26)}` } })],
    [
      'a table of another width',
      'bases_unusable',
      (job) => ({
        sources: [{ checkpoint: 'table' }],
        model: { family: 'embedding', tensor: 'words.weight', width: 4 },
        bases: { job, spaces: { width: 'h0' } },
      }),
    ],
  ])('are refused for %s: %s', async (_, code, spec) => {
    const first = await succeed(chain([10, 12]));
    const { body, status } = await service.http.post('/v1/jobs').send(spec(first));
    expect([status, body.code]).toEqual([422, code]);
    expect(body.errors[0].pointer).toMatch(/^\/bases/);
  });

  it('a goal they do not reach fails the job with the way out', async () => {
    const first = await succeed(chain([4, 4]));
    const spec = chain([{ max_relative_error: 0.001 }, 4], {}, { bases: { job: first } });
    const { error } = await runJob(service.http, spec);
    expect(error).toMatchObject({ code: 'bases_too_narrow', message: expect.stringContaining('output.directions') });
  });
});
