import { execFileSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { EmbeddedRedis } from '../../src/queue/embedded-redis.js';
import { connectRedis } from '../../src/queue/redis.js';
import { startProgram, stopProgram } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const config = loadConfig({ DATA_DIR: subfolder(root), LOG_LEVEL: 'silent' });

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Programs that are found before, or instead of, the system's own. */
async function programs(scripts: Record<string, string>, others = `:${process.env.PATH}`): Promise<void> {
  const folder = subfolder(root);
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(path.join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(path.join(folder, name), 0o755);
  }
  vi.stubEnv('PATH', `${folder}${others}`);
}

describe('a Redis server', () => {
  it('goes by another name where it is not found by the first', async () => {
    const server = execFileSync('sh', ['-c', 'command -v redis-server || command -v valkey-server']).toString().trim();
    await programs({ 'valkey-server': `exec ${server} "$@"` }, '');
    const redis = new EmbeddedRedis(config, createLogger(config, 'test'));
    await redis.start();
    await redis.stop();
    await programs({}, '');
    await expect(redis.start()).rejects.toMatchObject({ code: 'redis_not_found' });
  });

  it('that is killed before it answers is started again', async () => {
    const server = execFileSync('sh', ['-c', 'command -v redis-server || command -v valkey-server']).toString().trim();
    const once = path.join(subfolder(root), 'once');
    await programs({ 'redis-server': `mkdir ${once} && kill -9 $$\nexec ${server} "$@"` });
    const redis = new EmbeddedRedis(config, createLogger(config, 'test'));
    await redis.start();
    await redis.stop();
  });

  it('that the API before left behind is replaced when it ends', async () => {
    const env = { DATA_DIR: subfolder(root), LOG_LEVEL: 'silent', PORT: '0' };
    const here = loadConfig(env);
    const before = startProgram('src/start-api.js', env);
    const connection = connectRedis(here, true, () => {});
    const pid = async () => Number(/process_id:(\d+)/.exec(await connection.info('server'))?.[1]);
    const first = await pid();
    await stopProgram(before, 'SIGKILL');
    const redis = new EmbeddedRedis(here, createLogger(here, 'test'));
    await redis.start();
    expect(await pid()).toBe(first);
    process.kill(first, 'SIGKILL');
    await vi.waitFor(async () => expect(await pid()).not.toBe(first), 20_000);
    connection.disconnect();
    await redis.stop();
  });

  it('that ends as soon as it is started is given up with what it said, and not looked for any longer', async () => {
    await programs({ 'redis-server': 'echo "the log is damaged"\nexit 1' });
    const redis = new EmbeddedRedis(config, createLogger(config, 'test'));
    const started = redis.start();
    await expect(started).rejects.toMatchObject({
      code: 'redis_not_ready',
      message: expect.stringContaining('the log is damaged'),
    });
    await sleep(100); // a look that was under way
    const connect = vi.spyOn(net.Socket.prototype, 'connect');
    await sleep(200);
    expect(connect).not.toHaveBeenCalled();
  });
});
