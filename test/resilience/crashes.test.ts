import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { embeddedSocket } from '../../src/queue/redis.js';
import type { JobEvent } from '../../src/schemas/event.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { eventually } from '../support/patience.js';
import { startService, stopProgram, type TestService, upload, waitForEnd, waitUntil } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const files = { small: '', big: '' };
let service: TestService | undefined;

beforeAll(async () => {
  files.small = await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1));
  files.big = await makeCheckpoint(subfolder(root), randomChain([800, 800, 800], 2));
});
afterEach(async () => {
  await service?.close();
  service = undefined;
});

const spec = (checkpoint: 'small' | 'big', width: number): JobSpecInput => ({
  sources: [{ checkpoint }, { checkpoint }],
  model: {
    family: 'chain',
    // One eigenproblem over both sources: seconds of work for the big one.
    inputs: 'shared',
    layers: [{ weight: 'layers.0.weight', width }, { weight: 'layers.1.weight' }],
  },
});

async function start(worker: boolean, env: NodeJS.ProcessEnv = {}): Promise<TestService> {
  service = await startService(subfolder(root), { worker, env: { COMPUTE_THREADS: '1', ...env } });
  await upload(service.http, 'small', files.small);
  await upload(service.http, 'big', files.big);
  return service;
}

const submit = async ({ http }: TestService, body: JobSpecInput) =>
  (await http.post('/v1/jobs').send(body).expect(202)).body.id as string;

const redisOf = ({ services }: TestService) =>
  new Redis({ path: embeddedSocket(services.config.DATA_DIR), retryStrategy: () => null });

describe('a worker that is killed', () => {
  it('during a job: another attempt finishes it, once', async () => {
    const running = await start(false);
    const first = running.startWorker();
    const id = await submit(running, spec('big', 800));
    await waitUntil(running.http, id, ({ progress }) => progress.phase === 'basis');
    // Nothing the first attempt's worker has begun may go on after it: the step, the measurement of its speed.
    const compute = childrenOf(first.pid as number);
    expect(compute.length).toBeGreaterThan(0);
    await stopProgram(first, 'SIGKILL');
    const mid = await running.http.get(`/v1/jobs/${id}`);
    expect(mid.body.status).toBe('running');
    running.startWorker();
    const job = await waitForEnd(running.http, id);
    expect(job).toMatchObject({ status: 'succeeded', error: null, attempt: 2, started_at: mid.body.started_at });
    const folder = running.services.store.files(id).folder;
    expect((await readdir(folder)).filter((name) => name.startsWith('artifacts'))).toEqual(['artifacts']);
    const model = (await running.http.get(`/v1/jobs/${id}/artifacts`)).body.data.find(
      (f: { file: string }) => f.file === 'model.safetensors',
    );
    expect((await readFile(path.join(folder, 'artifacts', 'model.safetensors'))).length).toBe(model.size);
    expect(compute.filter(isAlive)).toEqual([]);
  });

  it('whose compute process alone dies: the next attempt finishes the job', async () => {
    const running = await start(false);
    const worker = running.startWorker();
    const id = await submit(running, spec('big', 800));
    await waitUntil(running.http, id, ({ progress }) => progress.phase === 'basis');
    for (const pid of childrenOf(worker.pid as number)) process.kill(pid, 'SIGKILL');
    const job = await waitForEnd(running.http, id);
    expect(job).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect(isAlive(worker.pid as number)).toBe(true);
    const { body } = await running.http.get(`/v1/jobs/${id}/events?limit=1000`).expect(200);
    const told = (body.data as JobEvent[]).filter(({ type }) => type !== 'job.progress');
    expect(told.map(({ type, data }) => [type, data.attempt, data.error?.code])).toEqual([
      ['job.queued', 0, undefined],
      ['job.running', 1, undefined],
      ['job.retrying', 1, 'worker_crashed'],
      ['job.running', 2, undefined],
      ['job.succeeded', 2, undefined],
    ]);
  });
});

