import { execFile, execFileSync } from 'node:child_process';
import { chownSync, existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/ids.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let redis: RedisServer;
let service: TestService;
let weights: string;

beforeAll(async () => {
  weights = await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1));
  redis = await startRedis(subfolder(root));
  service = await startService(subfolder(root), {
    worker: false,
    env: { REDIS_URL: `redis://127.0.0.1:${redis.port}`, SOURCE_ROOTS: root },
  });
  await upload(service.http, 'a', weights);
});
afterAll(async () => {
  await service?.close();
  await redis?.stop();
});

const spec = (source: object) => ({
  sources: [source, source],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }] },
});

/** Every kind of request that needs the data folder. */
function requests(job: string) {
  const { http } = service;
  const tus = { 'tus-resumable': '1.0.0', 'upload-length': '5' };
  const metadata = `checkpoint ${btoa('b')},filename ${btoa('config.json')}`;
  return [
    http.get('/v1/jobs'),
    http.get(`/v1/jobs/${job}`),
    http.get(`/v1/jobs/${job}/events`),
    http.get(`/v1/jobs/${job}/artifacts`),
    http.delete(`/v1/jobs/${job}`),
    http.post(`/v1/jobs/${job}/cancel`),
    http.post('/v1/jobs').send(spec({ checkpoint: 'a' })),
    http.post('/v1/jobs').send(spec({ uri: pathToFileURL(weights).href })),
    http
      .post('/v1/jobs')
      .set('idempotency-key', 'k')
      .send(spec({ checkpoint: 'a' })),
    http.get('/v1/checkpoints'),
    http.get('/v1/checkpoints/a'),
    http.delete('/v1/checkpoints/a'),
    http.put('/v1/checkpoints/b/files/config.json').set('content-type', 'application/octet-stream').send('{}'),
    http.post('/v1/uploads').set({ ...tus, 'upload-metadata': metadata }),
  ];
}

describe('a data folder that is', () => {
  it('removed while the service runs is told by every request, and not made again', async () => {
    const { body } = await service.http
      .post('/v1/jobs')
      .send(spec({ checkpoint: 'a' }))
      .expect(202);
    await rename(service.dataDir, `${service.dataDir}.away`);
    try {
      for (const id of [body.id, newJobId()])
        for (const request of requests(id)) {
          const reply = await request;
          const { method, url } = request as unknown as { method: string; url: string };
          expect([method, url, reply.status, reply.body.code]).toEqual([method, url, 503, 'store_unavailable']);
          expect(JSON.stringify(reply.body)).not.toContain(root);
        }
      const ready = await service.http.get('/readyz').expect(503);
      expect(ready.body).toMatchObject({ checks: { store: 'failed' }, reasons: [expect.stringContaining('missing')] });
      await service.http.get('/metrics').expect(200);
      await service.http.get('/healthz').expect(200);
    } finally {
      await rm(service.dataDir, { recursive: true, force: true });
      await rename(`${service.dataDir}.away`, service.dataDir);
    }
    await service.http.get(`/v1/jobs/${body.id}`).expect(200);
    await service.http.get('/readyz').expect(200);
  });

  it.each(['src/start.js', 'src/start-api.js', 'workers/worker.js'])(
    'no folder is told by %s at start',
    async (program) => {
      const file = path.join(subfolder(root), 'file');
      await writeFile(file, '');
      for (const folder of [file, path.join(file, 'below')]) {
        const env = { ...process.env, DATA_DIR: folder, PORT: '0' };
        await expect(promisify(execFile)(process.execPath, [`dist/${program}`], { env })).rejects.toMatchObject({
          code: 1,
          stderr: expect.stringMatching(
            /^weightfold: DATA_DIR="[^"]*" cannot be used: .* is not a folder \(ENOTDIR\)[^\n]*\n$/,
          ),
        });
      }
    },
  );

  it.skipIf(!existsSync('/proc/self'))('where none can be is told at start', async () => {
    const env = { ...process.env, DATA_DIR: '/proc/weightfold/data', PORT: '0' };
    await expect(promisify(execFile)(process.execPath, ['dist/src/start-api.js'], { env })).rejects.toMatchObject({
      stderr: expect.stringMatching(/^weightfold: DATA_DIR="[^"]*" cannot be used: it is missing \(ENOENT\)/),
    });
  });

  it('read-only is told at start', async () => {
    const folder = subfolder(root);
    await mkdir(path.join(folder, 'inner'));
    execFileSync('chmod', ['555', folder]);
    // Root may write anywhere; nobody may not.
    const asRoot = process.getuid?.() === 0;
    if (asRoot) chownSync(folder, 65534, 65534);
    execFileSync('chmod', ['755', root]);
    const env = { ...process.env, DATA_DIR: folder, PORT: '0' };
    const options = asRoot ? { env, uid: 65534, gid: 65534 } : { env };
    await expect(promisify(execFile)(process.execPath, ['dist/src/start-api.js'], options)).rejects.toMatchObject({
      stderr: expect.stringMatching(
        /^weightfold: DATA_DIR="[^"]*" cannot be used: this user may not write there \(EACCES\)/,
      ),
    });
  });
});
