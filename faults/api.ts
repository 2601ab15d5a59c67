import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { embeddedSocket } from '../src/queue/redis.js';
import { most, type Row, seconds } from './figures.js';
import { bytesOf, chainSpec, compareAll, noise, writeChain } from './merges.js';
import { Service } from './service.js';

const ROUNDS = 20;
const AT_ONCE = 12;

/** kill -9 of the API while jobs are being accepted; every one is sent again with its Idempotency-Key. */
export async function api(): Promise<Row[]> {
  const service = await Service.start();
  try {
    await writeChain(service, 'a', 32, 2);
    const spec = chainSpec(['a', 'a'], 2, 24);
    service.startWorker();
    const first = await service.submit(spec);
    await service.ended(first);
    const expected = await bytesOf(service, first);
    const random = noise(11);
    const jobs = new Map<string, string>();
    const recoveries: number[] = [];
    let [acknowledged, between, changed] = [0, 0, 0];
    for (let round = 0; round < ROUNDS; round++) {
      const keys = Array.from({ length: AT_ONCE }, (_, i) => `round-${round}-${i}`);
      const replies = keys.map((key) =>
        service.post(spec, key).then(
          ({ status, body }) => {
            if (status === 202) jobs.set(key, body.id);
          },
          () => {},
        ),
      );
      // Right after the first is acknowledged the others are anywhere between the socket and the queue.
      await Promise.race(replies);
      await sleep((random() + 0.5) * 20);
      await service.killApi();
      await Promise.all(replies);
      acknowledged += keys.filter((key) => jobs.has(key)).length;
      between += await notQueued(service);
      await service.startApi();
      const from = Date.now();
      for (const key of keys) {
        const { body } = await service.post(spec, key);
        if (jobs.has(key) && jobs.get(key) !== body.id) changed++;
        jobs.set(key, body.id);
      }
      for (const key of keys) await service.ended(jobs.get(key) as string);
      recoveries.push(Date.now() - from);
    }
    const all = [...jobs.values()].map((id) => ({ id, expected }));
    return [
      {
        what: 'API killed while accepting',
        seen: `${ROUNDS} times, ${acknowledged} jobs acknowledged before, ${between} on disk but not in the queue`,
        bound: '',
        ok: true,
      },
      { what: 'keys that gave another job afterwards', seen: `${changed}`, bound: '0', ok: changed === 0 },
      ...(await compareAll(service, all)),
      {
        what: 'longest until all had ended',
        seen: seconds(most(recoveries)),
        bound: '≤ 15 s',
        ok: most(recoveries) <= 15_000,
      },
    ];
  } finally {
    await service.close();
  }
}

/** Unfinished jobs of the store that the queue does not know. */
async function notQueued({ dataDir }: Service): Promise<number> {
  const connection = new Redis({ path: embeddedSocket(dataDir), retryStrategy: () => null });
  connection.on('error', () => {});
  let count = 0;
  for (const id of await readdir(path.join(dataDir, 'jobs'))) {
    if (!/^job_\w+$/.test(id)) continue;
    const files = await readdir(path.join(dataDir, 'jobs', id)).catch((): string[] => []);
    if (!files.includes('outcome.json') && (await connection.exists(`weightfold:merges:${id}`)) === 0) count++;
  }
  connection.disconnect();
  return count;
}
