import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { runJob, startService, type TestService, upload, waitForEnd } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const allowed = subfolder(root);
const elsewhere = subfolder(root);
let service: TestService;

const layers = [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }];
const spec = (rest: object = {}) => ({
  sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
  model: { family: 'chain' as const, layers },
  ...rest,
});
const uri = (...parts: string[]) => pathToFileURL(path.join(...parts)).href;

beforeAll(async () => {
  service = await startService(subfolder(root), { env: { SOURCE_ROOTS: `${allowed}:/dev` } });
  for (const [name, seed] of [
    ['a', 1],
    ['b', 2],
  ] as const)
    await upload(service.http, name, await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], seed)));
  await makeCheckpoint(path.join(allowed, 'good'), randomChain([5, 4, 3], 3));
  await makeCheckpoint(path.join(elsewhere, 'secret'), randomChain([5, 4, 3], 4));
});
afterAll(() => service?.close());

describe('a request body', () => {
  const post = (body: string, type = 'application/json') =>
    service.http.post('/v1/jobs').set('content-type', type).send(body);

  it.each([
    ['an unknown key', spec({ colour: 1 }), '/colour', /not a known key/],
    [
      'an unknown key in a source',
      spec({ sources: [{ checkpoint: 'a', path: '/etc' }] }),
      '/sources/0/path',
      /not a known key/,
    ],
    [
      'an unknown key in the model',
      spec({ model: { family: 'chain', layers, depth: 3 } }),
      '/model/depth',
      /not a known key/,
    ],
    [
      'an unknown key in a layer',
      spec({ model: { family: 'chain', layers: [{ weight: 'w', widht: 3 }] } }),
      '/model/layers/0/widht',
      /not a known key/,
    ],
    ['an unknown family', spec({ model: { family: 'cnn' } }), '/model/family', /./],
    [
      'a width that is text',
      spec({ model: { family: 'chain', layers: [{ weight: 'w', width: '3' }] } }),
      '/model/layers/0/width',
      /number/,
    ],
    ['a checkpoint name with a path', spec({ sources: [{ checkpoint: '../a' }] }), '/sources/0', /./],
    ['an unsupported scheme', spec({ sources: [{ uri: 'ftp://x/y' }] }), '/sources/0', /./],
  ])('with %s is refused where it is wrong', async (_, body, pointer, message) => {
    const reply = await service.http.post('/v1/jobs').send(body);
    expect([reply.status, reply.type, reply.body.code]).toEqual([400, 'application/problem+json', 'request_invalid']);
    expect(reply.body).toMatchObject({
      status: 400,
      title: 'Bad Request',
      type: 'urn:weightfold:problem:request_invalid',
      request_id: reply.headers['x-request-id'],
    });
    const found = (reply.body.errors as { pointer: string; message: string }[]).filter((error) =>
      error.pointer.startsWith(pointer),
    );
    expect(found.length).toBeGreaterThan(0);
    expect(found.map((error) => error.message).join()).toMatch(message);
  });

  it.each(['[', '{"a":'])('of a megabyte of %s is refused', async (open) => {
    const deep = open.repeat(Math.floor(1_000_000 / open.length));
    const reply = await post(deep);
    expect([reply.status, reply.body.code]).toEqual([400, 'json_invalid']);
    const closed = `${'['.repeat(400_000)}${']'.repeat(400_000)}`;
    expect((await post(closed)).status).toBe(400);
    await service.http.get('/healthz').expect(200);
  });

  it('of another type, too large, empty, or not JSON is refused', async () => {
    const code = async (reply: { status: number; body: { code: string } }) => [reply.status, reply.body.code];
    expect(await code(await post('a=b', 'application/x-www-form-urlencoded'))).toEqual([415, 'media_type_unsupported']);
    expect(await code(await post('x'.repeat(1024 * 1024 + 1)))).toEqual([413, 'body_too_large']);
    expect(await code(await post(''))).toEqual([400, 'body_missing']);
    expect(await code(await post('{"a":1,}'))).toEqual([400, 'json_invalid']);
    expect(await code(await post('null'))).toEqual([400, 'request_invalid']);
  });

  it('cannot change what objects are', async () => {
    const reply = await post(JSON.stringify(spec()).replace('{', '{"__proto__":{"polluted":1},'));
    expect(reply.status).toBe(400);
    const nested = await post(
      JSON.stringify(spec({ labels: {} })).replace('"labels":{', '"labels":{"constructor":"x"'),
    );
    expect([202, 400]).toContain(nested.status);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('that names a checkpoint or a probe that is not there is refused', async () => {
    const refuse = async (body: object) => {
      const { status, body: problem } = await service.http.post('/v1/jobs').send(body);
      return [status, problem.code, problem.errors[0].pointer];
    };
    expect(await refuse(spec({ sources: [{ checkpoint: 'a' }, { checkpoint: 'nope' }] }))).toEqual([
      422,
      'checkpoint_not_found',
      '/sources/1/checkpoint',
    ]);
    const probe = (tensor: string, file = 'model.safetensors', checkpoint = 'a') =>
      spec({ probe: { checkpoint, file, tensor } });
    expect(await refuse(probe('x', 'none.safetensors'))).toEqual([422, 'probe_not_found', '/probe/file']);
    expect(await refuse(probe('x', 'model.safetensors', 'none'))).toEqual([
      422,
      'probe_not_found',
      '/probe/checkpoint',
    ]);
    expect(await refuse(probe('x'))).toEqual([422, 'probe_not_found', '/probe/tensor']);
    expect(await refuse(probe('layers.0.weight'))).toEqual([422, 'probe_shape_mismatch', '/probe/tensor']);
  });

  it('to a route that is not there is refused in the same shape', async () => {
    const reply = await service.http.get('/v1/nothing');
    expect([reply.status, reply.type, reply.body.code]).toEqual([404, 'application/problem+json', 'route_not_found']);
  });
});

describe('weights', () => {
  it('with NaN fail the job, naming tensor and index; nothing is published; the next job runs', async () => {
    const spoilt = randomChain([5, 4, 3], 5);
    const values = Float64Array.from(spoilt[1].values);
    values[6] = Number.NaN;
    await upload(service.http, 'nan', await makeCheckpoint(subfolder(root), [spoilt[0], { ...spoilt[1], values }]));
    const job = await runJob(service.http, spec({ sources: [{ checkpoint: 'a' }, { checkpoint: 'nan' }] }));
    expect(job).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'weights_not_finite' } });
    expect(job.error?.message).toMatch(/"layers\.1\.weight" of source 1 .*NaN at index \[1,2\]/);
    expect((await service.http.get(`/v1/jobs/${job.id}/artifacts`)).body.code).toBe('job_not_succeeded');
    expect((await runJob(service.http, spec())).status).toBe('succeeded');
  });

  it('that changed after submission fail the job', async () => {
    // The worker comes after the change, so that it cannot have read the old file.
    const late = await startService(subfolder(root), { worker: false, env: { SOURCE_ROOTS: allowed } });
    try {
      const source = await makeCheckpoint(path.join(allowed, 'moving'), randomChain([5, 4, 3], 6));
      const { body } = await late.http.post('/v1/jobs').send(spec({ sources: [{ uri: uri(allowed, 'moving') }] }));
      await rename(await makeCheckpoint(subfolder(root), randomChain([6, 4, 3], 7)), source);
      late.startWorker();
      expect(await waitForEnd(late.http, body.id)).toMatchObject({
        status: 'failed',
        error: { code: 'source_changed' },
      });
    } finally {
      await late.close();
    }
  });
});

