import type { Redis } from 'ioredis';
import type { Worker } from '../schemas/worker.js';
import { QUEUE_PREFIX } from './settings.js';

/** A worker announces itself this often; silent for three times as long, it is taken for gone. */
export const HEARTBEAT_MS = 5_000;
const TTL_MS = 3 * HEARTBEAT_MS;

/** Sorted set of worker ids by the time they were last heard of; each one's description expires by itself. */
const DIRECTORY = `${QUEUE_PREFIX}:workers`;
const keyOf = (id: string) => `${DIRECTORY}:${id}`;

/** Say that a worker lives, and what it is. */
export async function announceWorker(redis: Redis, worker: Worker): Promise<void> {
  await redis
    .multi()
    .set(keyOf(worker.id), JSON.stringify(worker), 'PX', TTL_MS)
    .zadd(DIRECTORY, Date.now(), worker.id)
    .exec();
}

/** A worker that stops says so. */
export async function withdrawWorker(redis: Redis, id: string): Promise<void> {
  await redis.multi().del(keyOf(id)).zrem(DIRECTORY, id).exec();
}

/** The workers that live, by name. */
export async function listWorkers(redis: Redis): Promise<Worker[]> {
  const ids = await redis.zrange(DIRECTORY, '0', '-1');
  if (ids.length === 0) return [];
  const texts = await redis.mget(...ids.map(keyOf));
  const gone = ids.filter((_: string, i: number) => texts[i] === null);
  if (gone.length > 0) await redis.zrem(DIRECTORY, ...gone);
  // Workers of an earlier version, while a service is being upgraded, do not say their state.
  const workers = texts.flatMap((text) => (text === null ? [] : [{ state: 'idle', ...JSON.parse(text) } as Worker]));
  return workers.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
