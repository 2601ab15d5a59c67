import { createHash } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import type { Config } from '../config.js';
import { layout } from '../store/layout.js';

/** Longest path of a Unix socket: 108 bytes on Linux, 104 on macOS, minus the terminator. */
const MAX_SOCKET_PATH = 103;

/** Where the embedded Redis of a data folder listens: in the folder, or in the temporary folder where that is too deep. */
export function embeddedSocket(dataDir: string): string {
  const inside = path.join(layout(dataDir).redis, 'redis.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  const key = createHash('sha256').update(path.resolve(dataDir)).digest('hex').slice(0, 16);
  return path.join(os.tmpdir(), `weightfold-${key}.sock`);
}

/** A request waits this long for Redis before it is answered 503. */
const COMMAND_TIMEOUT_MS = 3_000;

/** How to reach the queue's Redis. `blocking` connections wait for ever; others give up so that requests can be answered. */
function redisOptions(config: Config, blocking: boolean): RedisOptions {
  return {
    ...address(config),
    maxRetriesPerRequest: blocking ? null : 1,
    ...(!blocking && { commandTimeout: COMMAND_TIMEOUT_MS }),
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(100 * attempt, 1_000),
  };
}

function address({ REDIS_URL, DATA_DIR }: Config): RedisOptions {
  if (!REDIS_URL) return { path: embeddedSocket(DATA_DIR) };
  const url = new URL(REDIS_URL);
  if (url.protocol === 'unix:') return { path: url.pathname };
  return {
    host: url.hostname,
    port: url.port === '' ? 6379 : Number(url.port),
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(url.pathname.length > 1 && { db: Number(url.pathname.slice(1)) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}

/** A connection that reports its errors to `onError` instead of throwing them at the process. */
export function connectRedis(config: Config, blocking: boolean, onError: (error: Error) => void): Redis {
  const redis = new Redis(redisOptions(config, blocking));
  redis.on('error', onError);
  return redis;
}
