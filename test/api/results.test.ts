import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact, Job } from '../../src/schemas/job.js';
import { makeCheckpoint, randomChain, randomValues } from '../support/checkpoint.js';
import { artifactPath, runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
/** Files that travel with a model. */
const COMPANIONS = {
  'additional_chat_templates/tool_use.jinja': '{{ tools }}',
  'chat_template.jinja': '{{ messages }}',
  'chat_templates/rag.jinja': '{{ documents }}',
  'preprocessor_config.json': '{}',
  'sentencepiece.bpe.model': 'pieces',
  'spiece.model': 'pieces',
  'tokenizer.json': '{"version":"1.0"}',
};

let service: TestService;
let job: Job;
let whole: Buffer;

beforeAll(async () => {
  service = await startService(subfolder(root));
  for (const [name, seed] of [
    ['a', 1],
    ['b', 2],
  ] as const)
    await upload(service.http, name, await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], seed)));
  for (const [file, content] of Object.entries(COMPANIONS))
    await upload(service.http, 'a', Buffer.from(content), encodeURIComponent(file));
  await upload(
    service.http,
    'p',
    await makeCheckpoint(subfolder(root), [{ name: 'x', shape: [6, 10], values: randomValues(60, 5) }]),
  );
  job = await runJob(service.http, {
    sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
    model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }] },
    probe: { checkpoint: 'p', file: 'model.safetensors', tensor: 'x' },
  });
  expect(job.status).toBe('succeeded');
  whole = await readFile(artifactPath(service, job.id, 'model.safetensors'));
});
afterAll(() => service?.close());

const get = (file = 'model.safetensors') =>
  service.http.get(`/v1/jobs/${job.id}/artifacts/${file}`).buffer(true).parse(bytes);
/** Bodies as bytes, whatever their type. */
function bytes(response: unknown, done: (error: Error | null, body: Buffer) => void): void {
  const stream = response as NodeJS.ReadableStream;
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => done(null, Buffer.concat(chunks)));
}

describe('metrics', () => {
  it('as JSON, from the probe that was named', async () => {
    const { body } = await service.http.get(`/v1/jobs/${job.id}/metrics`).expect(200);
    expect(body.job_id).toBe(job.id);
    expect(body.tensors[0]).toMatchObject({
      name: 'layers.0.weight',
      source_shapes: [
        [4, 5],
        [4, 5],
      ],
      shape: [4, 10],
    });
    expect(body.spaces[0]).toMatchObject({ name: 'h0', source_width: 8, width: 4, legality: 'exact' });
    expect(body.environment).toMatchObject({ backend: 'cpu', library: expect.stringContaining('OpenBLAS') });
    expect(body.timings.total_s).toBeGreaterThan(0);
    expect(body.peak_memory_bytes).toBeGreaterThan(1e6);
  });

  it('as CSV, one line per tensor', async () => {
    const { text, headers } = await service.http.get(`/v1/jobs/${job.id}/metrics?format=csv`).expect(200);
    expect(headers['content-type']).toContain('text/csv');
    const [head, line, end] = text.split('\r\n');
    const { body } = await service.http.get(`/v1/jobs/${job.id}/metrics`);
    const [name, shape, mean] = line.split(',');
    expect(head.split(',').slice(0, 3)).toEqual(['name', 'shape', 'mean_abs_error']);
    expect([name, shape, Number(mean), end]).toEqual(['layers.0.weight', '4x10', body.tensors[0].mean_abs_error, '']);
    await service.http.get(`/v1/jobs/${job.id}/metrics?format=xml`).expect(400);
  });
});

