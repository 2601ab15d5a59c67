import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const KEY = `wf_${'k'.repeat(43)}`;
const UPLOAD_LIMIT = 8192;
const JOB = 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const SPEC = JSON.stringify({
  sources: [{ checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }] },
});
let service: TestService;
let model: Buffer;
let log = '';

interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Bytes as they stand: clients tidy up what they send. */
function exchange(bytes: string | Buffer, { halfClose = false } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.on('error', reject).on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => {
      const [head, body = ''] = text.split('\r\n\r\n');
      const [first, ...lines] = head.split('\r\n');
      const headers = lines.map((line) => [line.split(':')[0].toLowerCase(), line.slice(line.indexOf(':') + 2)]);
      resolve({ status: Number(first.slice(9, 12)), headers: Object.fromEntries(headers), body });
    });
    socket.write(bytes);
    if (halfClose) socket.end();
  });
}

const request = (method: string, path: string, headers: Record<string, string> = {}, body = '') =>
  exchange(
    [
      `${method} ${path} HTTP/1.1`,
      ...Object.entries({
        host: 'localhost',
        connection: 'close',
        authorization: `Bearer ${KEY}`,
        ...(body !== '' && { 'content-length': String(Buffer.byteLength(body)) }),
        ...headers,
      }).map(([name, value]) => `${name}: ${value}`),
      '',
      body,
    ].join('\r\n'),
  );

/** `413 body_too_large`, after a look that it is problem details. */
function refusalOf({ status, headers, body }: Reply): string {
  expect(headers['content-type']).toBe('application/problem+json');
  const problem = JSON.parse(body) as { status: number; code: string; request_id: string };
  expect([problem.status, problem.request_id]).toEqual([status, headers['x-request-id']]);
  return `${status} ${problem.code}`;
}

