import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../src/schemas/job.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { runJob, startService, type TestService, upload, waitForEnd, waitUntil } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let service: TestService;

const spec = (rest: Partial<JobSpecInput> = {}): JobSpecInput => ({
  sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }] },
  ...rest,
});
/** Seconds of work: three eigenproblems of order 3000. */
const slow = (rest: Partial<JobSpecInput> = {}): JobSpecInput => ({
  sources: [{ checkpoint: 'big' }, { checkpoint: 'big' }],
  model: {
    family: 'chain',
    inputs: 'shared',
    layers: [{ weight: 'layers.0.weight', width: 1500 }, { weight: 'layers.1.weight' }],
  },
  ...rest,
});

beforeAll(async () => {
  service = await startService(subfolder(root));
  for (const [name, seed] of [
    ['a', 1],
    ['b', 2],
  ] as const)
    await upload(service.http, name, await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], seed)));
  await upload(service.http, 'big', await makeCheckpoint(subfolder(root), randomChain([1500, 1500, 1500], 3)));
});
afterAll(() => service?.close());

describe('submitting', () => {
  it('answers 202 with the job and where it is, and the job succeeds', async () => {
    const reply = await service.http.post('/v1/jobs').send(spec({ name: 'n', labels: { k: 'v' } }));
    expect(reply.status).toBe(202);
    expect(reply.headers.location).toBe(`/v1/jobs/${reply.body.id}`);
    expect(reply.body).toMatchObject({
      object: 'job',
      name: 'n',
      labels: { k: 'v' },
      attempt: 0,
      finished_at: null,
      error: null,
    });
    const job = await waitForEnd(service.http, reply.body.id);
    expect(job).toMatchObject({
      status: 'succeeded',
      attempt: 1,
      error: null,
      progress: { phase: 'publish', fraction: 1 },
    });
    expect(Date.parse(job.started_at as string)).toBeLessThanOrEqual(Date.parse(job.finished_at as string));
    expect(job.worker).toMatch(/:\d+$/);
  });

  it('the same Idempotency-Key and body give the same job, also all at once', async () => {
    const send = (body: object) => service.http.post('/v1/jobs').set('idempotency-key', 'key-1').send(body);
    const replies = await Promise.all(Array.from({ length: 8 }, () => send(spec({ name: 'same' }))));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    const { id } = replies[0].body;
    await waitForEnd(service.http, id);
    // Keys in another order, defaults written out: still the same body.
    const { sources, model } = spec();
    const again = await send({ name: 'same', model: { ...model, inputs: 'concatenated' }, sources });
    expect(again.body.id).toBe(id);
    const other = await send(spec({ name: 'other' }));
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    const { body } = await service.http.get('/v1/jobs?limit=100');
    expect((body.data as Job[]).filter(({ name }) => name === 'same').length).toBe(1);
  });
});

describe('status', () => {
  it('carries an ETag; 304 while unchanged; Retry-After until the end', async () => {
    const { body } = await service.http.post('/v1/jobs').send(slow());
    await waitUntil(service.http, body.id, ({ status }) => status === 'running');
    const running = await service.http.get(`/v1/jobs/${body.id}`);
    expect(running.headers['retry-after']).toBe('1');
    await service.http.post(`/v1/jobs/${body.id}/cancel`).expect(202);
    await waitForEnd(service.http, body.id);
    const first = await service.http.get(`/v1/jobs/${body.id}`);
    expect(first.headers['retry-after']).toBeUndefined();
    expect(first.headers.etag).not.toBe(running.headers.etag);
    const second = await service.http.get(`/v1/jobs/${body.id}`).set('if-none-match', first.headers.etag);
    expect([second.status, second.text]).toEqual([304, '']);
    await service.http.get(`/v1/jobs/${body.id}`).set('if-none-match', `"x", W/${first.headers.etag}`).expect(304);
    await service.http.get(`/v1/jobs/${body.id}`).set('if-none-match', running.headers.etag).expect(200);
  });

  it('of a job that never was is 404, of an id that cannot be 400', async () => {
    const reply = await service.http.get('/v1/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV');
    expect([reply.status, reply.body.code, reply.type]).toEqual([404, 'job_not_found', 'application/problem+json']);
    await service.http.get('/v1/jobs/nonsense').expect(400);
  });
});

