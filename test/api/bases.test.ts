import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../src/schemas/job.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { Metrics } from '../../src/schemas/metrics.js';
import type { WidthGoal } from '../../src/schemas/width.js';
import { makeCheckpoint, randomChain, randomValues } from '../support/checkpoint.js';
import { runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const SHAPES = [
  [9, 7, 5],
  [6, 11, 8, 10],
  [12, 9, 13, 7, 8],
  [8, 10, 9, 7, 11, 10],
  [7, 9, 15, 8, 10, 9, 8],
];
let service: TestService;

beforeAll(async () => {
  service = await startService(subfolder(root));
  for (const [s, shape] of SHAPES.entries())
    for (const [i, name] of ['a', 'b'].entries())
      await upload(
        service.http,
        `${name}${s}`,
        await makeCheckpoint(subfolder(root), randomChain(shape, 10 * s + i, 'F64')),
      );
  await upload(
    service.http,
    'rows',
    await makeCheckpoint(subfolder(root), [
      { name: 'x', shape: [30, 18], values: randomValues(540, 3) },
      { name: 'narrow', shape: [30, 17], values: randomValues(510, 3) },
      { name: 'ids', shape: [2, 3], values: [0, 1, 2, 3, 4, 5], dtype: 'I64' },
    ]),
  );
});
afterAll(() => service?.close());

type Width = number | WidthGoal | undefined;

const specOf = (s: number, widths: Width[], method: JobSpecInput['method'], width?: Width): JobSpecInput => ({
  sources: [{ checkpoint: `a${s}` }, { checkpoint: `b${s}` }],
  model: {
    family: 'chain',
    layers: SHAPES[s].slice(1).map((_, l) => ({
      weight: `layers.${l}.weight`,
      ...(l < SHAPES[s].length - 2 && widths[l] !== undefined && { width: widths[l] }),
    })),
    ...(width !== undefined && { width }),
  },
  method,
});

async function metricsOf(spec: JobSpecInput): Promise<Metrics> {
  const { id, status, error } = await runJob(service.http, spec);
  expect([status, error]).toEqual(['succeeded', null]);
  const { body } = await service.http.get(`/v1/jobs/${id}/metrics`).expect(200);
  return body as Metrics;
}

describe('through the service', () => {
  it.each(SHAPES.map((shape, s) => [shape.length - 1, s] as const))(
    'balanced is never worse than weight PCA on a chain of %i layers, and at the bound',
    async (_, s) => {
      const widths = SHAPES[s].slice(1, -1).map((d) => Math.ceil(1.3 * d));
      const balanced = await metricsOf(specOf(s, widths, { basis: 'balanced' }));
      const weight = await metricsOf(specOf(s, widths, {}));
      const error = balanced.end_to_end.map_relative_error as number;
      expect(error).toBeLessThanOrEqual(weight.end_to_end.map_relative_error as number);
      // Singular values of the whole map, as the first space's basis found them; the narrowest space decides.
      const { spectrum } = balanced.spaces[0];
      const energy = (values: number[]) => values.reduce((sum, x) => sum + x * x, 0);
      const bound = Math.sqrt(energy(spectrum.slice(Math.min(...widths))) / energy(spectrum));
      expect(Math.abs(error - bound)).toBeLessThan(1e-7);
    },
  );

  it('widths by end-to-end error are the smallest, on ten goals over five chains', async () => {
    for (let k = 0; k < 10; k++) {
      const goal = 0.03 + 0.06 * k;
      const { spaces, end_to_end } = await metricsOf(
        specOf(k % 5, [], { basis: 'balanced' }, { max_relative_error: goal }),
      );
      const { spectrum } = spaces[0];
      const tail = (width: number) => {
        const energy = (values: number[]) => values.reduce((sum, x) => sum + x * x, 0);
        return Math.sqrt(energy(spectrum.slice(width)) / energy(spectrum));
      };
      for (const { width } of spaces) {
        expect(tail(width)).toBeLessThanOrEqual(goal);
        expect(tail(width - 1)).toBeGreaterThan(goal);
      }
      expect(end_to_end.map_relative_error as number).toBeLessThanOrEqual(goal + 1e-9);
    }
  });

  it('a plan shows an open width as null with its range; the result has the width that was chosen', async () => {
    const spec = specOf(1, [{ energy: 0.9, multiple_of: 2 }, 12], {});
    const { body: plan } = await service.http.post('/v1/jobs/plan').send(spec).expect(200);
    expect(plan.spaces[1]).toMatchObject({
      name: 'h0',
      width: null,
      width_range: [2, 22],
      width_goal: { energy: 0.9, multiple_of: 2 },
    });
    expect(plan.tensors.map(({ shape }: { shape: unknown }) => shape)).toEqual([
      [null, 12],
      [12, null],
      [20, 12],
    ]);
    const { id } = await runJob(service.http, spec);
    const { body: metrics } = await service.http.get(`/v1/jobs/${id}/metrics`);
    const { width } = metrics.spaces[0];
    expect(width % 2).toBe(0);
    const { body: config } = await service.http.get(`/v1/jobs/${id}/artifacts/config.json`);
    expect(config.layers[0].out_features).toBe(width);
    expect(metrics.tensors[0].shape).toEqual([width, 12]);
  });

  it('one source grows and computes the same', async () => {
    const { sources, ...rest } = specOf(0, [30], {});
    const { spaces, end_to_end } = await metricsOf({ ...rest, sources: sources.slice(0, 1) });
    expect(spaces[0]).toMatchObject({ basis: 'growth', width: 30, source_width: 7 });
    expect(end_to_end.relative_error).toBeLessThan(1e-12);
  });

  it('activation bases come from uploaded rows', async () => {
    const calibration = { checkpoint: 'rows', file: 'model.safetensors', tensor: 'x' };
    const { spaces } = await metricsOf(specOf(0, [6], { basis: 'activation', calibration }));
    expect(spaces[0]).toMatchObject({ basis: 'activation', width: 6, directions_by_source: null });
  });
});

describe('refused at submission', () => {
  const rows = (tensor: string, file = 'model.safetensors') => ({ checkpoint: 'rows', file, tensor });
  it.each<[string, string, string, JobSpecInput]>([
    ['activation without data', 'request_invalid', '/method/calibration', specOf(0, [6], { basis: 'activation' })],
    [
      'calibration that nothing uses',
      'request_invalid',
      '/method/calibration',
      specOf(0, [6], { calibration: rows('x') }),
    ],
    [
      'rows of another width',
      'calibration_shape_mismatch',
      '/method/calibration/tensor',
      specOf(0, [6], { basis: 'activation', calibration: rows('narrow') }),
    ],
    [
      'a file that is not there',
      'calibration_not_found',
      '/method/calibration/file',
      specOf(0, [6], { basis: 'balanced', calibration: rows('x', 'y.safetensors') }),
    ],
    [
      'balanced with a scale of its own',
      'method_conflict',
      '/method/factorization',
      specOf(0, [6], { basis: 'balanced', factorization: 'covariance' }),
    ],
    [
      'balanced with the randomized solver',
      'method_conflict',
      '/method/solver',
      specOf(0, [6], { basis: 'balanced', solver: { type: 'randomized' } }),
    ],
    [
      'an end-to-end error without a basis that promises one',
      'width_not_applicable',
      '/model/width',
      specOf(0, [], {}, { max_relative_error: 0.1 }),
    ],
    [
      'a multiple beyond every width',
      'width_out_of_range',
      '/model/layers/0/width/multiple_of',
      specOf(0, [{ energy: 0.9, multiple_of: 64 }], {}),
    ],
    ['an energy above one', 'request_invalid', '/model/layers/0/width/energy', specOf(0, [{ energy: 1.5 }], {})],
    [
      'a balanced embedding',
      'method_conflict',
      '/method/basis',
      {
        sources: [{ checkpoint: 'a0' }],
        model: { family: 'embedding', tensor: 'layers.0.weight', width: 3 },
        method: { basis: 'balanced' },
      },
    ],
  ])('%s: %s', async (_, code, pointer, spec) => {
    const { body, status } = await service.http.post('/v1/jobs').send(spec);
    expect([status >= 400 && status < 500, body.code]).toEqual([true, code]);
    expect((body.errors as { pointer: string }[]).map((error) => error.pointer)).toContain(pointer);
    const { body: list } = await service.http.get('/v1/jobs?limit=100');
    expect((list.data as Job[]).every((job) => job.status !== 'queued')).toBe(true);
  });
});