describe('a compute process', () => {
  it.each([0, 100])('that is killed %d ms after its start: a failed attempt, and the worker goes on', async (wait) => {
    const { running, worker } = await startIdle();
    const id = await submit(running, spec('big', 400));
    const [compute] = await untilChildren(worker);
    await sleep(wait);
    process.kill(compute, 'SIGKILL');
    expect(await waitForEnd(running.http, id)).toMatchObject({ status: 'succeeded' });
    const { body } = await running.http.get(`/v1/jobs/${id}/events?limit=1000`).expect(200);
    const retried = (body.data as JobEvent[]).filter(({ type }) => type === 'job.retrying');
    expect(retried.map(({ data }) => data.error?.code)).toEqual(['worker_crashed']);
  });

  it('that neither begins nor stops: timeout and cancel end its job, and the next one runs', async () => {
    const { running, worker } = await startIdle();
    const late = await submit(running, { ...spec('big', 800), timeout_seconds: 2 });
    process.kill((await untilChildren(worker))[0], 'SIGSTOP');
    expect(await waitForEnd(running.http, late)).toMatchObject({
      status: 'failed',
      error: { code: 'job_timeout' },
    });
    const unwanted = await submit(running, spec('big', 800));
    await waitUntil(running.http, unwanted, ({ progress }) => progress.phase === 'basis');
    process.kill((await untilChildren(worker))[0], 'SIGSTOP');
    await running.http.post(`/v1/jobs/${unwanted}/cancel`).expect(202);
    expect(await waitForEnd(running.http, unwanted)).toMatchObject({ status: 'cancelled' });
    const next = await submit(running, spec('small', 3));
    expect(await waitForEnd(running.http, next)).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect(isAlive(worker)).toBe(true);
  });

  it('that is killed between two jobs: the next job fails no attempt', async () => {
    const { running, worker } = await startIdle();
    expect((await waitForEnd(running.http, await submit(running, spec('small', 3)))).status).toBe('succeeded');
    process.kill((await untilChildren(worker))[0], 'SIGKILL');
    const id = await submit(running, spec('small', 4));
    expect(await waitForEnd(running.http, id)).toMatchObject({ status: 'succeeded', attempt: 1 });
    const { body } = await running.http.get(`/v1/jobs/${id}/events?limit=1000`).expect(200);
    expect(body.data.map(({ type }: JobEvent) => type)).not.toContain('job.retrying');
  });
});

describe('a worker whose first probe of the backend is killed', () => {
  it('probes again and takes jobs', async () => {
    const running = await start(false);
    const worker = running.startWorker();
    process.kill((await untilChildren(worker.pid as number))[0], 'SIGKILL');
    const id = await submit(running, spec('small', 3));
    expect(await waitForEnd(running.http, id)).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect(worker.exitCode).toBeNull();
  });
});

describe('a worker that is asked to stop', () => {
  it('hands back the step it cannot finish in time; the next worker takes it at once', async () => {
    const running = await start(false, { SHUTDOWN_SECONDS: '0' });
    const first = running.startWorker();
    const id = await submit(running, spec('big', 800));
    await waitUntil(running.http, id, ({ progress }) => progress.phase === 'basis');
    expect(await stopProgram(first, 'SIGTERM')).toBe(0);
    expect((await running.http.get(`/v1/jobs/${id}`)).body).toMatchObject({ status: 'queued', error: null });
    const redis = redisOf(running);
    expect(await redis.llen('weightfold:steps:active')).toBe(0);
    redis.disconnect();
    running.startWorker();
    expect(await waitForEnd(running.http, id)).toMatchObject({ status: 'succeeded', attempt: 2, error: null });
  });
});

describe('Redis', () => {
  it('killed while jobs wait: it comes back with all of them', async () => {
    const running = await start(false);
    const ids = [await submit(running, spec('small', 3)), await submit(running, spec('small', 4))];
    const redis = redisOf(running);
    const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
    redis.disconnect();
    process.kill(pid, 'SIGKILL');
    await waitReady(running);
    running.startWorker();
    for (const id of ids) expect(await waitForEnd(running.http, id)).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  it('flushed: waiting jobs are queued again from their records', async () => {
    const running = await start(false);
    const ids = [await submit(running, spec('small', 3)), await submit(running, spec('small', 4))];
    const redis = redisOf(running);
    await redis.flushall();
    redis.disconnect();
    running.startWorker();
    for (const id of ids) expect(await waitForEnd(running.http, id)).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  it('away: submitting is refused with 503 and Retry-After, reading goes on, and nothing is half accepted', async () => {
    const running = await start(false);
    const id = await submit(running, spec('small', 3));
    const redis = redisOf(running);
    const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
    redis.disconnect();
    process.kill(pid, 'SIGSTOP');
    try {
      const refused = await running.http.post('/v1/jobs').send(spec('small', 4));
      expect([refused.status, refused.body.code]).toEqual([503, 'queue_unavailable']);
      expect(refused.headers['retry-after']).toMatch(/^\d+$/);
      await running.http.get(`/v1/jobs/${id}`).expect(200);
      await running.http.get('/healthz').expect(200);
      await running.http.get('/readyz').expect(503);
      expect((await running.http.get('/v1/jobs')).body.data.length).toBe(1);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await waitReady(running);
  });
});

/** A service with a worker that has measured its backend and has no process below it. */
async function startIdle(): Promise<{ running: TestService; worker: number }> {
  const running = await start(false);
  const worker = running.startWorker().pid as number;
  await eventually(async () => {
    const { body } = await running.http.get('/v1/workers').expect(200);
    return body.data[0]?.speed && childrenOf(worker).length === 0;
  });
  return { running, worker };
}

const untilChildren = (pid: number): Promise<number[]> =>
  eventually(() => {
    const children = childrenOf(pid);
    return children.length > 0 && children;
  }, 5);

async function waitReady({ http }: TestService): Promise<void> {
  await eventually(async () => (await http.get('/readyz')).status === 200);
}

/** Process ids of the children of a process. */
function childrenOf(pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=']).toString().trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid ? [child] : []));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
