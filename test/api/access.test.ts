import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyStore } from '../../src/access/key-store.js';
import { requireKeys } from '../../src/access/require-keys.js';
import { loadConfig } from '../../src/config.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const program = (name: string) => fileURLToPath(new URL(`../../dist/src/${name}`, import.meta.url));
const run = async (name: string, args: string[], env: NodeJS.ProcessEnv) =>
  promisify(execFile)(process.execPath, [program(name), ...args], { env: { ...process.env, ...env } }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code: code as number, stdout: stdout as string, stderr: stderr as string }),
  );
const keysCommand = (dataDir: string, ...args: string[]) => run('tools/keys.js', args, { DATA_DIR: dataDir });
const makeKey = async (dataDir: string, name: string, scope: string) =>
  (await keysCommand(dataDir, 'create', '--name', name, '--scope', scope)).stdout.trim();

/** A made key counts within a second, and so does a revoked one. */
const TAKES_EFFECT_MS = 1_100;
const spec = {
  sources: [{ checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }] },
};

describe('a service on loopback without keys', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService(subfolder(root), { worker: false });
  });
  afterAll(() => service?.close());

  it('asks for none, on the names of this machine', async () => {
    await service.http.get('/v1/jobs').expect(200);
    await service.http.get('/v1/jobs').set('host', 'localhost:8080').expect(200);
    await service.http.get('/v1/jobs').set('host', '[::1]').expect(200);
  });

  it('is not reached by a page whose name resolves to this machine', async () => {
    for (const host of ['evil.example', 'evil.example:8080', 'localhost.evil.example', '10.0.0.1'])
      expect((await service.http.get('/v1/jobs').set('host', host)).body.code).toBe('host_not_allowed');
  });

  it('is closed from the first key on, and stays closed when the last is revoked', async () => {
    const key = await makeKey(service.dataDir, 'first', 'read');
    await sleep(TAKES_EFFECT_MS);
    await service.http.get('/v1/jobs').expect(401);
    await service.http.get('/v1/jobs').set('authorization', `Bearer ${key}`).expect(200);
    await service.http.get('/v1/jobs').set('host', 'lab.example').set('authorization', `Bearer ${key}`).expect(200);
    expect((await keysCommand(service.dataDir, 'revoke', 'first')).code).toBe(0);
    await sleep(TAKES_EFFECT_MS);
    const revoked = await service.http.get('/v1/jobs').set('authorization', `Bearer ${key}`);
    expect([revoked.status, revoked.body.code]).toEqual([401, 'unauthorized']);
    expect(revoked.headers['www-authenticate']).toBe('Bearer realm="weightfold", error="invalid_token"');
  });

  it('lets nobody in while its keys cannot be read', async () => {
    const file = path.join(service.dataDir, 'keys.json');
    const good = await readFile(file, 'utf8');
    await writeFile(file, good.slice(0, -10));
    await sleep(TAKES_EFFECT_MS);
    const reply = await service.http.get('/v1/jobs');
    expect([reply.status, reply.body.code]).toEqual([503, 'keys_unavailable']);
    await service.http.get('/healthz').expect(200);
    await writeFile(file, good);
  });
});

describe('the keys command', () => {
  const dataDir = subfolder(root);

  it('prints a key once, keeps its hash, and lists names, scopes and dates', async () => {
    const key = await makeKey(dataDir, 'ci', 'submit');
    expect(key).toMatch(/^wf_[A-Za-z0-9_-]{43}$/);
    expect(await readFile(path.join(dataDir, 'keys.json'), 'utf8')).not.toContain(key.slice(10));
    const { stdout } = await keysCommand(dataDir, 'list');
    expect(stdout).toMatch(new RegExp(`key_\\w{26} +ci +submit +${key.slice(0, 7)}… +\\d{4}-\\d\\d-\\d\\dT`));
    await keysCommand(dataDir, 'revoke', 'ci');
    expect((await keysCommand(dataDir, 'list')).stdout).toMatch(/ci .*Z {2}\d{4}-.*Z\n/);
  });

  it.each([
    [['create', '--name', 'x', '--scope', 'root'], 2, /--scope must be one of read, submit, admin/],
    [['create', '--name', '../x', '--scope', 'read'], 2, /--name must be/],
    [['create', '--name', 'x', '--scope', 'read', '--colour', 'red'], 2, /colour/],
    [['revoke', 'nobody'], 1, /No key with the id or name "nobody"/],
    [['explode'], 2, /"explode" is no command/],
  ])('refuses %j', async (args, code, message) => {
    const result = await keysCommand(dataDir, ...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/ at .*\.js:\d+/);
  });

  it('makes no second key of a name, and with --if-none none where there is one', async () => {
    await makeKey(dataDir, 'twice', 'read');
    const again = await keysCommand(dataDir, 'create', '--name', 'twice', '--scope', 'read');
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('There is a key named "twice"')]);
    const none = await keysCommand(dataDir, 'create', '--name', 'new', '--scope', 'admin', '--if-none');
    expect([none.code, none.stdout]).toEqual([0, '']);
  });
});

