import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let service: TestService;
let spec: JobSpecInput;

beforeAll(async () => {
  const uri = pathToFileURL(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1))).href;
  spec = {
    sources: [{ uri }, { uri }],
    model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }] },
  };
  service = await startService(subfolder(root), {
    worker: false,
    env: { SOURCE_ROOTS: root, RETENTION_HOURS: '0.000001' },
  });
});
afterAll(() => service.close());

const submit = async (): Promise<string> => (await service.http.post('/v1/jobs').send(spec).expect(202)).body.id;
const ended = async (): Promise<string> => {
  const id = await submit();
  await service.http.post(`/v1/jobs/${id}/cancel`).expect(202);
  return id;
};
const listed = async (): Promise<string[]> =>
  (await service.http.get('/v1/jobs').expect(200)).body.data.map(({ id }: { id: string }) => id);

describe('a job whose record is damaged', () => {
  it('is left out of lists, and keeps no other job from being queued again', async () => {
    const { services } = service;
    const [damaged, other] = [await submit(), await submit()];
    for (const id of [damaged, other]) await services.queue.withdraw(id);
    for (const file of ['record', 'state'] as const) await writeFile(services.store.files(damaged)[file], '{"id":');
    // As another API sees it, that has read neither before.
    const second = await startService(service.dataDir, {
      worker: false,
      env: { ...service.env, REDIS_URL: `unix://${path.join(service.dataDir, 'redis', 'redis.sock')}` },
    });
    try {
      expect((await second.http.get('/v1/jobs').expect(200)).body.data).toMatchObject([{ id: other }]);
      await second.services.jobs.reconcile();
      expect(await services.queue.state(other)).toBe('waiting');
      const { body } = await second.http.get(`/v1/jobs/${damaged}`).expect(410);
      expect(body.code).toBe('job_damaged');
      await second.http.delete(`/v1/jobs/${damaged}`).expect(204);
      await second.http.get(`/v1/jobs/${damaged}`).expect(404);
    } finally {
      await second.close();
    }
    expect(await listed()).toEqual([other]);
  });
});

describe('a job that has ended', () => {
  it('takes its Idempotency-Key with it when it is deleted', async () => {
    const post = async () =>
      (await service.http.post('/v1/jobs').set('idempotency-key', 'again').send(spec).expect(202)).body.id as string;
    const id = await post();
    expect(await post()).toBe(id);
    const claims = path.join(service.dataDir, 'idempotency');
    expect(await readdir(claims)).toHaveLength(1);
    await service.http.post(`/v1/jobs/${id}/cancel`).expect(202);
    await service.http.delete(`/v1/jobs/${id}`).expect(204);
    expect(await readdir(claims)).toEqual([]);
    expect(await post()).not.toBe(id);
  });

  it('is deleted once, by whoever asks first', async () => {
    const id = await ended();
    const replies = await Promise.all(Array.from({ length: 5 }, () => service.http.delete(`/v1/jobs/${id}`)));
    expect(replies.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404, 404]);
  });

  it('is removed in time though one before it cannot be, because its files are elsewhere', async () => {
    const [stuck, due] = [await ended(), await ended()];
    const { artifacts } = service.services.store.files(stuck);
    await mkdir(artifacts);
    await writeFile(path.join(artifacts, '.stored.json'), JSON.stringify({ store: 's3://elsewhere', folder: 'x' }));
    await service.services.jobs.sweep();
    const left = await listed();
    expect(left).toContain(stuck);
    expect(left).not.toContain(due);
  });
});
