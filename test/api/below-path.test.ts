import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publicPathOf } from '../../src/api/plugins/public-path.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const PROGRAM = fileURLToPath(new URL('../../bin/weightfold.js', import.meta.url));
const PREFIX = '/lab/weightfold';
const root = temporaryFolder();
const specOf = (name: string) => ({
  sources: [{ checkpoint: name }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }] },
});
let service: TestService;
let checkpoint: string;
const proxies: Server[] = [];

/** A proxy that publishes the service below a path, which it removes, and mentions as it is told to. */
async function proxy(target: string, headers: Record<string, string>): Promise<string> {
  const server = createServer((incoming, answer) => {
    const path = incoming.url ?? '';
    if (!path.startsWith(`${PREFIX}/`)) return void answer.writeHead(404).end('not below the path');
    const options = { method: incoming.method, headers: { ...incoming.headers, ...headers } };
    const forwarded = request(`${target}${path.slice(PREFIX.length)}`, options, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    incoming.pipe(forwarded);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxies.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${PREFIX}`;
}

beforeAll(async () => {
  service = await startService(subfolder(root), { worker: false, env: { TRUST_PROXY: 'loopback' } });
  checkpoint = await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1));
});
afterAll(async () => {
  for (const server of proxies) server.closeAllConnections();
  for (const server of proxies) server.close();
  await service?.close();
});

describe.each([
  ['that the proxy states', 'stated', { 'x-forwarded-prefix': PREFIX }],
  ['that nobody states', 'unstated', {}],
])('below a path %s', (_, name, headers) => {
  it('the CLI uploads, submits and lists', async () => {
    const url = await proxy(service.url, headers as Record<string, string>);
    const run = async (...args: string[]) => {
      const env = { ...process.env, WEIGHTFOLD_URL: `${url}/`, XDG_CACHE_HOME: subfolder(root) };
      const child = spawn(PROGRAM, args, { env });
      child.stdin.end(JSON.stringify(specOf(name)));
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ]);
      return { code, stdout, stderr };
    };
    expect(await run('upload', name, checkpoint)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${name}/model.safetensors`),
    });
    const { stdout } = await run('submit', '-');
    expect((await run('ls')).stdout).toContain(stdout.trim());
  });

  it('the page of the contract finds its files', async () => {
    const url = await proxy(service.url, headers as Record<string, string>);
    const page = await (await fetch(`${url}/docs`)).text();
    const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => new URL(file, `${url}/docs`).href);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect([file, (await fetch(file)).status]).toEqual([file, 200]);
  });
});

describe('a path that the proxy states', () => {
  const submit = async (url: string, headers: Record<string, string> = {}) => {
    const body = JSON.stringify(specOf('stated'));
    const reply = await fetch(`${url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    return { location: reply.headers.get('location'), id: ((await reply.json()) as { id: string }).id };
  };

  it('is in Location, and in the servers of the contract', async () => {
    const url = await proxy(service.url, { 'x-forwarded-prefix': PREFIX });
    const { location, id } = await submit(url);
    expect(location).toBe(`${PREFIX}/v1/jobs/${id}`);
    expect((await fetch(new URL(location as string, url))).status).toBe(200);
    for (const document of ['/openapi.json', '/docs/json']) {
      const { servers } = (await (await fetch(url + document)).json()) as { servers: { url: string }[] };
      expect(servers[0].url).toBe(PREFIX);
    }
    const moved = await fetch(`${url}/docs/static/index.html`, { redirect: 'manual' });
    expect(moved.headers.get('location')).toBe(`${PREFIX}/docs/`);
  });

  it('counts from a proxy that is trusted only', async () => {
    const open = await startService(subfolder(root), { worker: false, env: { TRUST_PROXY: '192.0.2.1' } });
    try {
      const headers = { 'x-forwarded-prefix': PREFIX };
      const moved = await fetch(`${open.url}/docs/static/index.html`, { headers, redirect: 'manual' });
      expect(moved.headers.get('location')).toBe('/docs/');
    } finally {
      await open.close();
    }
  });

  it.each([
    ['/a', '/a'],
    ['/a/', '/a'],
    ['/a, /b/', '/a/b'],
    ['/a%20b/c-d', '/a%20b/c-d'],
    ['', ''],
    ['/', ''],
    ['a', ''],
    ['//evil.example', ''],
    ['/a//b', ''],
    ['/a/../b', ''],
    ['https://evil.example', ''],
    ['/a?b', ''],
    ['/a\\b', ''],
    [undefined, ''],
  ])('%j is %j', (header, path) => expect(publicPathOf(header)).toBe(path));
});
