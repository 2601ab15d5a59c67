import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const BODY_LIMIT = 4096;
const UPLOAD_LIMIT = 8192;
const keys = { read: `wf_${'r'.repeat(43)}`, submit: `wf_${'s'.repeat(43)}` };
const JOB = 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const spec = (rest: object = {}) => ({
  sources: [{ checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }] },
  ...rest,
});
let service: TestService;

interface Sent {
  key?: string;
  type?: string;
  body?: string | object;
  headers?: Record<string, string>;
}

/** Status and code, after a look that the refusal has the documented shape. */
async function send(method: string, at: string, { key, type, body, headers = {} }: Sent = {}) {
  const reply = await fetch(`${service.url}${at}`, {
    method,
    headers: {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': type ?? 'application/json' }),
      ...headers,
    },
    body: typeof body === 'object' ? JSON.stringify(body) : body,
  });
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  const problem = (await reply.json()) as { status: number; code: string; request_id: string };
  expect([problem.status, problem.request_id]).toEqual([reply.status, reply.headers.get('x-request-id')]);
  return `${problem.status} ${problem.code}`;
}

/** As it stands: clients tidy paths up before they send them. */
function sendRaw(method: string, at: string): Promise<string> {
  const { port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(Number(port), '127.0.0.1');
    socket.on('error', reject).on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(`${text.slice(9, 12)} ${/"code":"(\w+)"/.exec(text)?.[1]}`));
    socket.write(
      `${method} ${at} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${keys.submit}\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx`,
    );
  });
}

