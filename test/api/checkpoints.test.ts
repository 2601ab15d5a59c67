import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { rawFile, tensorJson } from '../support/raw-safetensors.js';
import { startService, type TestService, upload, waitForEnd } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let service: TestService;
let model: Buffer;

beforeAll(async () => {
  // No worker: jobs stay queued, which is what keeps a checkpoint in use.
  service = await startService(subfolder(root), { worker: false, env: { MAX_UPLOAD_BYTES: '100000' } });
  model = await readFile(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
});
afterAll(() => service?.close());

const put = (name: string, file = 'model.safetensors') =>
  service.http.put(`/v1/checkpoints/${name}/files/${file}`).set('content-type', 'application/octet-stream');
const stored = (name: string) => readdir(path.join(service.dataDir, 'checkpoints', name)).catch(() => []);
const digest = (bytes: Buffer) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;

describe('an upload', () => {
  it('is stored, listed and described', async () => {
    const reply = await put('first').send(model);
    const sha256 = createHash('sha256').update(model).digest('hex');
    expect(reply.status).toBe(201);
    expect(reply.headers).toMatchObject({ location: '/v1/checkpoints/first', etag: `"${sha256}"` });
    expect(reply.body).toMatchObject({ file: 'model.safetensors', size: model.length, sha256 });
    await put('first', 'config.json').send(Buffer.from('{"model_type":"chain"}')).expect(201);
    const { body } = await service.http.get('/v1/checkpoints/first').expect(200);
    expect(body).toMatchObject({ name: 'first', family: 'chain', missing_files: [], size: model.length + 22 });
    expect(body.tensors).toContainEqual({
      name: 'layers.0.weight',
      dtype: 'F32',
      shape: [4, 5],
      file: 'model.safetensors',
    });
    expect((await readFile(path.join(service.dataDir, 'checkpoints/first/model.safetensors'))).equals(model)).toBe(
      true,
    );
  });

  it('whatever type the client claims', async () => {
    for (const type of ['application/json', 'text/plain'])
      await service.http
        .put('/v1/checkpoints/typed/files/model.safetensors')
        .set('content-type', type)
        .send(model.toString('latin1'))
        .expect((reply) => {
          expect(reply.body.code ?? 'stored').toMatch(/stored|safetensors_invalid/);
        });
    const bare = await fetch(`${service.url}/v1/checkpoints/typed/files/model.safetensors`, {
      method: 'PUT',
      body: new Uint8Array(model),
    });
    expect(bare.status).toBe(201);
  });

  it('replaces a file as a whole', async () => {
    const other = await readFile(await makeCheckpoint(subfolder(root), [{ name: 'x', shape: [1], values: [1] }]));
    await put('replaced').send(model).expect(201);
    await put('replaced').send(other).expect(201);
    const { body } = await service.http.get('/v1/checkpoints/replaced');
    expect(body.tensors.map(({ name }: { name: string }) => name)).toEqual(['x']);
    // A replacement that fails leaves what was there.
    await put('replaced').send(Buffer.from('nonsense that is no header')).expect(422);
    expect((await service.http.get('/v1/checkpoints/replaced')).body.tensors.length).toBe(1);
  });

  it('is checked against its Content-Digest', async () => {
    await put('digest').set('content-digest', digest(model)).send(model).expect(201);
    await put('digest2')
      .set('content-digest', `sha-512=:AAAA:, ${digest(model)}`)
      .send(model)
      .expect(201);
    const wrong = await put('wrong')
      .set('content-digest', digest(Buffer.from('other')))
      .send(model);
    expect([wrong.status, wrong.body.code]).toEqual([400, 'digest_mismatch']);
    const malformed = await put('wrong').set('content-digest', 'sha-256=:short:').send(model);
    expect([malformed.status, malformed.body.code]).toEqual([400, 'digest_malformed']);
    expect(await stored('wrong')).toEqual([]);
    await service.http.get('/v1/checkpoints/wrong').expect(404);
  });

  it('cut short by a closed connection leaves nothing', async () => {
    const socket = net.connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      `PUT /v1/checkpoints/cut/files/model.safetensors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: ${model.length}\r\n\r\n`,
    );
    socket.write(model.subarray(0, 40));
    await expect.poll(() => stored('cut')).not.toEqual([]);
    socket.destroy();
    await expect.poll(() => stored('cut')).toEqual([]);
    await service.http.get('/v1/checkpoints/cut').expect(404);
    await service.http.get('/healthz').expect(200);
  });

  it('larger than MAX_UPLOAD_BYTES is refused, announced or not', async () => {
    const large = Buffer.alloc(100001);
    const announced = await put('large').send(large);
    expect([announced.status, announced.body.code]).toEqual([413, 'upload_too_large']);
    const stream = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 11; i++) controller.enqueue(new Uint8Array(10_000));
        controller.close();
      },
    });
    const chunked = await fetch(`${service.url}/v1/checkpoints/large/files/model.safetensors`, {
      method: 'PUT',
      body: stream,
      duplex: 'half',
    } as RequestInit).then(
      async (reply) => [reply.status, ((await reply.json()) as { code: string }).code],
      // The server may close before it has read what it refuses.
      () => [413, 'upload_too_large'],
    );
    expect(chunked).toEqual([413, 'upload_too_large']);
    expect(await stored('large')).toEqual([]);
  });

  it.each([
    ['truncated', () => model.subarray(0, -1), 'data_length|truncated'],
    ['empty', () => Buffer.alloc(0), 'shorter'],
    [
      'overlapping',
      () => rawFile(`{"a":${tensorJson('F32', [1], 0, 4)},"b":${tensorJson('F32', [1], 0, 4)}}`, 4),
      'begins at',
    ],
    ['a claimed header of 2⁶³ bytes', () => rawFile('{}', 0, 2n ** 63n), 'limit'],
  ])('of a malformed file is refused: %s', async (_, bytes, detail) => {
    const reply = await put('malformed').send(bytes());
    expect([reply.status, reply.body.code]).toEqual([422, 'safetensors_invalid']);
    expect(reply.body.detail).toMatch(new RegExp(detail));
    expect(await stored('malformed')).toEqual([]);
  });

  it('of JSON that is none is refused', async () => {
    expect((await put('j', 'config.json').send(Buffer.from('{'))).body.code).toBe('json_invalid');
    expect(
      (await put('j', 'model.safetensors.index.json').send(Buffer.from('{"weight_map":{"a":"../x.safetensors"}}'))).body
        .code,
    ).toBe('index_invalid');
    for (const [file, content, code] of [
      ['vocab.json', '['.repeat(50_000), 'json_too_deep'],
      ['vocab.json', `${'[{"a":'.repeat(65)}1${'}]'.repeat(65)}`, 'json_too_deep'],
      ['tokenizer.json', 'version https://git-lfs.github.com/spec/v1\n', 'json_invalid'],
      ['tokenizer.model', 'version https://git-lfs.github.com/spec/v1\n', 'content_unexpected'],
      ['vocab.txt', '<!DOCTYPE html><html>', 'content_unexpected'],
      ['tokenizer.json', '{"a":"\xff"}', 'json_invalid'],
    ]) {
      const { status, body } = await put('j', file).send(Buffer.from(content, 'latin1'));
      expect([file, status, body.code]).toEqual([file, 422, code]);
      expect(body.detail).toContain(`"${file}"`);
    }
    expect(
      (await put('j', 'tokenizer.json').send(Buffer.from('version https://git-lfs.github.com/spec/v1\n'))).body.detail,
    ).toContain('a Git LFS pointer');
    expect(await stored('j')).toEqual([]);
  });

  it.each(['pytorch_model.bin', 'model.pt', 'model.ckpt', 'x.pth', 'x.PKL', 'x.pickle'])(
    'of the pickle %s is refused, with the way out',
    async (file) => {
      const reply = await put('pickle', file).send(Buffer.from('\x80\x04', 'latin1'));
      expect([reply.status, reply.body.code]).toEqual([422, 'pickle_refused']);
      expect(reply.body.detail).toContain('safetensors.torch');
      expect(await stored('pickle')).toEqual([]);
    },
  );

  it.each([
    '/v1/checkpoints/..%2fescape/files/model.safetensors',
    '/v1/checkpoints/%2e%2e/files/model.safetensors',
    '/v1/checkpoints/ok/files/..%2f..%2fescape.safetensors',
    '/v1/checkpoints/ok/files/%2e%2e%2fescape.safetensors',
    '/v1/checkpoints/ok/files/..%5cescape.safetensors',
    '/v1/checkpoints/.hidden/files/model.safetensors',
    '/v1/checkpoints/ok/files/.weightfold',
    '/v1/checkpoints/ok/files/a%00.safetensors',
    '/v1/checkpoints/a%20b/files/model.safetensors',
    `/v1/checkpoints/${'x'.repeat(129)}/files/model.safetensors`,
  ])('to %s goes nowhere', async (url) => {
    // Raw, because clients tidy paths up before they send them.
    const status = await rawStatus(url);
    expect([400, 404]).toContain(status);
    const names = await readdir(path.join(service.dataDir, 'checkpoints'));
    expect(names.filter((name) => /escape|hidden|^ok$|xxx| /.test(name))).toEqual([]);
    expect((await readdir(service.dataDir)).filter((name) => /escape/.test(name))).toEqual([]);
  });

  async function rawStatus(url: string): Promise<number> {
    const socket = net.connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.write(
      `PUT ${url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${model.length}\r\n\r\n`,
    );
    socket.write(model);
    let text = '';
    for await (const chunk of socket) text += chunk;
    return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
  }
});

