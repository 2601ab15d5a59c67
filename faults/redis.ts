import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Row, seconds } from './figures.js';
import { bytesOf, chainSpec, compareAll, writeChain } from './merges.js';
import { OwnRedis } from './processes.js';
import { Service } from './service.js';

const DOWN_SECONDS = [1, 20, 60];
const LAYERS = 3;

/** kill -9 of Redis under a running merge and waiting ones; recovery counts from its return. */
export async function redis(): Promise<Row[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'wf-redis-'));
  const server = new OwnRedis(folder);
  await server.start();
  const service = await Service.start({ REDIS_URL: server.url });
  try {
    await writeChain(service, 'a', 384, LAYERS);
    const spec = chainSpec(['a', 'a'], LAYERS, 300);
    service.startWorker();
    const first = await service.submit(spec);
    await service.ended(first);
    const expected = await bytesOf(service, first);
    const jobs: { id: string; expected: string }[] = [];
    const rows: Row[] = [];
    for (const down of DOWN_SECONDS) {
      for (let i = 0; i < 4; i++) jobs.push({ id: await service.submit(spec), expected });
      await service.until(jobs[jobs.length - 4].id, ({ status }) => status !== 'queued');
      await server.kill();
      const refused = await service.post(spec).catch(() => undefined);
      await sleep(down * 1000);
      await server.start();
      const back = Date.now();
      await Promise.all(jobs.map(({ id }) => service.ended(id)));
      const took = Date.now() - back;
      rows.push(
        {
          what: `Redis down ${down} s: all jobs ended after`,
          seen: seconds(took),
          bound: '≤ 15 s',
          ok: took <= 15_000,
        },
        {
          what: `Redis down ${down} s: a job sent meanwhile`,
          seen: `${refused?.status} ${refused?.body.code}`,
          bound: '503 queue_unavailable',
          ok: refused?.status === 503,
        },
      );
    }
    return [...rows, ...(await compareAll(service, jobs))];
  } finally {
    await service.close();
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  }
}
