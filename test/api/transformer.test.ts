import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { SafetensorsWriter } from '../../src/safetensors/writer.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { TransformerMetrics } from '../../src/schemas/metrics.js';
import type { TokenProbe } from '../../src/schemas/probe.js';
import { readIntegers } from '../../workers/transformer/tokens.js';
import { artifactPath, runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

// Whole transformers through the service, on trained fixtures (test/fixtures/README.md). The numerics have their own
// tests; here: submission, tokens from uploads, steps, published files.
const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;
const root = temporaryFolder();
const tokens = { checkpoint: 'tokens', file: 'tokens.safetensors' };
let service: TestService;

beforeAll(async () => {
  service = await startService(subfolder(root));
  for (const name of ['llama-a', 'llama-b', 'bert-a'])
    for (const file of ['model.safetensors', 'config.json'])
      await upload(service.http, name, `${FIXTURES}${name}/${file}`, file);
  await upload(service.http, 'llama-a', Buffer.from('{"version": "1.0"}'), 'tokenizer.json');
  await upload(service.http, 'tokens', `${FIXTURES}tokens.safetensors`, 'tokens.safetensors');
});
afterAll(() => service?.close());

const pair = (more: Partial<JobSpecInput> = {}): JobSpecInput => ({
  sources: [{ checkpoint: 'llama-a' }, { checkpoint: 'llama-b' }],
  model: { family: 'auto' },
  target: { hidden_size: 192, num_attention_heads: 6, intermediate_size: 528 },
  probe: ['eng', 'code'].map((name) => ({ ...tokens, name, ids: `llama.eval.${name}` })),
  ...more,
});

/** The English evaluation tokens with padding on the right, and the mask that says so. */
async function paddedTokens(): Promise<string> {
  const reader = await CheckpointReader.open(`${FIXTURES}tokens.safetensors`);
  const { values, rows, columns } = await readIntegers(reader, 'llama.eval.eng');
  await reader.close();
  const width = columns + 7;
  const file = path.join(subfolder(root), 'padded.safetensors');
  const shape = [rows, width];
  const writer = await SafetensorsWriter.create(file, [
    { name: 'ids', dtype: 'I32', shape },
    { name: 'attention_mask', dtype: 'U8', shape },
  ]);
  const [ids, mask] = [new Int32Array(rows * width).fill(3), new Uint8Array(rows * width)];
  for (let r = 0; r < rows; r++) {
    ids.set(values.subarray(r * columns, (r + 1) * columns), r * width);
    mask.fill(1, r * width, r * width + columns);
  }
  await writer.write(new Uint8Array(ids.buffer));
  await writer.write(mask);
  await writer.finish();
  return file;
}

/** Fit and basis as each page and file of a job gives them. */
async function saidOf(id: string): Promise<Record<string, unknown>> {
  const file = (name: string) => readFile(artifactPath(service, id, name), 'utf8');
  const of = ({ fit, basis }: { fit: string; basis: string }) => ({ fit, basis });
  const html = (await file('report.html')).replaceAll('&quot;', '"');
  const inReport = (key: string) => new RegExp(`"${key}": "(\\w+)"`).exec(html)?.[1] ?? '';
  return {
    job: of((await service.http.get(`/v1/jobs/${id}`).expect(200)).body.spec.method),
    metrics: of((await service.http.get(`/v1/jobs/${id}/metrics`).expect(200)).body),
    recipe: of(JSON.parse(await file('job.json')).spec.method),
    card: of(JSON.parse(/```json\n([^`]*)```/.exec(await file('README.md'))?.[1] ?? '')),
    report: { fit: inReport('fit'), basis: inReport('basis') },
  };
}

describe('a closed-form merge', () => {
  let id: string;
  let metrics: TransformerMetrics;
  beforeAll(async () => {
    const job = await runJob(service.http, pair());
    expect(job.error).toBeNull();
    id = job.id;
    metrics = (await service.http.get(`/v1/jobs/${id}/metrics`).expect(200)).body;
  });

  it('reports the losses of the sources as they were trained, and of the result', () => {
    const [eng, code] = metrics.probes;
    expect([eng.name, code.name]).toEqual(['eng', 'code']);
    [1.477, 2.054].forEach((loss, i) => {
      expect(Math.abs((eng.source_losses[i] ?? 0) - loss)).toBeLessThan(0.002);
    });
    expect(Math.abs((metrics.end_to_end.mean_of_sources_loss ?? 0) - 1.441)).toBeLessThan(0.002);
    // Far from random (ln 260 = 5.56) without any fit; an initialisation, and said to be one.
    expect(metrics.end_to_end.result_loss).toBeLessThan(3);
    expect(metrics.fit).toBe('closed_form');
    expect(metrics.spaces.find(({ name }) => name === 'residual')).toMatchObject({ source_width: 256, width: 192 });
  });

  it('publishes a stock checkpoint: sizes, tensors, tokenizer, card', async () => {
    const { body } = await service.http.get(`/v1/jobs/${id}/artifacts`).expect(200);
    const files = (body.data as { file: string }[]).map(({ file }) => file);
    const expected = ['README.md', 'bases.safetensors', 'config.json', 'job.json', 'metrics.json', 'model.safetensors'];
    expect(files).toEqual([...expected, 'report.html', 'tokenizer.json']);
    expect(await readFile(artifactPath(service, id, 'report.html'), 'utf8')).toContain('An initialisation only.');
    const config = JSON.parse(await readFile(artifactPath(service, id, 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      architectures: ['LlamaForCausalLM'],
      hidden_size: 192,
      num_attention_heads: 6,
      num_key_value_heads: 6,
      head_dim: 32,
      intermediate_size: 528,
      vocab_size: 260,
    });
    const reader = await CheckpointReader.open(artifactPath(service, id, 'model.safetensors'));
    expect(reader.tensors.get('model.layers.3.mlp.down_proj.weight')?.shape).toEqual([192, 528]);
    expect(reader.tensors.get('lm_head.weight')?.shape).toEqual([260, 192]);
    await reader.close();
    expect(await readFile(artifactPath(service, id, 'README.md'), 'utf8')).toContain('initialisation');
  });

  it('is the same on every page and in every file', async () => {
    const said = { fit: 'closed_form', basis: 'weight' };
    expect(await saidOf(id)).toEqual({ job: said, metrics: said, recipe: said, card: said, report: said });
  });

  it('gives one CSV line per tensor that writes a reduced space', async () => {
    const { text } = await service.http.get(`/v1/jobs/${id}/metrics?format=csv`).expect(200);
    const names = text
      .trim()
      .split('\r\n')
      .map((line) => line.split(',')[0]);
    expect(names).toEqual(['name', ...metrics.tensors.map(({ name }) => name)]);
    // the embedding, and per layer q, k, v, o, gate, up, down
    expect(names.length).toBe(1 + 1 + 4 * 7);
  });
});

it('one model grows: the same losses from a wider stock checkpoint', async () => {
  const spec = pair({
    sources: [{ checkpoint: 'llama-a' }],
    probe: [{ ...tokens, name: 'eng', ids: 'llama.eval.eng' }],
  });
  const dead = await service.http.post('/v1/jobs/plan').send({ ...spec, method: { padding: 'zero' } });
  expect(dead.body.spaces[0]).toMatchObject({ legality: 'exact', reason: expect.stringContaining('padding zero') });
  const job = await runJob(service.http, spec);
  expect(job.error).toBeNull();
  const metrics: TransformerMetrics = (await service.http.get(`/v1/jobs/${job.id}/metrics`).expect(200)).body;
  const [eng] = metrics.probes;
  expect(Math.abs((eng.result_loss ?? 0) - (eng.source_losses[0] ?? 0))).toBeLessThan(1e-5);
  expect(eng.top1_agreement).toBeGreaterThan(0.999);
  expect(metrics.spaces.every(({ legality }) => legality === 'exact')).toBe(true);
  const config = JSON.parse(await readFile(artifactPath(service, job.id, 'config.json'), 'utf8'));
  expect(config).toMatchObject({ hidden_size: 192, num_attention_heads: 6, intermediate_size: 528 });
  for (const file of ['README.md', 'report.html'])
    expect(await readFile(artifactPath(service, job.id, file), 'utf8')).toContain('Computes what its source computes');
});

it('a calibrated merge takes its tokens from an upload, and reports each layer as it goes', async () => {
  const calibration = { ...tokens, tensor: 'llama.calibration.ids' };
  await upload(service.http, 'padded', await paddedTokens(), 'tokens.safetensors');
  const names = { ids: 'ids', attention_mask: 'attention_mask' };
  const probe = [...(pair().probe as TokenProbe[]), { ...tokens, checkpoint: 'padded', name: 'eng, padded', ...names }];
  const target = { hidden_size: 192, num_attention_heads: 8, intermediate_size: 704 };
  const job = await runJob(service.http, pair({ method: { calibration }, probe, target }), 800);
  expect(job.error).toBeNull();
  const metrics: TransformerMetrics = (await service.http.get(`/v1/jobs/${job.id}/metrics`).expect(200)).body;
  const said = { fit: 'calibrated', basis: 'activation' };
  expect(await saidOf(job.id)).toEqual({ job: said, metrics: said, recipe: said, card: said, report: said });
  const [eng, code, padded] = metrics.probes;
  const mean = ((eng.result_loss as number) + (code.result_loss as number)) / 2;
  // At 1.5 times the width: below the better source (1.610); the mean of both (1.441) needs two models.
  expect(mean).toBeLessThan(1.51);
  expect(mean).toBeGreaterThan(1.441);
  expect(metrics.merge.calibration_stream_error?.length).toBe(9);
  expect(padded.counted).toBe(eng.counted);
  expect(padded.source_losses[0]).toBeCloseTo(eng.source_losses[0] as number, 4);
  expect(padded.result_loss).toBeCloseTo(eng.result_loss as number, 4);
}, 900_000);

describe('a spec that cannot succeed is refused at submission', () => {
  it.each<[string, Partial<JobSpecInput>, string]>([
    ['sources of two families', { sources: [{ checkpoint: 'llama-a' }, { checkpoint: 'bert-a' }] }, 'sources_differ'],
    [
      'a source without config.json',
      { sources: [{ checkpoint: 'llama-a' }, { checkpoint: 'tokens' }] },
      'config_missing',
    ],
    ['a width beyond both', { target: { hidden_size: 257 } }, 'width_out_of_range'],
    ['a probe of random numbers', { probe: { inputs: 'random' } }, 'probe_not_applicable'],
    [
      'tokens that a closed form on weights does not read',
      { method: { fit: 'closed_form', calibration: { ...tokens, tensor: 'llama.calibration.ids' } } },
      'calibration_not_applicable',
    ],
  ])('%s', async (_, change, code) => {
    const { status, body } = await service.http.post('/v1/jobs').send(pair(change));
    expect([status, body.code]).toEqual([422, code]);
  });

  const calibration = { ...tokens, tensor: 'llama.calibration.ids' };
  it.each<[string, Partial<JobSpecInput>, string, string]>([
    [
      'calibration',
      { method: { calibration: { ...tokens, tensor: 'nope' } } },
      'tokens_not_found',
      '/method/calibration/tensor',
    ],
    [
      'a calibration mask',
      { method: { calibration: { ...calibration, attention_mask: 'nope' } } },
      'tokens_not_found',
      '/method/calibration/attention_mask',
    ],
    ['a probe', { probe: { ...tokens, ids: 'nope' } }, 'tokens_not_found', '/probe/ids'],
    [
      'labels of the second probe',
      {
        probe: [
          { ...tokens, ids: 'llama.eval.eng' },
          { ...tokens, ids: 'llama.eval.code', labels: 'nope' },
        ],
      },
      'tokens_not_found',
      '/probe/1/labels',
    ],
    [
      'an attention mask of another shape',
      { probe: { ...tokens, ids: 'llama.eval.eng', attention_mask: 'bert.eval.eng.mask' } },
      'tokens_invalid',
      '/probe/attention_mask',
    ],
  ])('a wrong tensor for %s: the field, the file and what it has instead', async (_, change, code, pointer) => {
    const { status, body } = await service.http.post('/v1/jobs').send(pair(change));
    expect([status, body.code, body.errors[0].pointer]).toEqual([422, code, pointer]);
    expect(body.detail).toMatch(/^File "tokens\.safetensors" of checkpoint "tokens" (has|holds) /);
    expect(body.detail).toMatch(/ Its integers \[.*: .*"llama\./);
  });

  it('a wrong file, or checkpoint, of tokens', async () => {
    const refused = async (change: object) => {
      const { body } = await service.http
        .post('/v1/jobs')
        .send(pair({ probe: [{ ...tokens, ids: 'llama.eval.eng', ...change }] }));
      return [body.code, body.errors[0].pointer];
    };
    expect(await refused({ file: 'none.safetensors' })).toEqual(['tokens_not_found', '/probe/0/file']);
    expect(await refused({ checkpoint: 'none' })).toEqual(['tokens_not_found', '/probe/0/checkpoint']);
  });

  it('sources with different tokenizers', async () => {
    await upload(service.http, 'llama-b', Buffer.from('{"version": "2.0"}'), 'tokenizer.json');
    const { status, body } = await service.http.post('/v1/jobs').send(pair());
    expect([status, body.code]).toEqual([422, 'tokenizers_differ']);
    expect(body.detail).toMatch(/llama-a.*llama-b.*tokenizer\.json/);
    await upload(service.http, 'llama-b', Buffer.from('{"version": "1.0"}'), 'tokenizer.json');
  });

  it.each<[string, object, string]>([
    ['no target', { target: undefined }, '/target'],
    ['a target for a chain', { model: { family: 'chain', layers: [{ weight: 'w' }] }, probe: undefined }, '/target'],
    ['float inputs as a probe', { probe: { ...tokens, tensor: 'x' } }, '/probe'],
    ['a balanced basis of a fit', { method: { basis: 'balanced', fit: 'calibrated' } }, '/method/fit'],
    [
      'a balanced basis with tokens',
      { method: { basis: 'balanced', calibration: { generate: {} } } },
      '/method/calibration',
    ],
    [
      'an activation basis without tokens',
      { method: { basis: 'activation', fit: 'closed_form' } },
      '/method/calibration',
    ],
    [
      'an activation basis of a fit that is left open',
      { method: { basis: 'activation', calibration: { generate: {} } } },
      '/method/fit',
    ],
  ])('%s', async (_, change, pointer) => {
    const { status, body } = await service.http.post('/v1/jobs').send({ ...pair(), ...change });
    expect([status, body.code]).toEqual([400, 'request_invalid']);
    expect(body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  });
});

it('plans without reading weights: every tensor, the legality of every space and why', async () => {
  const { body } = await service.http.post('/v1/jobs/plan').send(pair()).expect(200);
  expect(body).toMatchObject({ kind: 'transformer', family: 'llama', fit: 'closed_form' });
  expect(body.spaces.map(({ name }: { name: string }) => name)).toContain('residual');
  for (const { legality, reason } of body.spaces) {
    expect(['exact', 'selection', 'approximate']).toContain(legality);
    expect(reason.length).toBeGreaterThan(10);
  }
  const names = body.tensors.map(({ name }: { name: string }) => name);
  expect(names).toContain('model.layers.0.self_attn.q_proj.weight');
});