describe('lists', () => {
  it('page through, filter by label, status and time, in either order', async () => {
    const ids: string[] = [];
    const before = new Date().toISOString();
    for (let i = 0; i < 5; i++) ids.push((await runJob(service.http, spec({ labels: { list: 'yes', i: `${i}` } }))).id);
    const list = async (query: string) => (await service.http.get(`/v1/jobs?${query}`).expect(200)).body;
    const idsOf = (body: { data: Job[] }) => body.data.map(({ id }) => id);
    const all = await list('label.list=yes&order=asc');
    expect(idsOf(all)).toEqual(ids);
    expect(all).toMatchObject({ object: 'list', first_id: ids[0], last_id: ids[4], has_more: false });
    expect(idsOf(await list('label.list=yes'))).toEqual([...ids].reverse());
    const first = await list('label.list=yes&order=asc&limit=2');
    expect([idsOf(first), first.has_more]).toEqual([ids.slice(0, 2), true]);
    const rest = await list(`label.list=yes&order=asc&limit=3&after=${first.last_id}`);
    expect([idsOf(rest), rest.has_more]).toEqual([ids.slice(2), false]);
    expect(idsOf(await list('label.list=yes&label.i=3'))).toEqual([ids[3]]);
    expect(idsOf(await list('label.list=yes&status=failed'))).toEqual([]);
    expect(idsOf(await list(`label.list=yes&status=succeeded&order=asc&created_after=${before}`))).toEqual(ids);
    expect(await list('label.none=x')).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'status=done', 'order=up', 'created_after=yesterday', 'after=x'])(
    'refuse %s',
    async (query) => {
      const reply = await service.http.get(`/v1/jobs?${query}`);
      expect([reply.status, reply.body.code]).toEqual([400, 'request_invalid']);
      expect(reply.body.errors[0].pointer).toContain(query.split('=')[0]);
    },
  );

  it('refuse a parameter they do not know', async () => {
    const reply = await service.http.get('/v1/jobs?colour=red');
    expect([reply.status, reply.body.code]).toEqual([422, 'query_invalid']);
  });
});

