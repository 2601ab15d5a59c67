import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { embeddedSocket } from '../../src/queue/redis.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { Delivery } from '../../src/schemas/webhook.js';
import { retryDelay } from '../../src/webhooks/schedule.js';
import { WebhookSender } from '../../src/webhooks/sender.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { eventually } from '../support/patience.js';
import { runJob, startService, type TestService, upload } from '../support/service.js';
import { contentsBelow, subfolder, temporaryFolder } from '../support/temporary.js';
import { Receiver } from './receiver.js';

const root = temporaryFolder();
const KEY = Buffer.from('a signing key of at least 24 bytes').toString('base64');
const SECRET = `whsec_${KEY}`;
let service: TestService;
let receiver: Receiver;

const spec = (webhook?: JobSpecInput['webhook'], width = 4): JobSpecInput => ({
  sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width }, { weight: 'layers.1.weight' }] },
  ...(webhook && { webhook }),
});

beforeAll(async () => {
  receiver = await new Receiver(SECRET).start();
  const env = { WEBHOOK_SECRET: SECRET, ALLOW_PRIVATE_WEBHOOKS: 'true', WEBHOOK_RETRY_SECONDS: '0.1,0.1' };
  service = await startService(subfolder(root), { env });
  await upload(service.http, 'a', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
});
afterAll(async () => {
  await service?.close();
  await receiver?.stop();
});

const deliveries = async (id: string) =>
  (await service.http.get(`/v1/jobs/${id}/deliveries`).expect(200)).body.data as Delivery[];

/** Wait until none of a job's deliveries is under way, of which there are at least `count`. */
async function settled(id: string, count = 1): Promise<Delivery[]> {
  return eventually(async () => {
    const all = await deliveries(id);
    return all.length >= count && all.every(({ status }) => status !== 'pending') && all;
  });
}

const awaited = () => readdir(path.join(service.dataDir, 'webhooks'));

async function untilForgotten(id: string): Promise<void> {
  await expect.poll(awaited).not.toContain(id);
}

describe('a webhook', () => {
  it('is told of the end of its job, signed', async () => {
    const { id } = await runJob(service.http, spec({ url: receiver.url('/end') }));
    const [delivery, ...others] = await settled(id);
    const calls = await receiver.received('/end', 1);
    const { data: events } = (await service.http.get(`/v1/jobs/${id}/events`)).body;
    const last = events.at(-1);
    expect(calls.map(({ body }) => body)).toEqual([{ type: 'job.succeeded', timestamp: last.created_at, data: last }]);
    expect(others).toEqual([]);
    expect(delivery).toMatchObject({
      id: calls[0].id,
      job_id: id,
      event_id: last.id,
      type: 'job.succeeded',
      status: 'delivered',
      next_attempt_at: null,
      attempts: [{ response_status: 204, error: null }],
    });
    expect(receiver.forged).toBe(0);
    await untilForgotten(id);
  });

  it('is told of every kind of event it asks for, also of a job that fails', async () => {
    const events = ['job.queued', 'job.running', 'job.failed'] as const;
    const hook = { url: receiver.url('/all'), events: [...events] };
    const huge = await makeCheckpoint(subfolder(root), [
      { name: 'layers.0.weight', shape: [4, 5], values: new Array(20).fill(Number.NaN) },
      { name: 'layers.1.weight', shape: [3, 4], values: new Array(12).fill(1) },
    ]);
    await upload(service.http, 'nan', huge);
    const body = { ...spec(hook), sources: [{ checkpoint: 'nan' }, { checkpoint: 'nan' }] };
    const { id } = await runJob(service.http, body);
    expect((await settled(id, 3)).map(({ type, status }) => [type, status])).toEqual(
      events.map((e) => [e, 'delivered']),
    );
    const calls = await receiver.received('/all', 3);
    expect(calls.map(({ body }) => body.type).sort()).toEqual([...events].sort());
    expect(calls.find(({ body }) => body.type === 'job.failed')?.body.data.data.error?.code).toBe('weights_not_finite');
  });

  it('that fails twice is called again, with the same id; and once more when asked', async () => {
    receiver.answer = (_, nth) => (nth === 1 ? { status: 500 } : nth === 2 ? 'reset' : { status: 200 });
    const { id } = await runJob(service.http, spec({ url: receiver.url('/twice') }));
    const [delivery] = await settled(id);
    expect([delivery.status, delivery.attempts.map(({ response_status }) => response_status)]).toEqual([
      'delivered',
      [500, null, 200],
    ]);
    await untilForgotten(id);
    const { body } = await service.http.post(`/v1/jobs/${id}/deliveries/${delivery.id}/replay`).expect(202);
    expect(body).toMatchObject({ id: delivery.id, status: 'pending', replays: 1 });
    const calls = await receiver.received('/twice', 4);
    expect(new Set(calls.map((call) => call.id))).toEqual(new Set([delivery.id]));
    expect(new Set(calls.map((call) => JSON.stringify(call.body))).size).toBe(1);
    const [again] = await settled(id);
    expect([again.status, again.replays, again.attempts.length]).toEqual(['delivered', 1, 4]);
    await untilForgotten(id);
  });

  it('that keeps failing is given up after the schedule, redirects count as failures, and a replay begins anew', async () => {
    receiver.answer = ({ path }) =>
      path === '/moved' ? { status: 307, headers: { location: '/else' } } : { status: 200 };
    const { id } = await runJob(service.http, spec({ url: receiver.url('/moved') }));
    const [delivery] = await settled(id);
    expect([delivery.status, delivery.attempts.length]).toEqual(['failed', 3]);
    expect(delivery.attempts[0]).toMatchObject({ response_status: 307, error: 'Redirects are not followed.' });
    await service.http.post(`/v1/jobs/${id}/deliveries/${delivery.id}/replay`).expect(202);
    expect((await settled(id))[0].attempts.length).toBe(6);
    expect(receiver.calls.filter((call) => call.path === '/else')).toEqual([]);
  });

  it('that answers 410 is called no more', async () => {
    receiver.answer = () => ({ status: 410 });
    const hook = { url: receiver.url('/gone'), events: ['job.queued', 'job.running', 'job.succeeded'] as never };
    const { id } = await runJob(service.http, spec(hook));
    const all = await settled(id, 3);
    expect(all.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
    expect(all.map(({ attempts }) => attempts.length)).toEqual([1, 1, 1]);
    // Those that were on their way already may have arrived too.
    const calls = receiver.calls.filter((call) => call.path === '/gone').length;
    expect(all.filter(({ attempts }) => attempts[0].response_status === 410).length).toBe(calls);
    await sleep(300);
    expect(receiver.calls.filter((call) => call.path === '/gone').length).toBe(calls);
  });

  it('is not forgotten with the queue; Retry-After is obeyed', async () => {
    receiver.answer = () => ({ status: 429, headers: { 'retry-after': '3600' } });
    const { id } = await runJob(service.http, spec({ url: receiver.url('/later') }));
    await receiver.received('/later', 1);
    const delivery = await eventually(async () => {
      const [one] = await deliveries(id);
      return one.attempts.length > 0 && one;
    });
    const wait = Date.parse(delivery.next_attempt_at as string) - Date.now();
    expect([delivery.status, wait > 3_500_000, wait < 2 * 3_600_000]).toEqual(['pending', true, true]);
    const redis = new Redis({ path: embeddedSocket(service.dataDir), retryStrategy: () => null });
    const queued = `weightfold:webhooks:${delivery.id}_0`;
    expect(await redis.exists(queued)).toBe(1);
    await redis.flushall();
    await service.services.webhooks.sweep();
    expect(await redis.exists(queued)).toBe(1);
    const due = Number((await redis.zscore('weightfold:webhooks:delayed', `${delivery.id}_0`)) ?? 0) / 0x1000;
    expect(Math.abs(due - Date.parse(delivery.next_attempt_at as string))).toBeLessThan(60_000);
    redis.disconnect();
    receiver.answer = () => ({ status: 200 });
    await service.http.post(`/v1/jobs/${id}/deliveries/${delivery.id}/replay`).expect(202);
    expect((await settled(id))[0]).toMatchObject({ status: 'delivered', replays: 1 });
    await untilForgotten(id);
  });

  it('and what it was sent never show the secret', async () => {
    const texts = await contentsBelow(service.dataDir);
    expect(texts.some((text) => text.includes('/twice'))).toBe(true);
    expect(texts.filter((text) => text.includes(KEY))).toEqual([]);
  });

  it('asked for what is not there: 404', async () => {
    const { id } = await runJob(service.http, spec());
    expect(await deliveries(id)).toEqual([]);
    const none = `msg_${id.slice(4)}_2`;
    for (const [url, status, code] of [
      [`/v1/jobs/${id}/deliveries/${none}/replay`, 404, 'delivery_not_found'],
      [`/v1/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV/deliveries/${none}/replay`, 404, 'job_not_found'],
      [`/v1/jobs/${id}/deliveries/..%2f2/replay`, 400, 'request_invalid'],
    ] as const) {
      const reply = await service.http.post(url);
      expect([reply.status, reply.body.code]).toEqual([status, code]);
    }
  });
});

describe('an address a webhook may not have', () => {
  let guarded: TestService;
  beforeAll(async () => {
    guarded = await startService(subfolder(root), { worker: false, env: { WEBHOOK_SECRET: SECRET } });
    await upload(guarded.http, 'a', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
  });
  afterAll(() => guarded?.close());

  it.each([
    'http://example.com/hook',
    'https://127.0.0.1/hook',
    'https://10.1.2.3:8443/hook',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/hook',
    'https://[::ffff:192.168.0.1]/hook',
    'https://2130706433/hook',
    'https://0x7f.1/hook',
    'https://localhost/hook',
    'https://service.localhost:9000/hook',
    'https://user:password@example.com/hook',
  ])('%s is refused at submission', async (url) => {
    const { status, body } = await guarded.http.post('/v1/jobs').send(spec({ url }));
    expect([status, body.code, body.errors[0]?.pointer]).toEqual([422, 'webhook_url_not_allowed', '/webhook/url']);
    expect(JSON.stringify(body)).not.toContain('password@');
    expect((await guarded.http.post('/v1/jobs/plan').send(spec({ url }))).body.code).toBe('webhook_url_not_allowed');
  });

  it.each(['ftp://example.com/hook', 'hook', 'https://', 'file:///etc/passwd'])('%s is none', async (url) => {
    const { status, body } = await guarded.http.post('/v1/jobs').send(spec({ url }));
    expect([status, body.code, body.errors[0]?.pointer]).toEqual([400, 'request_invalid', '/webhook/url']);
  });

  it('is not called either where a name leads there', async () => {
    const sender = new WebhookSender(loadConfig({ WEBHOOK_SECRET: SECRET }));
    const before = receiver.connections;
    const answer = await sender.send(`https://localhost:${receiver.port}/hook`, 'msg_x_1', '{}');
    expect(answer).toMatchObject({ status: null, final: true, error: expect.stringContaining('not public') });
    expect(receiver.connections).toBe(before);
    await sender.close();
  });

  it('and any webhook is refused where there is nothing to sign with', async () => {
    const plain = await startService(subfolder(root), { worker: false });
    await upload(plain.http, 'a', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
    const { status, body } = await plain.http.post('/v1/jobs').send(spec({ url: 'https://example.com/hook' }));
    expect([status, body.code]).toEqual([422, 'webhooks_disabled']);
    await plain.close();
  });
});

describe('settings of webhooks', () => {
  it.each(['whsec_', 'whsec_c2hvcnQ=', KEY, `${SECRET},nonsense`, 'whsec_!!!'])(
    'WEBHOOK_SECRET=%s is refused, unseen',
    (secret) => {
      const load = () => loadConfig({ WEBHOOK_SECRET: secret });
      expect(load).toThrow(/WEBHOOK_SECRET=…/);
      expect(load).not.toThrow(secret.length > 8 ? secret : 'nothing');
    },
  );

  it('two secrets sign both, while one replaces the other', async () => {
    const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const config = loadConfig({ WEBHOOK_SECRET: `${other}, ${SECRET}`, ALLOW_PRIVATE_WEBHOOKS: 'true' });
    const sender = new WebhookSender(config);
    receiver.answer = () => ({ status: 200 });
    expect(await sender.send(receiver.url('/both'), 'msg_x_1', '{}')).toMatchObject({ status: 200, error: null });
    expect(receiver.calls.some((call) => call.path === '/both')).toBe(true);
    await sender.close();
  });

  it('the schedule waits longer each time, with jitter, and no less than the receiver asks', () => {
    for (let i = 0; i < 50; i++) {
      const delay = retryDelay(2, [5, 300]) as number;
      expect([delay >= 300_000, delay <= 360_000]).toEqual([true, true]);
    }
    expect(retryDelay(3, [5, 300])).toBeUndefined();
    expect(retryDelay(1, [5, 300], 1000)).toBeGreaterThanOrEqual(1_000_000);
    expect(retryDelay(1, [5, 300], 1e9)).toBeLessThanOrEqual(86_400_000 * 1.2);
  });
});