describe('listening where other machines can reach the service', () => {
  const start = (env: NodeJS.ProcessEnv) => run('start-api.js', [], { DATA_DIR: subfolder(root), PORT: '0', ...env });

  it('is refused without a key, with the way to make one', async () => {
    const { code, stderr } = await start({ HOST: '0.0.0.0' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/(npm run keys --|node \S*keys\.js) create .*API_KEYS.*ALLOW_NO_KEYS=true/);
  });

  it.each([
    ['::', {}, false],
    ['192.0.2.1', {}, false],
    ['lab.example', {}, false],
    ['0.0.0.0', { ALLOW_NO_KEYS: 'true' }, true],
    ['0.0.0.0', { API_KEYS: `ci:read:wf_${'x'.repeat(32)}` }, true],
    ['localhost', {}, true],
    ['127.8.8.8', {}, true],
    ['::1', {}, true],
  ])('at %s with %j: %s', async (HOST, env, allowed) => {
    const config = loadConfig({ HOST, ...env });
    const asked = requireKeys('HOST', HOST, config, new KeyStore(subfolder(root), config.API_KEYS));
    if (allowed) await asked;
    else await expect(asked).rejects.toMatchObject({ code: 'keys_missing' });
  });

  it('is refused with keys that could be guessed, without repeating them', async () => {
    const { code, stderr } = await start({ API_KEYS: 'ci:submit:hunter2' });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/API_KEYS=….*name:scope:key/)]);
    expect(stderr).not.toContain('hunter2');
  });
});

