import { writeFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import supertest from 'supertest';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import { createServices } from '../../src/api/services.js';
import { createLogger } from '../../src/log.js';
import { embeddedSocket } from '../../src/queue/redis.js';
import { isFinalEvent, type JobEvent } from '../../src/schemas/event.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { readInPieces, readStream } from '../support/event-source.js';
import {
  type Http,
  runJob,
  startService,
  type TestService,
  upload,
  waitForEnd,
  waitUntil,
} from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let service: TestService;

const spec: JobSpecInput = {
  sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }] },
};
/** Seconds of work. */
const slow = {
  sources: [{ checkpoint: 'big' }, { checkpoint: 'big' }],
  model: {
    family: 'chain',
    inputs: 'shared',
    layers: [{ weight: 'layers.0.weight', width: 600 }, { weight: 'layers.1.weight' }],
  },
} satisfies JobSpecInput;

beforeAll(async () => {
  service = await startService(subfolder(root));
  await upload(service.http, 'a', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
  await upload(service.http, 'big', await makeCheckpoint(subfolder(root), randomChain([600, 600, 600], 3)));
});
afterAll(() => service?.close());

const list = async (http: Http, id: string, query = 'limit=1000') =>
  (await http.get(`/v1/jobs/${id}/events?${query}`).expect(200)).body as { data: JobEvent[]; has_more: boolean };

/** Ids 1, 2, 3…; a beginning, and one end. */
function expectWhole(events: JobEvent[], id: string): void {
  expect(events.map((event) => [event.id, event.job_id])).toEqual(events.map((_, i) => [i + 1, id]));
  expect(events[0].type).toBe('job.queued');
  expect(events.filter(isFinalEvent)).toEqual([events.at(-1)]);
}

/** Another API process over the same store and queue. */
async function secondApi(): Promise<{ url: string; http: Http; close: () => Promise<void> }> {
  const { config } = service.services;
  const services = await createServices(config, createLogger(config, 'second'));
  const app = await buildApp(services);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { url, http: supertest(url), close: () => app.close().then(() => services.close()) };
}

describe('the events of a job as a list', () => {
  it('tell what happened to it from the queue to its end', async () => {
    const job = await runJob(service.http, slow);
    const { data } = await list(service.http, job.id);
    expectWhole(data, job.id);
    expect(data[0]).toMatchObject({
      created_at: job.created_at,
      data: { status: 'queued', attempt: 0, progress: { phase: 'planning', completed: 0, fraction: 0 } },
    });
    expect(data[1]).toMatchObject({ type: 'job.running', data: { status: 'running', attempt: 1 } });
    const progress = data.slice(2, -1);
    expect(progress.length).toBeGreaterThan(0);
    expect(progress.map(({ type }) => type)).toEqual(progress.map(() => 'job.progress'));
    const fractions = progress.map((event) => event.data.progress.fraction);
    expect([...new Set(fractions)].sort((a, b) => a - b)).toEqual(fractions);
    expect(data.at(-1)).toMatchObject({
      type: 'job.succeeded',
      created_at: job.finished_at,
      data: { status: 'succeeded', attempt: 1, worker: job.worker, progress: job.progress },
    });
  });

  it('come in pages', async () => {
    const { id } = await runJob(service.http, spec);
    const { data } = await list(service.http, id);
    const first = await list(service.http, id, 'limit=2');
    expect(first).toMatchObject({ object: 'list', data: data.slice(0, 2), first_id: 1, last_id: 2, has_more: true });
    expect(await list(service.http, id, 'after=1')).toMatchObject({ data: data.slice(1), has_more: false });
    expect(await list(service.http, id, `after=${data.length}`)).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
    for (const query of ['after=-1', 'after=x', 'limit=0', 'limit=1001', 'colour=red'])
      expect((await service.http.get(`/v1/jobs/${id}/events?${query}`)).body.code).toBe('request_invalid');
    const none = await service.http.get('/v1/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV/events');
    expect([none.status, none.body.code]).toEqual([404, 'job_not_found']);
  });

  it('survive the queue, and are the same from every API over the store, also while the job goes on', async () => {
    const { body } = await service.http.post('/v1/jobs').send(slow).expect(202);
    await waitUntil(service.http, body.id, ({ status }) => status === 'running');
    const other = await secondApi();
    const early = await list(other.http, body.id);
    await waitForEnd(other.http, body.id);
    const redis = new Redis({ path: embeddedSocket(service.dataDir), retryStrategy: () => null });
    await redis.flushall();
    redis.disconnect();
    const { data } = await list(service.http, body.id);
    expectWhole(data, body.id);
    expect(await list(other.http, body.id)).toMatchObject({ data });
    expect(data.slice(0, early.data.length)).toEqual(early.data);
    await other.close();
  });

  it('of a cancelled job end with that', async () => {
    const ids = await Promise.all([slow, slow].map(async (s) => (await service.http.post('/v1/jobs').send(s)).body.id));
    for (const id of ids) await service.http.post(`/v1/jobs/${id}/cancel`).expect(202);
    for (const id of ids) {
      await waitForEnd(service.http, id);
      const { data } = await list(service.http, id);
      expectWhole(data, id);
      expect(data.at(-1)).toMatchObject({ type: 'job.cancelled', data: { status: 'cancelled' } });
    }
  });

  it('end once, also where whoever ended the job died before saying so', async () => {
    const { http, services, close } = await startService(subfolder(root), { worker: false });
    await upload(http, 'a', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
    const { body } = await http.post('/v1/jobs').send(spec).expect(202);
    const error = { code: 'weights_not_finite', message: 'm', errors: [] };
    const outcome = { status: 'failed', finished_at: new Date().toISOString(), error };
    await writeFile(services.store.files(body.id).outcome, JSON.stringify(outcome));
    const replies = await Promise.all(Array.from({ length: 8 }, () => list(http, body.id)));
    for (const { data } of replies) {
      expect(data.map(({ type }) => type)).toEqual(['job.queued', 'job.failed']);
      expect(data[1]).toMatchObject({ id: 2, created_at: outcome.finished_at, data: { status: 'failed', error } });
    }
    await close();
  });
});

const submit = async (body: JobSpecInput) => (await service.http.post('/v1/jobs').send(body).expect(202)).body.id;

/** Nobody follows a job any more. */
async function untilUnfollowed(): Promise<void> {
  await expect.poll(() => service.services.jobs.feeds.size).toBe(0);
}

describe('the events of a job as a stream', () => {
  it('come as they happen, to all who follow, and close after the last', async () => {
    const id = await submit(slow);
    const all = await Promise.all(Array.from({ length: 50 }, () => readStream(service.url, id)));
    const { data } = await list(service.http, id);
    expectWhole(data, id);
    for (const { status, headers, events, closed } of all) {
      expect([status, closed, headers.get('content-type')]).toEqual([200, true, 'text/event-stream']);
      expect(headers.get('cache-control')).toBe('no-cache');
      expect(events).toEqual(data);
    }
    const again = await readStream(service.url, id);
    expect(again.events).toEqual(data);
    const ended = await readStream(service.url, id, { last: data.length });
    expect([ended.status, ended.events]).toEqual([204, []]);
    await untilUnfollowed();
  });

  it('go on after the last one seen, at any API, with nothing lost or repeated', async () => {
    const other = await secondApi();
    const id = await submit(slow);
    const events = await readInPieces([service.url, other.url], id, 1);
    await other.close();
    expectWhole(events, id);
    expect((await list(service.http, id)).data).toEqual(events);
    await untilUnfollowed();
  });

  it('end without a last event when the API stops, which they do not keep from stopping', async () => {
    const other = await secondApi();
    const [running, queued] = [await submit(slow), await submit(slow)];
    const streams = [readStream(other.url, running), readStream(other.url, queued)];
    await readStream(other.url, queued, { enough: ({ length }) => length > 0 });
    await other.close();
    for (const { closed, events } of await Promise.all(streams))
      expect([closed, events.some(isFinalEvent)]).toEqual([true, false]);
    for (const id of [running, queued]) await service.http.post(`/v1/jobs/${id}/cancel`).expect(202);
    const [last] = await Promise.all([running, queued].map((id) => readStream(service.url, id)));
    expect(last.events.at(-1)?.type).toBe('job.cancelled');
  });

  it('are not to be had of a job that never was, or from a place that is none', async () => {
    const none = await readStream(service.url, 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV');
    expect([none.status, none.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    const { id } = await runJob(service.http, spec);
    const wrong = await service.http
      .get(`/v1/jobs/${id}/events`)
      .set('accept', 'text/event-stream')
      .set('last-event-id', 'x');
    expect([wrong.status, wrong.body.code]).toEqual([400, 'request_invalid']);
  });

  it('are what only those get who ask for a stream', async () => {
    const { id } = await runJob(service.http, spec);
    for (const accept of ['application/json', '*/*', 'text/html,*/*;q=0.8', 'application/json, text/event-stream'])
      expect((await service.http.get(`/v1/jobs/${id}/events`).set('accept', accept)).type).toBe('application/json');
    const stream = await service.http.get(`/v1/jobs/${id}/events`).set('accept', 'text/event-stream');
    expect([stream.type, stream.headers.vary]).toEqual(['text/event-stream', 'accept']);
    await service.http.head(`/v1/jobs/${id}/events`).set('accept', 'text/event-stream').expect(200);
    await untilUnfollowed();
  });
});

describe('Prefer: wait', () => {
  const send = (body: JobSpecInput, prefer: string) => service.http.post('/v1/jobs').set('prefer', prefer).send(body);

  it('holds the reply until the job has ended', async () => {
    const { status, body, headers } = await send(spec, 'respond-async, wait=50').expect(202);
    expect([status, body.status, headers['preference-applied']]).toEqual([202, 'succeeded', 'wait=50']);
    expect(headers.location).toBe(`/v1/jobs/${body.id}`);
  });

  it('gives up after so long, at most a minute, and where it is no number of seconds at once', async () => {
    const [none, short] = [await send(slow, 'wait=0'), await send(slow, 'wait=1')];
    // An idle worker may have begun by then.
    expect(['queued', 'running']).toContain(none.body.status);
    expect(none.headers['preference-applied']).toBe('wait=0');
    expect(short.headers['preference-applied']).toBe('wait=1');
    for (const { body } of [none, short]) await service.http.post(`/v1/jobs/${body.id}/cancel`);
    for (const value of ['wait', 'wait=soon', 'wait=-1', 'return=minimal']) {
      const { headers, status } = await send(spec, value);
      expect([status, headers['preference-applied']]).toEqual([202, undefined]);
    }
    const long = await send(spec, 'wait=86400');
    expect([long.body.status, long.headers['preference-applied']]).toEqual(['succeeded', 'wait=60']);
    await untilUnfollowed();
  });

  it('is not kept up for a client that has gone', async () => {
    const headers = { 'content-type': 'application/json', prefer: 'wait=60' };
    const dispatcher = new Agent();
    const options = { method: 'POST', headers, body: JSON.stringify(slow), dispatcher } as const;
    const asked = request(`${service.url}/v1/jobs`, options).catch(() => undefined);
    await expect.poll(() => service.services.jobs.feeds.size).toBe(1);
    await dispatcher.destroy();
    expect(await asked).toBeUndefined();
    await untilUnfollowed();
  });
});
