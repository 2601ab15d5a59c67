import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mt19937 } from '../../src/random/mt19937.js';
import { SafetensorsWriter } from '../../src/safetensors/writer.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { ComparisonMetrics, Metrics, TransformerMetrics } from '../../src/schemas/metrics.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';
import { STOCK, writeTiny } from '../transformer/tiny.js';

const root = temporaryFolder();
let service: TestService;
const model = {
  family: 'chain' as const,
  layers: [{ weight: 'layers.0.weight' }, { weight: 'layers.1.weight' }],
};
const spec: JobSpecInput = {
  name: 'a & b',
  sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
  model,
  compare: { widths: [0.5, 0.75, { h0: 32 }] },
};

beforeAll(async () => {
  service = await startService(subfolder(root));
  for (const [i, name] of ['a', 'b'].entries())
    await upload(service.http, name, await makeCheckpoint(subfolder(root), randomChain([20, 16, 12], i + 1)));
});
afterAll(() => service?.close());

describe('a comparison', () => {
  it('has a plan, for methods whose samples are not whole too', async () => {
    const three = { ...spec, sources: [...spec.sources, { checkpoint: 'a' }], compare: { widths: [0.55] } };
    const { body } = await service.http.post('/v1/jobs/plan').send(three).expect(200);
    expect(body).toMatchObject({ kind: 'comparison', points: expect.arrayContaining([expect.anything()]) });
  });

  it('tables every method at every width beside the baselines, as a merge of those widths measures it', async () => {
    const job = await runJob(service.http, spec);
    expect([job.status, job.error]).toEqual(['succeeded', null]);
    const metrics = (await service.http.get(`/v1/jobs/${job.id}/metrics`).expect(200)).body as ComparisonMetrics;
    expect(metrics).toMatchObject({ kind: 'comparison', measure: 'map_relative_error', left_out: [] });
    const methods = metrics.rows.filter(({ kind }) => kind === 'method');
    const names = [...new Set(methods.map(({ name }) => name))];
    expect(names).toEqual(expect.arrayContaining(['weight PCA', 'notebook, diag', 'notebook, separate']));
    expect(methods).toHaveLength(3 * names.length);
    for (const row of methods) {
      expect([16, 24, 32]).toContain(row.widths?.h0);
      expect(row.map_relative_error as number).toBeGreaterThanOrEqual((row.lower_bound as number) * (1 - 1e-6));
    }
    const [half] = methods;
    const merge = await runJob(service.http, {
      ...spec,
      compare: undefined,
      model: { ...model, layers: [{ ...model.layers[0], width: 16 }, model.layers[1]] },
    });
    const single = (await service.http.get(`/v1/jobs/${merge.id}/metrics`).expect(200)).body as Metrics;
    expect(half).toMatchObject({
      name: 'weight PCA',
      widths: { h0: 16 },
      share: 0.5,
      parameters: 16 * 40 + 24 * 16,
      map_relative_error: single.end_to_end.map_relative_error,
      relative_error: single.end_to_end.relative_error,
    });

    const baselines = Object.fromEntries(metrics.rows.filter((r) => r.kind === 'baseline').map((r) => [r.name, r]));
    expect(Object.keys(baselines)).toEqual(['a alone', 'b alone', 'mean of outputs', 'mean of weights']);
    // One of two independent sources answers for half of the map: the shares of both add up to the whole.
    const [a, b] = ['a alone', 'b alone'].map((name) => baselines[name].map_relative_error as number);
    expect(a ** 2 + b ** 2).toBeCloseTo(1, 10);
    expect(baselines['a alone'].parameters).toBe(16 * 20 + 12 * 16);
    expect(baselines['mean of outputs'].relative_error as number).toBeGreaterThan(0.5);

    const { body: list } = await service.http.get(`/v1/jobs/${job.id}/artifacts`).expect(200);
    expect((list.data as { file: string }[]).map(({ file }) => file)).toEqual([
      'comparison.csv',
      'comparison.json',
      'job.json',
      'metrics.json',
      'report.html',
    ]);
    const csv = (await service.http.get(`/v1/jobs/${job.id}/metrics?format=csv`).expect(200)).text;
    const lines = csv.trimEnd().split('\r\n');
    expect(lines).toHaveLength(1 + metrics.rows.length);
    expect(lines[1]).toMatch(/^weight PCA,method,0\.5,h0=16,1024,4096,/);
    const { text, headers } = await service.http.get(`/v1/jobs/${job.id}/report`).expect(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(text).toContain('<h1>a &amp; b</h1>');
    expect(text.match(/<svg /g)).toHaveLength(2);
    expect(text).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
    expect(text).not.toContain('NaN');
  });

  it('a merge has a report of its own: without scripts or requests, spectra, errors and what may be claimed', async () => {
    const merge = await runJob(service.http, {
      ...spec,
      compare: undefined,
      model: { ...model, layers: [{ ...model.layers[0], width: 16 }, model.layers[1]] },
    });
    const { text, headers } = await service.http.get(`/v1/jobs/${merge.id}/report`).expect(200);
    expect(headers['content-type']).toContain('text/html');
    expect(text).not.toMatch(/<script|<link|<img|src=|https?:\/\/(?!www\.w3\.org)/);
    expect(text.match(/<svg /g)).toHaveLength(4);
    const { body: metrics } = await service.http.get(`/v1/jobs/${merge.id}/metrics`).expect(200);
    for (const part of [metrics.tensors[0].name, 'A linear merge', 'cut at 16 of', metrics.environment.library])
      expect(text).toContain(part);
  });

  it.each([
    ['too many points', { widths: Array(256).fill(0.5) }, 422, 'comparison_too_large', '/compare/widths'],
    [
      'an unknown basis',
      { methods: [{ basis: 'magic' }], widths: [0.5] },
      400,
      'request_invalid',
      '/compare/methods/0/basis',
    ],
    ['a name twice', { methods: [{}, {}], widths: [0.5] }, 422, 'method_repeated', '/compare/methods/1'],
    ['an unknown space', { widths: [{ h7: 3 }] }, 422, 'space_unknown', '/compare/widths/0'],
    ['a width no merge has', { widths: [0.5, { h0: 99 }] }, 422, 'width_out_of_range', '/compare/widths/1'],
    ['no width for a space', { widths: [{}] }, 422, 'width_missing', '/compare/widths/0'],
  ])('refuses %s', async (_, compare, status, code, pointer) => {
    const { body } = await service.http
      .post('/v1/jobs')
      .send({ ...spec, compare })
      .expect(status);
    expect([body.code, body.errors[0].pointer]).toEqual([code, pointer]);
  });

  it('refuses a method beside the compared ones', async () => {
    const { body } = await service.http
      .post('/v1/jobs')
      .send({ ...spec, method: { mode: 'separate' } })
      .expect(400);
    expect(body.errors[0].pointer).toBe('/method');
  });
});

describe('a comparison of whole transformers', () => {
  const small = { hidden_size: 16, num_attention_heads: 4, intermediate_size: 30 };
  const whole = { hidden_size: 24, num_attention_heads: 6, intermediate_size: 40 };
  const pair: JobSpecInput = {
    sources: [{ checkpoint: 'bert-a' }, { checkpoint: 'bert-b' }],
    model: { family: 'auto' },
    probe: ['one', 'two'].map((name) => ({ name, checkpoint: 'tokens', file: 'tokens.safetensors', ids: name })),
  };

  beforeAll(async () => {
    for (const [i, name] of ['bert-a', 'bert-b'].entries()) {
      const folder = await writeTiny(STOCK.bert.config, STOCK.bert.shapes, i + 1);
      for (const file of ['model.safetensors', 'config.json'])
        await upload(service.http, name, path.join(folder, file), file);
    }
    const file = path.join(subfolder(root), 'tokens.safetensors');
    const shape = [6, 16];
    const writer = await SafetensorsWriter.create(
      file,
      ['one', 'two'].map((name) => ({ name, dtype: 'I32' as const, shape })),
    );
    const random = new Mt19937(1);
    for (let i = 0; i < 2; i++) {
      const ids = Int32Array.from({ length: 6 * 16 }, () => random.uniform() * 37);
      await writer.write(new Uint8Array(ids.buffer));
    }
    await writer.finish();
    await upload(service.http, 'tokens', file, 'tokens.safetensors');
  });

  it('tables the loss of every method at every target beside the sources and the mean of their logits', async () => {
    const methods = [{}, { basis: 'balanced' as const }, { mode: 'separate' as const }];
    const job = await runJob(service.http, { ...pair, compare: { widths: [small, whole], methods } });
    expect([job.status, job.error]).toEqual(['succeeded', null]);
    const metrics = (await service.http.get(`/v1/jobs/${job.id}/metrics`).expect(200)).body as ComparisonMetrics;
    expect(metrics).toMatchObject({ kind: 'comparison', measure: 'loss', probes: ['one', 'two'] });
    expect(metrics.left_out.map(({ name }) => name)).toEqual(['notebook', 'mean of weights']);
    const names = ['closed form', 'closed form, balanced', 'closed form, separate'];
    expect(metrics.rows.map(({ name, widths }) => [name, widths])).toEqual([
      ...names.flatMap((name) => [small, whole].map((widths) => [name, widths])),
      ...['bert-a alone', 'bert-b alone', 'mean of logits'].map((name) => [name, null]),
    ]);
    for (const { loss, losses, map_relative_error } of metrics.rows) {
      expect(loss).toBeCloseTo(((losses?.[0] as number) + (losses?.[1] as number)) / 2, 12);
      expect(map_relative_error).toBeNull();
    }

    const merge = await runJob(service.http, { ...pair, target: small });
    const single = (await service.http.get(`/v1/jobs/${merge.id}/metrics`).expect(200)).body as TransformerMetrics;
    expect(metrics.rows[0].loss).toBe(single.end_to_end.result_loss);
    expect(metrics.rows.slice(-3).map(({ loss }) => loss)).toEqual([
      ...single.end_to_end.source_losses,
      single.end_to_end.mean_of_sources_loss,
    ]);

    const csv = (await service.http.get(`/v1/jobs/${job.id}/metrics?format=csv`).expect(200)).text;
    const [head, first, ...rest] = csv.trimEnd().split('\r\n');
    expect(head).toMatch(/,loss,loss one,loss two,seconds$/);
    const { loss, losses, seconds, parameters, bytes } = metrics.rows[0];
    const widths = 'hidden_size=16 num_attention_heads=4 intermediate_size=30';
    expect(first).toBe(
      `closed form,method,,${widths},${parameters},${bytes},,,,,${loss},${losses?.join(',')},${seconds}`,
    );
    expect(rest).toHaveLength(metrics.rows.length - 1);
    const { text } = await service.http.get(`/v1/jobs/${job.id}/report`).expect(200);
    expect(text.match(/<svg /g)).toHaveLength(2);
    for (const part of [...names, 'mean loss over the probes, nats against parameters', 'mean of logits', 'loss, two'])
      expect(text).toContain(part);
    expect(text).not.toMatch(/NaN|error of the map/);
  });
});