describe('file:// sources', () => {
  const plan = async (source: string) => {
    const { status, body } = await service.http.post('/v1/jobs/plan').send(spec({ sources: [{ uri: source }] }));
    return [status, body.code];
  };
  const refused = [422, 'source_not_allowed'];

  it('under a root are read: a folder or a file', async () => {
    for (const source of [uri(allowed, 'good'), uri(allowed, 'good', 'model.safetensors')]) {
      const job = await runJob(service.http, spec({ sources: [{ uri: source }, { checkpoint: 'b' }] }));
      expect([job.status, job.error]).toEqual(['succeeded', null]);
    }
  });

  it('outside every root are refused', async () => {
    expect(await plan(uri(elsewhere, 'secret'))).toEqual(refused);
    expect(await plan(`${uri(allowed)}/../${path.basename(elsewhere)}/secret`)).toEqual(refused);
    expect(await plan(`${uri(allowed)}/%2e%2e/${path.basename(elsewhere)}/secret`)).toEqual(refused);
    expect(await plan(`${uri(allowed)}-more/secret`)).toEqual(refused);
    expect(await plan('file:///etc/passwd')).toEqual(refused);
    expect(await plan('file://host/etc/passwd')).toEqual(refused);
    expect(await plan(`${uri(allowed)}/a%2fb`)).toEqual(refused);
  });

  it('that leave a root by a symbolic link are refused', async () => {
    await symlink(path.join(elsewhere, 'secret'), path.join(allowed, 'link'));
    expect(await plan(uri(allowed, 'link'))).toEqual(refused);
    expect(await plan(uri(allowed, 'link', 'model.safetensors'))).toEqual(refused);
  });

  it('whose files leave a root by a symbolic link are refused', async () => {
    await mkdir(path.join(allowed, 'folder'));
    await symlink(
      path.join(elsewhere, 'secret', 'model.safetensors'),
      path.join(allowed, 'folder', 'model.safetensors'),
    );
    const [status, code] = await plan(uri(allowed, 'folder'));
    expect([status, code]).toEqual(refused);
  });

  it('inside a root may be links', async () => {
    await symlink(path.join(allowed, 'good'), path.join(allowed, 'inside'));
    expect(await plan(uri(allowed, 'inside'))).toEqual([200, undefined]);
  });

  it('that are missing, pickles, or no checkpoint are refused', async () => {
    await writeFile(path.join(allowed, 'x.bin'), '');
    await mkdir(path.join(allowed, 'empty'));
    expect(await plan(uri(allowed, 'none'))).toEqual([422, 'source_not_found']);
    expect(await plan(uri(allowed, 'x.bin'))).toEqual([422, 'pickle_refused']);
    expect(await plan(uri(allowed, 'empty'))).toEqual([422, 'checkpoint_empty']);
    await writeFile(path.join(allowed, 'bad.safetensors'), 'x');
    expect(await plan(uri(allowed, 'bad.safetensors'))).toEqual([422, 'safetensors_invalid']);
  });

  describe('that hold something that is no file', () => {
    const socket = net.createServer();
    afterAll(() => socket.close());
    /** A folder with a good checkpoint, one of whose files is replaced. */
    const folderWith = async (file: string, put: (at: string) => unknown) => {
      const folder = subfolder(allowed);
      await copyFile(path.join(allowed, 'good', 'model.safetensors'), path.join(folder, 'model.safetensors'));
      await rm(path.join(folder, file), { force: true });
      await put(path.join(folder, file));
      return folder;
    };
    const KINDS: [string, (at: string) => unknown, string, RegExp][] = [
      ['a FIFO', (at) => execFileSync('mkfifo', [at]), 'file_not_regular', /is a named pipe \(FIFO\)/],
      [
        'a socket',
        async (at) => {
          if (!socket.listening) await once(socket.listen(path.join(root, 's')), 'listening');
          execFileSync('ln', [path.join(root, 's'), at]);
        },
        'file_not_regular',
        /is a socket/,
      ],
      ['a folder', (at) => mkdir(at), 'file_is_folder', /is a folder; a file is needed/],
      ['a dangling link', (at) => symlink(path.join(allowed, 'gone'), at), 'link_dangling', /does not exist/],
      ['a circular link', (at) => symlink(at, at), 'link_circular', /leads back to itself/],
    ];
    const FILES = ['model.safetensors', 'config.json', 'tokenizer.json', 'model.safetensors.index.json'];

    it.each(KINDS)('%s', async (_, put, code, words) => {
      for (const file of FILES) {
        const folder = await folderWith(file, async (at) => {
          await put(at);
          // An index counts where there is no single file.
          if (file.endsWith('index.json')) await rm(path.join(path.dirname(at), 'model.safetensors'));
        });
        for (const route of ['plan', '']) {
          const { status, body } = await service.http
            .post(`/v1/jobs/${route}`.replace(/\/$/, ''))
            .send(spec({ sources: [{ checkpoint: 'a' }, { uri: uri(folder) }] }));
          expect([file, status, body.code, body.errors?.[0].pointer]).toEqual([file, 422, code, '/sources/1']);
          expect(body.detail).toMatch(words);
          expect(body.detail).toContain(`"${file}"`);
        }
      }
      // Named by itself, not by its folder.
      const folder = await folderWith('model.safetensors', put);
      const named = await plan(uri(folder, 'model.safetensors'));
      expect(named).toEqual(code === 'file_is_folder' ? [422, 'checkpoint_empty'] : [422, code]);
    });

    it.each([
      ['an HTML page', '<!doctype html><p>Not found', /config\.json of .* is an HTML page/],
      ['a byte order mark', '\ufeff{}', /is not JSON that can be read: it begins with a byte order mark/],
      ['NaN', '{"a": NaN}', /is not JSON that can be read: .*N/],
      ['half a file', '{"a": [1, 2', /is not JSON that can be read: it ends too early/],
      ['a list', '[]', /is not a JSON object/],
    ])('a config.json with %s', async (_, text, words) => {
      const folder = await folderWith('config.json', (at) => writeFile(at, text));
      const { status, body } = await service.http
        .post('/v1/jobs/plan')
        .send(spec({ sources: [{ checkpoint: 'a' }, { uri: uri(folder) }] }));
      expect([status, body.code]).toEqual([422, 'config_invalid']);
      expect(body.detail).toMatch(words);
    });

    it('a device, a zero byte in the address, a name too long', async () => {
      expect(await plan('file:///dev/zero')).toEqual([422, 'file_not_regular']);
      expect(await plan(`${uri(allowed, 'good')}%00`)).toEqual([422, 'source_uri_invalid']);
      expect(await plan(`${uri(allowed, 'good')}%00/model.safetensors`)).toEqual([422, 'source_uri_invalid']);
      expect(await plan(uri(allowed, 'x'.repeat(300)))).toEqual([422, 'source_not_found']);
    });

    it('a FIFO in a folder of DATA_DIR keeps no request waiting', async () => {
      const folder = path.join(service.dataDir, 'checkpoints', 'by-hand');
      await makeCheckpoint(folder, randomChain([5, 4, 3], 3));
      execFileSync('mkfifo', [path.join(folder, 'config.json')]);
      const { status, body } = await service.http.get('/v1/checkpoints/by-hand');
      expect([status, body.family, body.files.length]).toEqual([200, null, 1]);
    });
  });

  it('are off without SOURCE_ROOTS', async () => {
    const closed = await startService(subfolder(root), { worker: false });
    const { status, body } = await closed.http
      .post('/v1/jobs/plan')
      .send(spec({ sources: [{ uri: uri(allowed, 'good') }] }));
    await closed.close();
    expect([status, body.code]).toEqual(refused);
    expect(body.detail).toContain('SOURCE_ROOTS');
  });
});

describe('operations', () => {
  it('/healthz, /readyz, /openapi.json, /docs', async () => {
    expect((await service.http.get('/healthz').expect(200)).body).toMatchObject({
      status: 'ok',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    const { body: ready } = await service.http.get('/readyz').expect(200);
    expect(ready).toMatchObject({
      status: 'ready',
      checks: { queue: 'ok', store: 'ok', workers: 'ok' },
      workers: 1,
      queue: { waiting: 0, active: 0 },
    });
    const { body: api } = await service.http.get('/openapi.json').expect(200);
    expect(api.openapi).toMatch(/^3\.1/);
    for (const at of [
      '/v1/jobs',
      '/v1/jobs/plan',
      '/v1/jobs/{id}',
      '/v1/jobs/{id}/artifacts/{file}',
      '/v1/checkpoints/{name}/files/{file}',
    ])
      expect(Object.keys(api.paths)).toContain(at);
    expect(Object.keys(api.components.schemas)).toEqual(
      expect.arrayContaining(['Job', 'JobSpec', 'Plan', 'Metrics', 'Problem']),
    );
    await service.http.get('/docs/').expect(200);
  });
});
