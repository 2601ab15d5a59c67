import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectRedis } from '../../src/queue/redis.js';
import { announceWorker, withdrawWorker } from '../../src/queue/worker-directory.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { eventually } from '../support/patience.js';
import {
  type Http,
  runJob,
  startService,
  stopProgram,
  type TestService,
  upload,
  waitForEnd,
} from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let service: TestService;

const spec = (backend: 'auto' | 'cpu' | 'cuda' | 'tfjs'): JobSpecInput => ({
  sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }] },
  compute: { backend },
});

async function untilWorkers(http: Http, count: number) {
  return eventually(async () => {
    const { body } = await http.get('/v1/workers').expect(200);
    return body.data.length === count && body.data;
  });
}

beforeAll(async () => {
  service = await startService(subfolder(root), { worker: false });
  await upload(service.http, 'a', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
  await upload(service.http, 'double', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1, 'F64')));
});
afterAll(() => service?.close());

it('a worker tells what it computes with and why, and leaves the list when it stops', async () => {
  const { http } = service;
  expect((await http.get('/v1/workers').expect(200)).body).toEqual({ object: 'list', data: [] });
  const child = service.startWorker();
  const [worker] = await untilWorkers(http, 1);
  expect(worker).toMatchObject({
    object: 'worker',
    pid: child.pid,
    state: 'idle',
    concurrency: 1,
    serves: expect.arrayContaining(['auto', 'cpu']),
    jobs: [],
    compute: { reason: expect.stringContaining('auto: '), threads: expect.any(Number) },
    versions: { node: process.versions.node },
  });
  expect(Date.parse(worker.last_seen_at)).toBeGreaterThanOrEqual(Date.parse(worker.started_at));
  const job = await runJob(http, spec('cpu'));
  expect([job.status, job.worker, job.waiting_for]).toEqual(['succeeded', worker.name, null]);
  const { body: metrics } = await http.get(`/v1/jobs/${job.id}/metrics`);
  expect(metrics.environment).toMatchObject({ backend: 'cpu', reason: 'cpu was asked for' });
  const { body: recipe } = await http.get(`/v1/jobs/${job.id}/artifacts/job.json`).buffer(true);
  expect(recipe.environment).toEqual(metrics.environment);
  await stopProgram(child);
  await untilWorkers(http, 0);
});

it('a killed worker is no longer listed once it has been silent for 15 seconds', async () => {
  const child = service.startWorker();
  const [{ id }] = await untilWorkers(service.http, 1);
  await stopProgram(child, 'SIGKILL');
  const redis = connectRedis(service.services.config, false, () => {});
  const left = await redis.pttl(`weightfold:workers:${id}`);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(15_000);
  await redis.pexpire(`weightfold:workers:${id}`, 600_000); // so that a slow machine does not spend it
  expect((await service.http.get('/v1/workers')).body.data).toHaveLength(1);
  await redis.pexpire(`weightfold:workers:${id}`, 1); // instead of the wait
  await untilWorkers(service.http, 0);
  expect(await redis.zcard('weightfold:workers')).toBe(0);
  redis.disconnect();
});

it('wedged workers alone cannot take a job: /readyz says so, and which they are the list', async () => {
  const { http } = service;
  const child = service.startWorker();
  const [worker] = await untilWorkers(http, 1);
  expect((await http.get('/readyz').expect(200)).body.checks.workers).toBe('ok');
  await stopProgram(child);
  await untilWorkers(http, 0);
  const redis = connectRedis(service.services.config, false, () => {});
  await announceWorker(redis, { ...worker, state: 'wedged' });
  expect((await http.get('/v1/workers')).body.data[0].state).toBe('wedged');
  const { body } = await http.get('/readyz').expect(503);
  expect(body).toMatchObject({ status: 'unavailable', workers: 1, checks: { queue: 'ok', workers: 'failed' } });
  await announceWorker(redis, { ...worker, id: 'worker_other', state: 'busy' });
  expect((await http.get('/readyz').expect(200)).body).toMatchObject({ workers: 2, checks: { workers: 'ok' } });
  for (const id of [worker.id, 'worker_other']) await withdrawWorker(redis, id);
  redis.disconnect();
});

it('a job for a backend that no live worker has stays queued and says so; other jobs go past it', async () => {
  const { http } = service;
  service.startWorker();
  const [worker] = await untilWorkers(http, 1);
  const missing = (['cuda', 'tfjs'] as const).find((name) => !worker.serves.includes(name));
  if (!missing) throw new Error('This worker has every backend; the test needs one that is missing.');
  const says = expect.stringContaining(`A worker with the backend "${missing}": no live worker has it`);
  const { body: plan } = await http.post('/v1/jobs/plan').send(spec(missing)).expect(200);
  expect(plan.warnings).toEqual([says]);
  const { body: waiting } = await http.post('/v1/jobs').send(spec(missing)).expect(202);
  expect(waiting).toMatchObject({ status: 'queued', waiting_for: says });
  expect((await runJob(http, spec('auto'))).status).toBe('succeeded');
  const { body: still } = await http.get(`/v1/jobs/${waiting.id}`).expect(200);
  expect(still).toMatchObject({ status: 'queued', attempt: 0, waiting_for: says });
  expect((await http.get('/readyz')).body.queue.waiting).toBe(1);
  await http.post(`/v1/jobs/${waiting.id}/cancel`).expect(202);
  expect(await waitForEnd(http, waiting.id)).toMatchObject({ status: 'cancelled', waiting_for: null });
  expect((await http.get('/readyz')).body.queue.waiting).toBe(0);
});

it('float64 sources are refused for a backend that computes in float32', async () => {
  const double = { ...spec('tfjs'), sources: [{ checkpoint: 'double' }, { checkpoint: 'double' }] };
  const { body } = await service.http.post('/v1/jobs').send(double).expect(422);
  expect(body).toMatchObject({ code: 'precision_unsupported', errors: [{ pointer: '/compute/backend' }] });
  expect(body.detail).toContain('"tfjs" computes in float32');
});