describe('a key', () => {
  const keys = {
    read: `wf_${'r'.repeat(43)}`,
    submit: `wf_${'s'.repeat(43)}`,
    admin: `wf_${'a'.repeat(43)}`,
  };
  const as = (scope: keyof typeof keys) => ({ authorization: `Bearer ${keys[scope]}` });
  const lines: string[] = [];
  let service: TestService;

  beforeAll(async () => {
    service = await startService(subfolder(root), {
      worker: false,
      env: {
        HOST: '0.0.0.0',
        API_KEYS: `reader:read:${keys.read}, ci:submit:${keys.submit},boss:admin:${keys.admin}`,
        RATE_LIMIT_PER_MINUTE: '100',
        CORS_ORIGINS: 'https://lab.example',
        LOG_LEVEL: 'warn',
      },
      logTo: { write: (line: string) => void lines.push(line) },
    });
    const bytes = await readFile(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
    await service.http
      .put('/v1/checkpoints/a/files/model.safetensors')
      .set(as('submit'))
      .set('content-type', 'application/octet-stream')
      .send(bytes)
      .expect(201);
  });
  afterAll(() => service?.close());

  it('does what its scope includes', async () => {
    const post = (scope: keyof typeof keys) => service.http.post('/v1/jobs').set(as(scope)).send(spec);
    await service.http.get('/v1/jobs').set(as('read')).expect(200);
    await service.http.get('/v1/workers').set(as('read')).expect(200);
    const refused = await post('read').expect(403);
    expect(refused.body).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('"reader"') });
    expect(refused.headers['www-authenticate']).toContain('error="insufficient_scope", scope="submit"');
    const { body: job } = await post('submit').expect(202);
    await service.http.get(`/v1/jobs/${job.id}`).set(as('submit')).expect(200);
    await service.http.post(`/v1/jobs/${job.id}/cancel`).set(as('submit')).expect(202);
    await service.http.delete(`/v1/jobs/${job.id}`).set(as('submit')).expect(403);
    await service.http.delete(`/v1/jobs/${job.id}`).set(as('admin')).expect(204);
  });

  it('is not needed for health, the contract and its page', async () => {
    for (const at of ['/healthz', '/readyz', '/openapi.json', '/docs/', '/docs/static/swagger-ui.css'])
      await service.http.get(at).expect(200);
  });

  it('is needed for every other route of the contract, by its scope', async () => {
    const { body: api } = await service.http.get('/openapi.json');
    for (const [at, methods] of Object.entries(api.paths as Record<string, Record<string, Operation>>))
      for (const [method, { security, responses }] of Object.entries(methods)) {
        if (security.length === 0) continue;
        expect([at, method, Object.keys(responses)]).toEqual([at, method, expect.arrayContaining(['401', '403'])]);
        const bare = await service.http[method as 'get'](at.replaceAll(/\{\w+\}/g, 'x'));
        expect([at, method, bare.status]).toEqual([at, method, 401]);
      }
    expect(api.components.securitySchemes.apiKey).toMatchObject({ type: 'http', scheme: 'bearer' });
  });

  it('leaves a line for each change, also refused ones, and is in none itself', async () => {
    await service.http.delete('/v1/checkpoints/none').set(as('admin')).expect(404);
    await service.http.post('/v1/jobs/plan').set(as('submit')).send(spec).expect(200);
    const { body: job } = await service.http.post('/v1/jobs').set(as('submit')).send(spec).expect(202);
    await service.http
      .post('/v1/jobs')
      .set('authorization', 'Bearer wf_stolen_0123456789abcdef')
      .send(spec)
      .expect(401);
    const audit = lines.flatMap((line) => JSON.parse(line).audit ?? []).slice(-3);
    expect(audit).toMatchObject([
      {
        action: 'deleteCheckpoint',
        key: { id: 'env_boss', name: 'boss' },
        address: '127.0.0.1',
        resource: '/v1/checkpoints/none',
        outcome: 'refused',
        status: 404,
        code: 'checkpoint_not_found',
      },
      { action: 'submitJob', key: { name: 'ci' }, resource: `/v1/jobs/${job.id}`, outcome: 'done', status: 202 },
      { action: 'submitJob', key: null, resource: '/v1/jobs', outcome: 'refused', code: 'unauthorized' },
    ]);
    expect(lines.join('')).not.toMatch(/wf_[rsa]{10}|wf_stolen/);
  });

  it('is limited by itself, not by the others; health is not', async () => {
    let limited = 0;
    let last: { status: number; headers: Record<string, string>; body: { code: string } } | undefined;
    for (let i = 0; i < 101; i++) {
      last = await service.http.get('/v1/workers').set(as('read'));
      if (last.status === 429) limited++;
    }
    expect(limited).toBeGreaterThan(0);
    expect(last?.body).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(Number(last?.headers['retry-after'])).toBeGreaterThan(0);
    await service.http.get('/v1/workers').set(as('admin')).expect(200);
    await service.http.get('/healthz').expect(200);
  });

  it('may be sent by pages of the origins that are named, and of no other', async () => {
    const from = (origin: string) =>
      service.http
        .options('/v1/jobs')
        .set({ origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' });
    const allowed = await from('https://lab.example').expect(204);
    expect(allowed.headers['access-control-allow-origin']).toBe('https://lab.example');
    expect(allowed.headers['access-control-allow-headers']).toBe('authorization');
    expect((await from('https://evil.example')).headers['access-control-allow-origin']).toBeUndefined();
    const refused = await service.http.get('/v1/jobs').set('origin', 'https://lab.example').expect(401);
    expect(refused.headers['access-control-allow-origin']).toBe('https://lab.example');
  });

  it('comes with headers that keep browsers from harm', async () => {
    const { headers } = await service.http.get('/healthz');
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
    });
    expect(headers['strict-transport-security']).toBeUndefined();
  });
});

interface Operation {
  security: object[];
  responses: Record<string, unknown>;
}
