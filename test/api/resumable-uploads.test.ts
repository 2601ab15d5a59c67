import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { Socket } from 'node:net';
import path from 'node:path';
import { Upload, type UploadOptions } from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { eventually } from '../support/patience.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const MOST = 4 * 1024 * 1024;
let service: TestService;
let model: Buffer;

beforeAll(async () => {
  service = await startService(subfolder(root), { worker: false, env: { MAX_UPLOAD_BYTES: `${MOST}` } });
  model = await readFile(await makeCheckpoint(subfolder(root), randomChain([600, 500, 400], 1)));
});
afterAll(() => service?.close());

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const uploads = () => readdir(path.join(service.dataDir, 'uploads'));
const stored = (checkpoint: string, file = 'model.safetensors') =>
  readFile(path.join(service.dataDir, 'checkpoints', checkpoint, file));
const isThere = (checkpoint: string) =>
  service.http.get(`/v1/checkpoints/${checkpoint}`).then(({ status }) => status === 200);

interface Sent {
  url: string | null;
  /** Bytes sent in all, by as many requests as it took. */
  patches: number;
  error?: { status: number; code: string };
}

/** Upload as clients do, with the tus project's own one; `until` breaks it off after so many bytes. */
function send(
  bytes: Buffer,
  checkpoint: string,
  options: Partial<UploadOptions> = {},
  until = Number.POSITIVE_INFINITY,
) {
  return new Promise<Sent>((resolve) => {
    let patches = 0;
    const upload = new Upload(bytes, {
      endpoint: `${service.url}/v1/uploads`,
      chunkSize: 256 * 1024,
      retryDelays: [],
      metadata: { checkpoint, filename: 'model.safetensors' },
      onBeforeRequest: (request) => {
        if (request.getMethod() === 'PATCH') patches++;
      },
      onChunkComplete: (_, accepted) => {
        if (accepted >= until) void upload.abort().then(() => resolve({ url: upload.url, patches }));
      },
      onSuccess: () => resolve({ url: upload.url, patches }),
      onError: (error) => {
        const reply = 'originalResponse' in error ? error.originalResponse : null;
        const body = JSON.parse(reply?.getBody() || '{}');
        resolve({ url: upload.url, patches, error: { status: reply?.getStatus() ?? 0, code: body.code } });
      },
      ...options,
    });
    upload.start();
  });
}

const begin = (metadata: Record<string, string>, length: number | string = 10) =>
  service.http
    .post('/v1/uploads')
    .set('tus-resumable', '1.0.0')
    .set('upload-length', `${length}`)
    .set(
      'upload-metadata',
      Object.entries(metadata)
        .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
        .join(','),
    );

/** Where an upload is: `Location` is relative to the request that began it. */
const placeOf = ({ location }: Record<string, string>) => new URL(location, `${service.url}/v1/uploads`).pathname;