beforeAll(async () => {
  service = await startService(subfolder(root), {
    worker: false,
    env: {
      HOST: '0.0.0.0',
      API_KEYS: `ops:admin:${KEY}`,
      LOG_LEVEL: 'trace',
      MAX_UPLOAD_BYTES: `${UPLOAD_LIMIT}`,
      CORS_ORIGINS: 'https://lab.example',
    },
    logTo: {
      write: (line) => {
        log += line;
      },
    },
  });
  model = await readFile(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
  await put(model).expect(201);
});
afterAll(() => service?.close());

const put = (bytes: Buffer | string, headers: Record<string, string> = {}, file = 'model.safetensors') =>
  service.http
    .put(`/v1/checkpoints/a/files/${file}`)
    .set('authorization', `Bearer ${KEY}`)
    .set('content-type', 'application/octet-stream')
    .set(headers)
    .send(bytes);

describe('what is no request that a route could be found for', () => {
  const bearer = `authorization: Bearer ${KEY}\r\n`;
  it.each([
    ['too many headers', `GET / HTTP/1.1\r\n${bearer}x: ${'x'.repeat(20_000)}\r\n\r\n`, '431 headers_too_large'],
    ['an address too long', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${bearer}\r\n`, '431 headers_too_large'],
    ['another protocol', `hello ${KEY}\r\n\r\n`, '400 request_malformed'],
    ['no method', `FETCH /v1/jobs HTTP/1.1\r\n${bearer}\r\n`, '400 request_malformed'],
    ['a space in the path', `GET /v1/ jobs HTTP/1.1\r\n${bearer}\r\n`, '400 request_malformed'],
    [
      'two lengths',
      `POST /v1/jobs HTTP/1.1\r\n${bearer}content-length: 1\r\ncontent-length: 2\r\n\r\n`,
      '400 request_malformed',
    ],
    ['a length that is none', `POST /v1/jobs HTTP/1.1\r\n${bearer}content-length: x\r\n\r\n`, '400 request_malformed'],
    [
      'length and chunks',
      `POST / HTTP/1.1\r\n${bearer}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
      '400 request_malformed',
    ],
    ['a tunnel', `CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n${bearer}\r\n`, '400 request_malformed'],
    [
      'a path that cannot be decoded',
      `GET /v1/jobs/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${bearer}\r\n`,
      '400 request_invalid',
    ],
    [
      'overlong UTF-8',
      `GET /v1/checkpoints/%c0%ae HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${bearer}\r\n`,
      '400 request_invalid',
    ],
  ])('%s', async (_, bytes, refusal) => {
    expect(refusalOf(await exchange(bytes))).toBe(refusal);
    expect(log).toContain('unreadable request');
    expect(log).not.toContain(KEY);
    expect(log).not.toContain(Buffer.from(KEY).join());
  });
});

describe('a request', () => {
  const get = (...headers: string[]) =>
    exchange(['GET /healthz HTTP/1.1', 'connection: close', ...headers, '', ''].join('\r\n'));

  it.each([
    ['two Host headers', ['host: localhost', 'Host: other']],
    ['two equal Host headers', ['host: localhost', 'host: localhost']],
    ['no Host header', []],
    ['a Host that is none', ['host: local host']],
  ])('with %s is refused', async (_, headers) => {
    const reply = await get(...headers);
    expect(refusalOf(reply)).toBe('400 request_malformed');
    expect(JSON.parse(reply.body).detail).toContain('Host: localhost:8080');
  });

  it('of HTTP/1.0 needs no Host', async () => {
    expect((await exchange('GET /healthz HTTP/1.0\r\n\r\n')).status).toBe(200);
  });

  it('with an expectation that nobody knows is answered as it would be without', async () => {
    expect((await get('host: localhost', 'expect: cake')).status).toBe(200);
  });
});

describe('a method that a path does not take', () => {
  it.each([
    ['GET', '/v1/jobs/plan', 'POST'],
    ['HEAD', '/v1/jobs/plan', 'POST'],
    ['DELETE', '/v1/jobs/plan', 'POST'],
    ['QUERY', '/v1/jobs/plan', 'POST'],
    ['QUERY', '/v1/jobs', 'GET, HEAD, POST'],
    ['QUERY', '/healthz', 'GET, HEAD'],
    ['PUT', '/v1/jobs', 'GET, HEAD, POST'],
    ['DELETE', '/v1/jobs', 'GET, HEAD, POST'],
    ['PATCH', `/v1/jobs/${JOB}`, 'DELETE, GET, HEAD'],
    ['GET', `/v1/jobs/${JOB}/cancel`, 'POST'],
    ['POST', `/v1/jobs/${JOB}/artifacts/model.safetensors`, 'GET, HEAD'],
    ['GET', '/v1/checkpoints/a/files/model.safetensors', 'PUT'],
    ['GET', '/v1/uploads', 'OPTIONS, POST'],
    ['GET', `/v1/uploads/${'0'.repeat(32)}`, 'DELETE, HEAD, PATCH'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['TRACE', '/v1/jobs?limit=1', 'GET, HEAD, POST'],
  ])('%s %s', async (method, path, allow) => {
    // A body of any type changes nothing about that; HEAD is answered without one.
    const reply = await request(method, path, method === 'POST' ? { 'content-type': 'text/xml' } : {});
    expect([reply.status, reply.headers.allow]).toEqual([405, allow]);
    if (method !== 'HEAD') expect(refusalOf(reply)).toBe('405 method_not_allowed');
  });

  it('is told of by OPTIONS, which is no preflight', async () => {
    expect(await request('OPTIONS', '/v1/jobs/plan')).toMatchObject({ status: 204, headers: { allow: 'POST' } });
    expect(await request('OPTIONS', '/v1/jobs')).toMatchObject({ status: 204, headers: { allow: 'GET, HEAD, POST' } });
    expect(await request('OPTIONS', '/v1/uploads', { 'tus-resumable': '1.0.0' })).toMatchObject({
      status: 204,
      headers: { 'tus-version': '1.0.0' },
    });
    const preflight = { origin: 'https://lab.example', 'access-control-request-method': 'POST' };
    expect(await request('OPTIONS', '/v1/jobs', preflight)).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': 'https://lab.example' },
    });
    expect(refusalOf(await request('OPTIONS', '/v1/nothing'))).toBe('404 route_not_found');
  });
});

describe('a body', () => {
  const json = { 'content-type': 'application/json' };
  it.each([
    ['is missing', 'POST', '/v1/jobs', {}, '', '400 body_missing'],
    ['is empty', 'POST', '/v1/jobs', { ...json, 'content-length': '0' }, '', '400 body_missing'],
    ['is packed', 'POST', '/v1/jobs', { ...json, 'content-encoding': 'gzip' }, SPEC, '415 media_type_unsupported'],
    ['has a key that is a trap', 'POST', '/v1/jobs', json, '{"__proto__": {}}', '400 json_invalid'],
    ['has no type', 'POST', '/v1/jobs', {}, SPEC, '415 media_type_unsupported'],
    [
      'may be empty where none is asked for',
      'POST',
      `/v1/jobs/${JOB}/cancel`,
      { ...json, 'content-length': '0' },
      '',
      '404 job_not_found',
    ],
    [
      'may be empty for a DELETE too',
      'DELETE',
      `/v1/jobs/${JOB}`,
      { ...json, 'content-length': '0' },
      '',
      '404 job_not_found',
    ],
  ])('%s', async (_, method, path, headers, body, refusal) => {
    expect(refusalOf(await request(method, path, headers as Record<string, string>, body))).toBe(refusal);
  });

  it('packed on its way is refused', async () => {
    const head = `POST /v1/jobs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\nconnection: close\r\n`;
    const reply = await exchange(`${head}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`);
    expect(refusalOf(reply)).toBe('415 media_type_unsupported');
  });

  it('is said to be wrong where it is', async () => {
    const detailOf = async (body: string) => JSON.parse((await request('POST', '/v1/jobs', json, body)).body).detail;
    expect(await detailOf('{"sources": [}')).toContain("Unexpected token '}'");
    expect(await detailOf('{"sources": ["a"], "model": {"family": "auto"}}')).toContain(
      '/sources/0: must be {"checkpoint"',
    );
    expect(await detailOf('{"model": {"family": "auto"}, "target": {}}')).toContain('/sources: is missing');
    expect(await detailOf(SPEC.replace('{"sources"', '{"labels":{"a b":"c"},"sources"'))).toContain(
      'is no name of a label',
    );
  });
});

