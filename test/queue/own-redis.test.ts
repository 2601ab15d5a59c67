import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { checkRedis } from '../../src/queue/check-redis.js';
import { MergeQueue } from '../../src/queue/merge-queue.js';
import { parseRedisUrl } from '../../src/queue/redis-url.js';
import { freePort, type RedisServer, startRedis } from '../support/redis.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const servers: RedisServer[] = [];
let service: TestService | undefined;
afterEach(async () => {
  await service?.close();
  service = undefined;
  for (const server of servers.splice(0)) await server.stop();
});

async function redis(settings?: Record<string, string>): Promise<RedisServer> {
  const server = await startRedis(subfolder(root), settings);
  servers.push(server);
  return server;
}

describe('REDIS_URL', () => {
  it.each([
    ['redis://host', { host: 'host', port: 6379 }],
    ['redis://[::1]:6379', { host: '::1', port: 6379 }],
    ['rediss://u:p%40%2Fs@h:1/3', { host: 'h', port: 1, username: 'u', password: 'p@/s', db: 3, tls: {} }],
    ['redis://:secret@h', { host: 'h', port: 6379, password: 'secret' }],
    ['unix:///a%20b/redis.sock', { path: '/a b/redis.sock' }],
  ])('%s is understood', (url, options) => expect(parseRedisUrl(url)).toEqual(options));

  it.each([
    ['host:6379', 'must start with redis://'],
    ['redis://', 'no host'],
    ['redis:///0', 'no host'],
    ['redis://h:port', 'not a URL'],
    ['redis://h:70000', 'not a URL'],
    ['redis://h:0', 'port 0'],
    ['redis://[::1', 'not a URL'],
    ['redis://h/db', 'number as its database'],
    ['redis://h/1/2', 'number as its database'],
    ['redis://h?db=1', 'without "?"'],
    ['redis://:MARKER%@h', '%25'],
    ['redis://:MARKER/more@h', 'not a URL'],
    ['unix://run/redis.sock', 'absolute path'],
    ['unix://', 'no socket'],
  ])('%s is refused by name, its value hidden', (url, why) => {
    expect(() => loadConfig({ REDIS_URL: url })).toThrow(`REDIS_URL=…: `);
    expect(() => loadConfig({ REDIS_URL: url })).toThrow(why);
    expect(() => loadConfig({ REDIS_URL: url })).not.toThrow('MARKER');
  });

  it.each([
    [
      'a replica',
      { replicaof: '127.0.0.1 1' },
      'it is a replica, which takes no writes; name its primary, 127.0.0.1:1',
    ],
    ['a node of a cluster', { 'cluster-enabled': 'yes' }, 'it is a node of a Redis cluster'],
    ['a server with a password', { requirepass: 'other' }, 'it asks for a password'],
  ])('that names %s is refused at start', async (_, settings, why) => {
    const { port } = await redis(settings as Record<string, string>);
    const config = loadConfig({ REDIS_URL: `redis://127.0.0.1:${port}`, LOG_LEVEL: 'silent' });
    const refused = checkRedis(config, createLogger(config, 'test'));
    await expect(refused).rejects.toMatchObject({ code: 'redis_unsuitable', message: expect.stringContaining(why) });
  });

  it('that names no server yet, or one on IPv6, lets the service start', async () => {
    const away = loadConfig({ REDIS_URL: `redis://127.0.0.1:${await freePort()}`, LOG_LEVEL: 'silent' });
    await checkRedis(away, createLogger(away, 'test'));
    const { port } = await redis();
    const config = loadConfig({ REDIS_URL: `redis://[::1]:${port}`, LOG_LEVEL: 'silent' });
    await checkRedis(config, createLogger(config, 'test'));
    const queue = new MergeQueue(config, () => {});
    await queue.ping();
    await queue.close();
  });

  it.each(['src/start-api.js', 'workers/worker.js'])('that names a replica ends %s with one line', async (program) => {
    const { port } = await redis({ replicaof: '127.0.0.1 1' });
    const started = promisify(execFile)(process.execPath, [`dist/${program}`], {
      env: { ...process.env, DATA_DIR: subfolder(root), PORT: '0', REDIS_URL: `redis://127.0.0.1:${port}` },
    });
    await expect(started).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^weightfold: The Redis of REDIS_URL cannot be used: it is a replica.*\n$/),
    });
  });
});

describe('/readyz', () => {
  it('is 503 while Redis takes no writes, and says why; so does a submission', async () => {
    const server = await redis();
    service = await startService(subfolder(root), {
      worker: false,
      env: { REDIS_URL: `redis://127.0.0.1:${server.port}` },
    });
    const { http } = service;
    await http.get('/readyz').expect(200);
    for (const [on, off, word] of [
      [['maxmemory', '1'], ['maxmemory', '0'], 'OOM'],
      [['min-replicas-to-write', '3'], ['min-replicas-to-write', '0'], 'NOREPLICAS'],
    ] as const) {
      await server.client.config('SET', ...on);
      const { body } = await http.get('/readyz').expect(503);
      expect(body).toMatchObject({
        checks: { queue: 'failed', store: 'ok' },
        reasons: [expect.stringContaining(word)],
      });
      await server.client.config('SET', ...off);
      await http.get('/readyz').expect(200);
    }
    await server.client.replicaof('127.0.0.1', 1);
    const { body } = await http.get('/readyz').expect(503);
    expect(body.reasons).toMatchObject([expect.stringContaining('READONLY')]);
    await server.client.replicaof('NO', 'ONE');
    await http.get('/readyz').expect(200);
  });
});
