import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANIFEST_FILE } from '../../src/jobs/manifest.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let service: TestService;
let body: string;

beforeAll(async () => {
  const uri = pathToFileURL(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1))).href;
  body = JSON.stringify({
    sources: [{ uri }, { uri }],
    model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }] },
  });
  service = await startService(subfolder(root), { worker: false, env: { SOURCE_ROOTS: root } });
});
afterAll(() => service.close());

const submit = async (): Promise<string> =>
  (await service.http.post('/v1/jobs').type('json').send(body).expect(202)).body.id;

/** Send a request whose client goes while the service is at `step` of it; resolves once that step has been left. */
async function sendAndGo(request: string, step: 'get' | 'submit'): Promise<void> {
  const { jobs } = service.services;
  const own = jobs[step].bind(jobs) as (...given: unknown[]) => Promise<unknown>;
  const socket = net.connect(Number(new URL(service.url).port), '127.0.0.1');
  await once(socket, 'connect');
  await new Promise<void>((resolve) => {
    const held = async (...given: unknown[]) => {
      Object.assign(jobs, { [step]: own });
      const result = await own(...given);
      socket.destroy();
      await once(socket, 'close');
      // Whoever is answered after that, the server has heard of it before.
      await service.http.get('/healthz').expect(200);
      resolve();
      return result;
    };
    Object.assign(jobs, { [step]: held });
    socket.write(request);
  });
}

const head = (method: string, target: string) => `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n`;

describe('a client that has gone before its answer began', () => {
  it('is no download: the job can be removed', async () => {
    const id = await submit();
    const { store, jobs } = service.services;
    const { artifacts } = store.files(id);
    await mkdir(artifacts);
    await writeFile(path.join(artifacts, 'a.txt'), 'a');
    await writeFile(
      path.join(artifacts, MANIFEST_FILE),
      JSON.stringify({ 'a.txt': { size: 1, sha256: createHash('sha256').update('a').digest('hex') } }),
    );
    await store.finish(id, { status: 'succeeded', finished_at: new Date().toISOString(), error: null });
    await sendAndGo(`${head('GET', `/v1/jobs/${id}/artifacts/a.txt`)}\r\n`, 'get');
    await service.http.get(`/v1/jobs/${id}/artifacts/a.txt`).expect(200, 'a');
    await expect.poll(() => jobs.downloads.has(id)).toBe(false);
  });

  it('is not waited with for the end of its job', async () => {
    const more = `Content-Type: application/json\r\nPrefer: wait=60\r\nContent-Length: ${body.length}\r\n`;
    await sendAndGo(`${head('POST', '/v1/jobs')}${more}\r\n${body}`, 'submit');
    await service.http.get('/healthz').expect(200);
    expect(service.services.jobs.feeds.size).toBe(0);
  });
});