describe('artifacts', () => {
  it('are listed with size and hash, and are what they say', async () => {
    const { body } = await service.http.get(`/v1/jobs/${job.id}/artifacts`).expect(200);
    const files = body.data as Artifact[];
    expect(files.map(({ file }) => file)).toEqual(
      [
        'bases.safetensors',
        'config.json',
        'job.json',
        'metrics.json',
        'model.safetensors',
        'report.html',
        ...Object.keys(COMPANIONS),
      ].sort(),
    );
    for (const { size, sha256, url } of files) {
      const reply = await service.http.get(url).buffer(true).parse(bytes).expect(200);
      expect((reply.body as Buffer).length).toBe(size);
      expect(createHash('sha256').update(reply.body).digest('hex')).toBe(sha256);
    }
  });

  it('job.json holds enough to run the job again', async () => {
    const recipe = JSON.parse(String((await get('job.json')).body));
    expect(recipe).toMatchObject({ id: job.id, spec: job.spec });
    const source = await readFile(`${service.dataDir}/checkpoints/b/model.safetensors`);
    expect(recipe.inputs).toContainEqual({
      source: 1,
      file: 'model.safetensors',
      size: source.length,
      sha256: createHash('sha256').update(source).digest('hex'),
    });
    expect(recipe.versions.library).toContain('OpenBLAS');
  });

  it('whole, with strong ETag and Repr-Digest', async () => {
    const reply = await get();
    const sha = createHash('sha256').update(whole);
    const digest = sha.copy().digest('base64');
    expect(reply.status).toBe(200);
    expect(whole.equals(reply.body)).toBe(true);
    expect(reply.headers).toMatchObject({
      etag: `"${sha.digest('hex')}"`,
      'repr-digest': `sha-256=:${digest}:`,
      'accept-ranges': 'bytes',
      'content-length': `${whole.length}`,
    });
  });

  it.each([
    ['bytes=0-9', 0, 10],
    ['bytes=10-', 10, undefined],
    ['bytes=-7', -7, undefined],
    ['bytes=5-5', 5, 6],
    ['bytes=3-99999999', 3, undefined],
  ])('the part %s', async (range, from, to) => {
    const reply = await get().set('range', range);
    const expected = whole.subarray(from, to);
    const start = from < 0 ? whole.length + from : from;
    expect(reply.status).toBe(206);
    expect(expected.equals(reply.body)).toBe(true);
    expect(reply.headers['content-range']).toBe(`bytes ${start}-${start + expected.length - 1}/${whole.length}`);
    expect(reply.headers['content-length']).toBe(`${expected.length}`);
  });

  it.each(['bytes=999999-', 'bytes=-0'])('the part %s is 416', async (range) => {
    const reply = await service.http.get(`/v1/jobs/${job.id}/artifacts/model.safetensors`).set('range', range);
    expect([reply.status, reply.body.code, reply.headers['content-range']]).toEqual([
      416,
      'range_not_satisfiable',
      `bytes */${whole.length}`,
    ]);
  });

  it.each(['bytes=0-1,3-4', 'lines=0-1', 'nonsense', 'bytes=5-1'])(
    '%s is no single range and gives the whole, or 416',
    async (range) => {
      const reply = await get().set('range', range);
      expect([200, 416]).toContain(reply.status);
      if (reply.status === 200) expect(whole.equals(reply.body)).toBe(true);
    },
  );

  it('If-Range: a part of this very file, the whole of another', async () => {
    const { etag } = (await get()).headers;
    expect((await get().set('range', 'bytes=0-3').set('if-range', etag)).status).toBe(206);
    expect((await get().set('range', 'bytes=0-3').set('if-range', '"other"')).status).toBe(200);
    expect((await get().set('range', 'bytes=0-3').set('if-range', `W/${etag}`)).status).toBe(200);
  });

  it('If-Match: this very file or nothing', async () => {
    const { etag } = (await get()).headers;
    expect((await get().set('if-match', `"other", ${etag}`)).status).toBe(200);
    expect((await get().set('if-match', '*')).status).toBe(200);
    expect((await get().set('if-match', `W/${etag}`).set('if-none-match', etag)).status).toBe(412);
  });

  it('If-None-Match: 304 for what the client has, before any range', async () => {
    const { etag } = (await get()).headers;
    const reply = await get().set('if-none-match', etag).set('range', 'bytes=0-3');
    expect([reply.status, reply.headers.etag, (reply.body as Buffer).length]).toEqual([304, etag, 0]);
    expect((await get().set('if-none-match', '*')).status).toBe(304);
    expect((await get().set('if-none-match', '"x", "y"')).status).toBe(200);
  });

  it('HEAD: the same headers, no body', async () => {
    const url = `/v1/jobs/${job.id}/artifacts/model.safetensors`;
    const [head, full] = [await service.http.head(url), await get()];
    expect(head.status).toBe(200);
    for (const name of ['etag', 'repr-digest', 'content-length', 'content-type', 'accept-ranges'])
      expect(head.headers[name]).toBe(full.headers[name]);
    const part = await service.http.head(url).set('range', 'bytes=0-3');
    expect([part.status, part.headers['content-length']]).toEqual([206, '4']);
  });

  it.each([
    'nope.safetensors',
    '.manifest.json',
    '..%2frecord.json',
    '%2e%2e%2frecord.json',
    '..%5crecord.json',
    'model.safetensors%00',
  ])('%s is not there', async (file) => {
    const reply = await service.http.get(`/v1/jobs/${job.id}/artifacts/${file}`);
    expect([400, 404]).toContain(reply.status);
    expect(reply.type).toBe('application/problem+json');
    expect(JSON.stringify(reply.body)).not.toContain('"spec"');
  });
});