describe('control', () => {
  it('a running job stops in the middle of its step and publishes nothing; a queued one at once; the service goes on', async () => {
    const submit = async () => (await service.http.post('/v1/jobs').send(slow())).body.id as string;
    const [running, queued] = [await submit(), await submit()];
    await waitUntil(service.http, running, ({ progress }) => progress.phase === 'basis');
    const { body: early } = await service.http.post(`/v1/jobs/${queued}/cancel`).expect(202);
    expect(early).toMatchObject({ status: 'cancelled', attempt: 0, error: null });
    await service.http.post(`/v1/jobs/${running}/cancel`).expect(202);
    const job = await waitForEnd(service.http, running);
    expect(job).toMatchObject({ status: 'cancelled', cancel_requested: true, error: null });
    // Its one eigenproblem takes seconds and was not waited for.
    expect(job.progress).toMatchObject({ phase: 'basis', completed: 0 });
    const again = await service.http.post(`/v1/jobs/${running}/cancel`).expect(202);
    expect(again.body.finished_at).toBe(job.finished_at);
    for (const id of [running, queued])
      for (const what of ['metrics', 'artifacts', 'artifacts/model.safetensors']) {
        const reply = await service.http.get(`/v1/jobs/${id}/${what}`);
        expect([reply.status, reply.body.code]).toEqual([409, 'job_not_succeeded']);
      }
    expect((await runJob(service.http, spec())).status).toBe('succeeded');
  });

  it('retry makes a new job of one that ended, and none of one that has not', async () => {
    const done = await runJob(service.http, spec({ name: 'again' }));
    const { body } = await service.http.post(`/v1/jobs/${done.id}/retry`).expect(202);
    expect(body).toMatchObject({ retry_of: done.id, name: 'again', spec: done.spec });
    expect(body.id).not.toBe(done.id);
    expect((await waitForEnd(service.http, body.id)).status).toBe('succeeded');
    const { body: running } = await service.http.post('/v1/jobs').send(slow());
    for (const [method, path] of [
      ['post', `/v1/jobs/${running.id}/retry`],
      ['delete', `/v1/jobs/${running.id}`],
    ] as const) {
      const reply = await service.http[method](path);
      expect([reply.status, reply.body.code]).toEqual([409, 'job_not_finished']);
    }
    await service.http.post(`/v1/jobs/${running.id}/cancel`);
    await waitForEnd(service.http, running.id);
  });

  it('delete removes a job that ended with everything it had', async () => {
    const { id } = await runJob(service.http, spec());
    await service.http.delete(`/v1/jobs/${id}`).expect(204);
    for (const path of ['', '/metrics', '/artifacts', '/artifacts/model.safetensors'])
      await service.http.get(`/v1/jobs/${id}${path}`).expect(404);
    await service.http.delete(`/v1/jobs/${id}`).expect(404);
  });

  it('an attempt past its time is failed', async () => {
    const job = await runJob(service.http, slow({ timeout_seconds: 1, max_attempts: 3 }));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'job_timeout' }, attempt: 1 });
  });

  it('of jobs that wait, the one with the higher priority runs first', async () => {
    const submit = async (rest: Partial<JobSpecInput>) =>
      (await service.http.post('/v1/jobs').send(spec(rest))).body.id as string;
    const { body: first } = await service.http.post('/v1/jobs').send(slow());
    await waitUntil(service.http, first.id, ({ status }) => status === 'running');
    const waiting = async () => (await service.services.queue.depth()).waiting;
    const before = await waiting();
    const [low, high] = [await submit({}), await submit({ priority: 5 })];
    // A worker puts a merge's steps into the queue; both must be there before a worker is free to choose.
    await expect.poll(waiting).toBeGreaterThanOrEqual(before + 2);
    await service.http.post(`/v1/jobs/${first.id}/cancel`);
    const [a, b] = [await waitForEnd(service.http, low), await waitForEnd(service.http, high)];
    expect(Date.parse(b.started_at as string)).toBeLessThanOrEqual(Date.parse(a.started_at as string));
    expect(Date.parse(b.finished_at as string)).toBeLessThanOrEqual(Date.parse(a.finished_at as string));
  });
});

describe('a plan', () => {
  it('shows what would be run and runs nothing', async () => {
    const before = (await service.http.get('/v1/jobs?limit=100')).body.data.length;
    const { body } = await service.http.post('/v1/jobs/plan').send(spec()).expect(200);
    expect(body.tensors.map(({ name, shape }: { name: string; shape: number[] }) => [name, shape])).toEqual([
      ['layers.0.weight', [4, 10]],
      ['layers.1.weight', [6, 4]],
    ]);
    expect(body.costs.bytes_read).toBe(2 * 4 * (20 + 12));
    expect(body.costs.estimated_for).toMatch(/^worker |no live worker/);
    expect((await service.http.get('/v1/jobs?limit=100')).body.data.length).toBe(before);
  });

  it('is refused as the job would be', async () => {
    const wrong = spec({
      model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 9 }, { weight: 'layers.1.weight' }] },
    });
    for (const path of ['/v1/jobs', '/v1/jobs/plan']) {
      const reply = await service.http.post(path).send(wrong);
      expect([reply.status, reply.body.code]).toEqual([422, 'width_out_of_range']);
      expect(reply.body.errors).toEqual([{ pointer: '/model/layers/0/width', message: expect.stringMatching(/1…8/) }]);
    }
  });
});