beforeAll(async () => {
  service = await startService(subfolder(root), {
    worker: false,
    env: {
      HOST: '0.0.0.0',
      API_KEYS: `reader:read:${keys.read},ci:submit:${keys.submit}`,
      BODY_LIMIT_BYTES: `${BODY_LIMIT}`,
      MAX_UPLOAD_BYTES: `${UPLOAD_LIMIT}`,
      SOURCE_ROOTS: subfolder(root),
      WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    },
  });
  const bytes = await readFile(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
  await service.http
    .put('/v1/checkpoints/a/files/model.safetensors')
    .set('authorization', `Bearer ${keys.submit}`)
    .set('content-type', 'application/octet-stream')
    .send(bytes)
    .expect(201);
});
afterAll(() => service?.close());

describe('refused without a key', () => {
  it.each([
    ['GET', '/v1/jobs', {}],
    ['POST', '/v1/jobs', { body: spec() }],
    ['POST', '/v1/jobs/plan', { body: '{' }],
    ['GET', `/v1/jobs/${JOB}`, { key: 'wf_' }],
    ['DELETE', `/v1/jobs/${JOB}`, { key: `${keys.submit}x` }],
    ['GET', `/v1/jobs/${JOB}/artifacts/model.safetensors`, { headers: { authorization: keys.read } }],
    ['PUT', '/v1/checkpoints/a/files/model.safetensors', { body: 'x', type: 'application/octet-stream' }],
    ['GET', '/v1/checkpoints/a', { headers: { authorization: `Basic ${keys.read}` } }],
    ['GET', `/v1/workers?key=${keys.read}`, {}],
    ['GET', '/metrics', { headers: { cookie: `key=${keys.read}` } }],
  ])('%s %s', async (method, at, sent) => {
    expect(await send(method, at, sent)).toBe('401 unauthorized');
  });
});

describe('refused to a key of another scope', () => {
  it.each([
    ['POST', '/v1/jobs', { key: keys.read, body: spec() }],
    ['POST', '/v1/jobs', { key: keys.read, body: '{' }],
    ['POST', '/v1/jobs/plan', { key: keys.read, body: spec() }],
    ['POST', `/v1/jobs/${JOB}/cancel`, { key: keys.read }],
    ['POST', `/v1/jobs/${JOB}/retry`, { key: keys.read }],
    ['PUT', '/v1/checkpoints/a/files/x.safetensors', { key: keys.read, body: 'x', type: 'text/plain' }],
    ['DELETE', `/v1/jobs/${JOB}`, { key: keys.submit }],
    ['DELETE', '/v1/checkpoints/a', { key: keys.submit }],
    ['DELETE', '/v1/checkpoints/a', { key: keys.read }],
    ['DELETE', `/v1/jobs/${JOB}`, { key: keys.read }],
  ])('%s %s', async (method, at, sent) => {
    expect(await send(method, at, sent)).toBe('403 forbidden');
  });
});

describe('refused as too large', () => {
  const long = 'x'.repeat(BODY_LIMIT);
  const key = keys.submit;
  const upload = { key, type: 'application/octet-stream', body: 'x'.repeat(UPLOAD_LIMIT + 1) };
  it.each([
    ['POST', '/v1/jobs', { key, body: spec({ name: long }) }, '413 body_too_large'],
    ['POST', '/v1/jobs', { key, body: long + long }, '413 body_too_large'],
    ['POST', '/v1/jobs', { key, body: `${'['.repeat(BODY_LIMIT)}1` }, '413 body_too_large'],
    ['POST', '/v1/jobs/plan', { key, body: spec({ labels: { x: long } }) }, '413 body_too_large'],
    ['PUT', '/v1/checkpoints/big/files/model.safetensors', upload, '413 upload_too_large'],
    ['PUT', '/v1/checkpoints/big/files/config.json', upload, '413 upload_too_large'],
    ['POST', '/v1/jobs', { key, body: spec({ name: 'x'.repeat(1000) }) }, '400 request_invalid'],
    ['POST', '/v1/jobs', { key, body: spec({ sources: Array(500).fill({ checkpoint: 'a' }) }) }, '413 body_too_large'],
    ['POST', '/v1/jobs', { key, body: spec(), headers: { 'idempotency-key': 'k'.repeat(256) } }, '400 request_invalid'],
    ['GET', '/v1/jobs?limit=101', { key }, '400 request_invalid'],
  ])('%s %s (%#)', async (method, at, sent, refusal) => {
    expect(await send(method, at, sent)).toBe(refusal);
  });
});

describe('refused as of the wrong type', () => {
  const key = keys.submit;
  const text = JSON.stringify(spec());
  it.each([
    ['text/plain', { key, type: 'text/plain', body: text }, '415 media_type_unsupported'],
    ['a form', { key, type: 'application/x-www-form-urlencoded', body: 'a=b' }, '415 media_type_unsupported'],
    ['multipart', { key, type: 'multipart/form-data; boundary=x', body: text }, '415 media_type_unsupported'],
    ['XML', { key, type: 'application/xml', body: '<a/>' }, '415 media_type_unsupported'],
    ['a type that is none', { key, type: 'json', body: text }, '415 media_type_unsupported'],
    ['a list for a spec', { key, body: [spec()] }, '400 request_invalid'],
    ['text for a list', { key, body: spec({ sources: 'a' }) }, '400 request_invalid'],
    ['text for a number', { key, body: spec({ priority: '1' }) }, '400 request_invalid'],
    ['a number for text', { key, body: spec({ name: 1 }) }, '400 request_invalid'],
    ['half a document', { key, body: text.slice(0, -1) }, '400 json_invalid'],
  ])('%s', async (_, sent, refusal) => {
    expect(await send('POST', '/v1/jobs', sent)).toBe(refusal);
  });
});

describe('refused as leading elsewhere', () => {
  it.each([
    ['PUT', '/v1/checkpoints/..%2fescape/files/model.safetensors', '400 request_invalid'],
    ['PUT', '/v1/checkpoints/ok/files/..%2f..%2fescape.safetensors', '400 request_invalid'],
    ['PUT', '/v1/checkpoints/ok/files/%2e%2e%5cescape.safetensors', '400 request_invalid'],
    ['PUT', '/v1/checkpoints/ok/files/.weightfold', '400 request_invalid'],
    ['PUT', '/v1/checkpoints/../../escape/files/model.safetensors', '404 route_not_found'],
    ['GET', '/v1/checkpoints/%2e%2e', '400 request_invalid'],
    ['GET', `/v1/jobs/${JOB}%2f..%2f..`, '400 request_invalid'],
    ['GET', `/v1/jobs/${JOB}/artifacts/..%2frecord.json`, '400 request_invalid'],
    ['GET', '/docs/static/..%2f..%2fpackage.json', '404 route_not_found'],
    ['GET', '/docs/static/../../../../../../etc/passwd', '404 route_not_found'],
  ])('%s %s', async (method, at, refusal) => {
    expect(await sendRaw(method, at)).toBe(refusal);
    const names = await readdir(path.join(service.dataDir, 'checkpoints'));
    expect(names.filter((name) => name !== 'a')).toEqual([]);
  });

  it.each(['file:///etc/passwd', 'file:///etc', 'file://host/x'])('a source at %s', async (uri) => {
    const body = spec({ sources: [{ uri }] });
    expect(await send('POST', '/v1/jobs', { key: keys.submit, body })).toBe('422 source_not_allowed');
  });
});

describe('refused as a webhook', () => {
  it.each([
    'https://127.0.0.1/hook',
    'https://localhost/hook',
    'https://[::1]/hook',
    'https://[::ffff:10.0.0.1]/hook',
    'https://10.1.2.3/hook',
    'https://192.168.0.1:8443/hook',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/hook',
    'https://0x7f.1/hook',
    'http://example.com/hook',
  ])('%s', async (url) => {
    const body = spec({ webhook: { url } });
    expect(await send('POST', '/v1/jobs', { key: keys.submit, body })).toBe('422 webhook_url_not_allowed');
  });
});
