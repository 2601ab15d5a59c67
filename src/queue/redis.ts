import { createHash } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import type { Config } from '../config.js';
import { layout } from '../store/layout.js';
import { parseRedisUrl } from './redis-url.js';

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
export function redisOptions(config: Config, blocking: boolean): RedisOptions {
  return {
    ...address(config),
    maxRetriesPerRequest: blocking ? null : 1,
    ...(!blocking && { commandTimeout: COMMAND_TIMEOUT_MS }),
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(100 * attempt, 1_000),
  };
}

const address = ({ REDIS_URL, DATA_DIR }: Config): RedisOptions =>
  REDIS_URL ? parseRedisUrl(REDIS_URL) : { path: embeddedSocket(DATA_DIR) };

/** A connection that reports its errors to `onError` instead of throwing them at the process. */
export function connectRedis(config: Config, blocking: boolean, onError: (error: Error) => void): Redis {
  const redis = new Redis(redisOptions(config, blocking));
  redis.on('error', onError);
  return redis;
}