describe('checkpoints', () => {
  it('of shards say what is missing, and cannot be merged until it is there', async () => {
    const index = { weight_map: { 'layers.0.weight': 's1.safetensors', 'layers.1.weight': 's2.safetensors' } };
    const [first, second] = randomChain([5, 4, 3], 1);
    await put('sharded', 'model.safetensors.index.json')
      .send(Buffer.from(JSON.stringify(index)))
      .expect(201);
    await put('sharded', 's1.safetensors')
      .send(await readFile(await makeCheckpoint(subfolder(root), [first])))
      .expect(201);
    expect((await service.http.get('/v1/checkpoints/sharded')).body.missing_files).toEqual(['s2.safetensors']);
    const spec = {
      sources: [{ checkpoint: 'sharded' }],
      model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 2 }, { weight: 'layers.1.weight' }] },
    };
    const early = await service.http.post('/v1/jobs/plan').send(spec);
    expect([early.status, early.body.code]).toEqual([422, 'shard_missing']);
    await put('sharded', 's2.safetensors')
      .send(await readFile(await makeCheckpoint(subfolder(root), [second])))
      .expect(201);
    expect((await service.http.get('/v1/checkpoints/sharded')).body.missing_files).toEqual([]);
    await service.http.post('/v1/jobs/plan').send(spec).expect(200);
  });

  it('are listed in pages', async () => {
    for (const name of ['page-1', 'page-2', 'page-3']) await upload(service.http, name, model);
    const { body } = await service.http.get('/v1/checkpoints?after=page-0&limit=2').expect(200);
    expect([body.data.map(({ name }: { name: string }) => name), body.has_more]).toEqual([['page-1', 'page-2'], true]);
    expect([body.first_id, body.last_id]).toEqual(['page-1', 'page-2']);
    const { body: none } = await service.http.get('/v1/checkpoints?after=zzz').expect(200);
    expect(none).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false });
    expect(body.data[0]).toMatchObject({ object: 'checkpoint', size: model.length, file_count: 1 });
    await service.http.get('/v1/checkpoints?limit=0').expect(400);
  });

  it('are deleted, but neither deleted nor changed while a job needs them', async () => {
    await upload(service.http, 'needed', model);
    const { body: job } = await service.http
      .post('/v1/jobs')
      .send({
        sources: [{ checkpoint: 'needed' }],
        model: { family: 'chain', layers: [{ weight: 'layers.0.weight' }] },
      })
      .expect(202);
    for (const reply of [
      await service.http.delete('/v1/checkpoints/needed'),
      await put('needed').send(model),
      await put('needed', 'new.json').send(Buffer.from('{}')),
    ]) {
      expect([reply.status, reply.body.code]).toEqual([409, 'checkpoint_in_use']);
      expect(reply.body.detail).toContain(job.id);
    }
    await service.http.post(`/v1/jobs/${job.id}/cancel`);
    await waitForEnd(service.http, job.id);
    await service.http.delete('/v1/checkpoints/needed').expect(204);
    await service.http.get('/v1/checkpoints/needed').expect(404);
    await service.http.delete('/v1/checkpoints/needed').expect(404);
    expect(await stored('needed')).toEqual([]);
  });
});
