import { Redis } from 'ioredis';
import type { Config } from '../config.js';
import { WeightfoldError } from '../errors.js';
import type { Logger } from '../log.js';
import { redisOptions } from './redis.js';
import { redisReason } from './redis-reason.js';

const unsuitable = (reason: string) =>
  new WeightfoldError(`The Redis of REDIS_URL cannot be used: ${reason}.`, { code: 'redis_unsuitable', status: 500 });

/** A field of what INFO says. */
const field = (info: string, name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];

/**
 * See at start that the server of REDIS_URL is one the queue can use: a single one, or a primary. A server that does
 * not answer yet may come later.
 * @throws WeightfoldError `redis_unsuitable`
 */
export async function checkRedis(config: Config, log: Logger): Promise<void> {
  const redis = new Redis({ ...redisOptions(config, false), lazyConnect: true, retryStrategy: () => null });
  let first: Error | undefined;
  redis.on('error', (error) => {
    first ??= error;
  });
  try {
    await redis.connect();
    const info = await redis.info();
    if (field(info, 'redis_mode') === 'sentinel') throw unsuitable('it is a Sentinel; name the primary it watches');
    if (field(info, 'cluster_enabled') === '1')
      throw unsuitable('it is a node of a Redis cluster; the queue needs a single server');
    if (field(info, 'role') === 'slave')
      throw unsuitable(
        `it is a replica, which takes no writes; name its primary, ${field(info, 'master_host')}:${field(info, 'master_port')}`,
      );
  } catch (error) {
    if (error instanceof WeightfoldError) throw error;
    const reason = redisReason(first ?? error) ?? redisReason(error);
    // One that loads its data will be done some time; other refusals stay.
    if (reason !== undefined && !reason.endsWith('(LOADING)')) throw unsuitable(reason);
    log.warn({ err: first ?? error }, 'Redis does not answer yet; it is tried again');
  } finally {
    redis.disconnect();
  }
}