describe('a resumable upload', () => {
  it('that is broken off goes on where it stopped, and becomes a file of the checkpoint', async () => {
    const broken = await send(model, 'resumed', {}, 1024 * 1024);
    expect(broken.error).toBeUndefined();
    expect(await isThere('resumed')).toBe(false);
    const head = await service.http
      .head(new URL(broken.url as string).pathname)
      .set('tus-resumable', '1.0.0')
      .expect(200);
    expect([head.headers['upload-offset'], head.headers['upload-length']]).toEqual([
      `${1024 * 1024}`,
      `${model.length}`,
    ]);
    expect(Date.parse(head.headers['upload-expires'] ?? '') || Number.POSITIVE_INFINITY).toBeGreaterThan(Date.now());
    const rest = await send(model, 'resumed', { uploadUrl: broken.url });
    expect([rest.error, rest.url]).toEqual([undefined, broken.url]);
    expect(broken.patches + rest.patches).toBe(Math.ceil(model.length / (256 * 1024)));
    expect((await stored('resumed')).equals(model)).toBe(true);
    const { body } = await service.http.get('/v1/checkpoints/resumed').expect(200);
    expect(body.files).toMatchObject([{ file: 'model.safetensors', size: model.length, sha256: sha256(model) }]);
    expect(body.tensors.length).toBe(2);
    // The bytes were moved, not copied; who lost the last answer is told that all is there.
    expect(await uploads()).toEqual([`${path.basename(broken.url as string)}.json`]);
    const again = await send(model, 'resumed', { uploadUrl: broken.url });
    expect([again.error, again.patches]).toEqual([undefined, 0]);
  });

  it('whose connection is cut within a request keeps what arrived', async () => {
    const { url } = await send(model, 'cut', {}, 1);
    const { pathname } = new URL(url as string);
    const head = async () =>
      Number((await service.http.head(pathname).set('tus-resumable', '1.0.0')).headers['upload-offset']);
    const from = await head();
    const headers = {
      'tus-resumable': '1.0.0',
      'upload-offset': from,
      'content-type': 'application/offset+octet-stream',
      'content-length': model.length - from,
    };
    const cut = http.request(url as string, { method: 'PATCH', headers }).on('error', () => {});
    cut.write(model.subarray(from, from + 700_000));
    const there = path.join(service.dataDir, 'uploads', path.basename(pathname));
    await eventually(async () => (await stat(there)).size > from);
    cut.destroy();
    const arrived = await head();
    expect(arrived).toBeGreaterThan(from);
    expect(arrived).toBeLessThanOrEqual(from + 700_000);
    expect(await isThere('cut')).toBe(false);
    expect((await send(model, 'cut', { uploadUrl: url })).error).toBeUndefined();
    expect((await stored('cut')).equals(model)).toBe(true);
  });

  it('that falls silent within a request is cut as any connection is, but not while its file is checked', async () => {
    const { services } = service;
    const app = await buildApp(services);
    try {
      const connected = new Promise<Socket>((resolve) => app.server.once('connection', resolve));
      const pathname = placeOf((await begin({ checkpoint: 'silent', filename: 'vocab.txt' }, 10)).headers);
      const headers = {
        'tus-resumable': '1.0.0',
        'upload-offset': 0,
        'content-type': 'application/offset+octet-stream',
        'content-length': 10,
      };
      const patch = http.request(new URL(pathname, await app.listen()), { method: 'PATCH', headers });
      const adopt = services.checkpoints.adopt.bind(services.checkpoints);
      let checking: number | undefined;
      services.checkpoints.adopt = async (...given) => {
        services.checkpoints.adopt = adopt;
        checking = socket.timeout;
        return adopt(...given);
      };
      patch.write('12345');
      const socket = await connected;
      const there = path.join(service.dataDir, 'uploads', path.basename(pathname));
      await eventually(async () => (await stat(there)).size > 0);
      expect(socket.timeout).toBeGreaterThan(0);
      patch.end('67890');
      const [{ statusCode }] = await once(patch, 'response');
      expect([statusCode, checking]).toEqual([204, 0]);
    } finally {
      app.server.closeAllConnections();
      await app.close();
    }
  });

  it('may come in one request, also with its creation', async () => {
    expect((await send(model, 'whole', { chunkSize: Number.POSITIVE_INFINITY })).error).toBeUndefined();
    expect((await send(model, 'created', { uploadDataDuringCreation: true, chunkSize: MOST })).error).toBeUndefined();
    expect(
      (await send(model, 'deferred', { uploadLengthDeferred: true, uploadSize: model.length })).error,
    ).toBeUndefined();
    for (const name of ['whole', 'created', 'deferred']) expect((await stored(name)).equals(model)).toBe(true);
  });

  it('that arrived whole before the service died is taken at the next start', async () => {
    const { url } = await send(model, 'crashed', {}, 1024 * 1024);
    await writeFile(path.join(service.dataDir, 'uploads', path.basename(url as string)), model);
    expect(await isThere('crashed')).toBe(false);
    await service.services.uploads.sweep();
    expect((await stored('crashed')).equals(model)).toBe(true);
    expect(await isThere('crashed')).toBe(true);
  });

  it('with another digest than announced, or that is not what its name says, leaves nothing', async () => {
    const digest = { checkpoint: 'refused', filename: 'model.safetensors', sha256: sha256(randomBytes(8)) };
    expect((await send(model, 'refused', { metadata: digest })).error).toEqual({
      status: 400,
      code: 'digest_mismatch',
    });
    const right = { ...digest, checkpoint: 'right', sha256: sha256(model).toUpperCase() };
    expect((await send(model, 'right', { metadata: right })).error).toBeUndefined();
    const noise = randomBytes(300_000);
    expect((await send(noise, 'refused')).error).toEqual({ status: 422, code: 'safetensors_invalid' });
    const json = { checkpoint: 'refused', filename: 'config.json' };
    expect((await send(noise, 'refused', { metadata: json })).error).toEqual({ status: 422, code: 'json_invalid' });
    expect((await send(model.subarray(0, -1), 'whole')).error?.code).toBe('safetensors_invalid');
    expect((await stored('whole')).equals(model)).toBe(true);
    expect(await isThere('refused')).toBe(false);
    expect((await uploads()).filter((name) => !name.endsWith('.json'))).toEqual([]);
  });

  it.each([
    [{ filename: 'model.safetensors' }, 422, 'upload_metadata_invalid'],
    [{ checkpoint: 'x' }, 422, 'upload_metadata_invalid'],
    [{ checkpoint: '../x', filename: 'model.safetensors' }, 422, 'upload_metadata_invalid'],
    [{ checkpoint: 'x', filename: '../../etc/passwd' }, 422, 'upload_metadata_invalid'],
    [{ checkpoint: 'x', filename: '.weightfold' }, 422, 'upload_metadata_invalid'],
    [{ checkpoint: 'x', filename: 'a', sha256: 'abc' }, 422, 'upload_metadata_invalid'],
    [{ checkpoint: 'x', filename: 'pytorch_model.bin' }, 422, 'pickle_refused'],
    [{ checkpoint: 'x', filename: 'a', length: `${MOST + 1}` }, 413, 'upload_too_large'],
    [{ checkpoint: 'x', filename: 'a', length: '' }, 400, 'upload_request_invalid'],
    [{ checkpoint: 'x', filename: 'a', length: '-1' }, 400, 'upload_request_invalid'],
  ])(
    'of %j is refused before any byte is sent',
    async ({ length, ...metadata }: Record<string, string>, status, code) => {
      const before = await uploads();
      const reply = await begin(metadata, length);
      expect([reply.status, reply.body.code, reply.type]).toEqual([status, code, 'application/problem+json']);
      expect(reply.headers['tus-resumable']).toBe('1.0.0');
      expect(await uploads()).toEqual(before);
    },
  );

  it('that breaks the protocol gets a problem with a code', async () => {
    const { headers } = await begin({ checkpoint: 'x', filename: 'a' }).expect(201);
    expect(headers.location).toMatch(/^uploads\/[0-9a-f]{32}$/);
    const url = placeOf(headers);
    const patch = (at: string, offset: string) =>
      service.http
        .patch(at)
        .set('tus-resumable', '1.0.0')
        .set('upload-offset', offset)
        .set('content-type', 'application/offset+octet-stream');
    const none = '/v1/uploads/00000000000000000000000000000000';
    for (const [reply, status, code] of [
      [await patch(url, '5').send('01234'), 409, 'upload_offset_conflict'],
      [await patch(url, '0').send('01234567890'), 413, 'upload_too_large'],
      [await patch(url, 'x').send('0'), 400, 'upload_request_invalid'],
      [await patch(url, '0').set('content-type', 'text/plain').send('0'), 415, 'media_type_unsupported'],
      [await patch(none, '0').send('0'), 404, 'upload_not_found'],
      [await service.http.patch(url).set('upload-offset', '0').send('0'), 412, 'upload_request_invalid'],
      [await patch('/v1/uploads/..%2f..%2fjobs', '0').send('0'), 400, 'request_invalid'],
      [await service.http.get(url), 405, 'method_not_allowed'],
    ] as const)
      expect([reply.status, reply.body.code, reply.type]).toEqual([status, code, 'application/problem+json']);
    await service.http.delete(url).set('tus-resumable', '1.0.0').expect(204);
    await service.http.head(url).set('tus-resumable', '1.0.0').expect(404);
    const options = await service.http.options('/v1/uploads').expect(204);
    expect([options.headers['tus-version'], options.headers['tus-max-size']]).toEqual(['1.0.0', `${MOST}`]);
    expect(Object.keys(options.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  it('waits, whole, while jobs read the checkpoint it would change', async () => {
    const model2 = {
      family: 'chain',
      layers: [{ weight: 'layers.0.weight', width: 450 }, { weight: 'layers.1.weight' }],
    };
    const { url } = await send(model, 'whole', {}, 1024 * 1024);
    const spec = { sources: [{ checkpoint: 'whole' }, { checkpoint: 'whole' }], model: model2 };
    const { body: job } = await service.http.post('/v1/jobs').send(spec).expect(202);
    expect((await send(model, 'whole', { uploadUrl: url })).error).toEqual({ status: 409, code: 'checkpoint_in_use' });
    expect((await begin({ checkpoint: 'whole', filename: 'a' })).body.code).toBe('checkpoint_in_use');
    await service.http.post(`/v1/jobs/${job.id}/cancel`).expect(202);
    const { ino } = await stat(path.join(service.dataDir, 'uploads', path.basename(url as string)));
    expect(await send(model, 'whole', { uploadUrl: url })).toMatchObject({ patches: 0 });
    expect((await stat(path.join(service.dataDir, 'checkpoints', 'whole', 'model.safetensors'))).ino).toBe(ino);
  });

  it('that nobody finishes is forgotten after UPLOAD_EXPIRY_HOURS', async () => {
    const { headers } = await begin({ checkpoint: 'x', filename: 'a' }).expect(201);
    expect(Date.parse(headers['upload-expires']) - Date.now()).toBeGreaterThan(6 * 24 * 3600_000);
    const id = path.basename(headers.location);
    const described = path.join(service.dataDir, 'uploads', `${id}.json`);
    await service.services.uploads.sweep();
    expect(await uploads()).toContain(id);
    const old = { ...JSON.parse(await readFile(described, 'utf8')), creation_date: '2020-01-01T00:00:00.000Z' };
    await writeFile(described, JSON.stringify(old));
    await utimes(described, 0, 0);
    const late = await service.http.head(placeOf(headers)).set('tus-resumable', '1.0.0');
    expect(late.status).toBe(410);
    await service.services.uploads.sweep();
    expect((await uploads()).filter((name) => name.startsWith(id))).toEqual([]);
  });
});