describe('an upload', () => {
  it.each([
    ['of a part', { 'content-range': 'bytes 0-9/20' }, '400 request_invalid'],
    ['packed', { 'content-encoding': 'gzip' }, '415 media_type_unsupported'],
    ['as a form', { 'content-type': 'multipart/form-data; boundary=x' }, '415 media_type_unsupported'],
    ['as one part of several', { 'content-type': 'Multipart/mixed; boundary=x' }, '415 media_type_unsupported'],
    ['where a file is already', { 'if-none-match': '*' }, '412 precondition_failed'],
    ['in place of another file', { 'if-match': '"other"' }, '412 precondition_failed'],
  ])('%s is refused', async (_, headers, refusal) => {
    const reply = await put('{}', headers as Record<string, string>);
    expect(`${reply.status} ${reply.body.code}`).toBe(refusal);
  });

  it('in pieces takes the bytes of the file and nothing around them', async () => {
    const tus = {
      'tus-resumable': '1.0.0',
      'upload-length': '2',
      'upload-metadata': `checkpoint ${btoa('a')},filename ${btoa('config.json')}`,
      'content-type': 'multipart/form-data; boundary=x',
    };
    const reply = await request('POST', '/v1/uploads', tus, '{}');
    expect(refusalOf(reply)).toBe('415 media_type_unsupported');
    expect(JSON.parse(reply.body).detail).toContain('as application/offset+octet-stream');
  });

  it('is made where its conditions hold', async () => {
    const { headers } = await put(model).expect(201);
    await put(model, { 'if-match': headers.etag }).expect(201);
    await put('{}', { 'if-none-match': '*' }, 'config.json').expect(201);
    await put('{}', { 'if-match': '*' }, 'tokenizer.json').expect(412);
  });

  it('larger than any may be is refused for that, not for the space it would take', async () => {
    const path = '/v1/checkpoints/b/files/model.safetensors';
    const reply = await request('PUT', path, { 'content-length': '99999999999999' });
    expect(refusalOf(reply)).toBe('413 upload_too_large');
  });

  it('that breaks off is no defect of the service', async () => {
    const head = `PUT /v1/checkpoints/b/files/x.safetensors HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\ncontent-length: 100\r\n\r\nx`;
    for (let n = 0; n < 5; n++) await exchange(head, { halfClose: true });
    expect(log).not.toContain('unexpected error');
  });
});

it('a body that stalls is answered with 408, and its connection closed', async () => {
  const from = performance.now();
  const reply = await request('POST', '/v1/jobs', { 'content-type': 'application/json', 'content-length': '20' }, '{');
  expect([refusalOf(reply), reply.headers.connection]).toEqual(['408 request_timeout', 'close']);
  expect(performance.now() - from).toBeGreaterThan(10_000);
});

it('gives the job of an idempotency key whatever has become of its checkpoint since', async () => {
  await put(model).expect(201);
  const submit = (body: string) =>
    request('POST', '/v1/jobs', { 'content-type': 'application/json', 'idempotency-key': 'one' }, body);
  const first = JSON.parse((await submit(SPEC)).body) as { id: string };
  expect((await request('POST', `/v1/jobs/${first.id}/cancel`)).status).toBe(202);
  expect((await request('DELETE', '/v1/checkpoints/a')).status).toBe(204);
  expect(await submit(SPEC)).toMatchObject({ status: 202, headers: { location: `/v1/jobs/${first.id}` } });
  expect(refusalOf(await submit(SPEC.replace('3}', '2}')))).toBe('422 idempotency_key_reused');
});
