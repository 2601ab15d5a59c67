import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../src/schemas/job.js';
import { most, type Row, seconds } from './figures.js';
import { bytesOf, chainSpec, compareAll, noise, writeChain } from './merges.js';
import { end } from './processes.js';
import { Service } from './service.js';

const KILLS = Number(process.env.FAULT_KILLS ?? 50);
const IN_FLIGHT = 4;
const LAYERS = 3;
const WIDTHS = [200, 320, 448];

/** After so many kills one is left alone until its jobs have gone on: the time that takes is the recovery. */
const QUIET_EVERY = 8;

const goneOn = (attempt: number) => (job: Job) => job.finished_at !== null || job.attempt > attempt;

/** kill -9 of one of two workers at random moments, over a stream of jobs. */
export async function kills(): Promise<Row[]> {
  const service = await Service.start();
  try {
    await writeChain(service, 'a', 448, LAYERS);
    await writeChain(service, 'bb', 448, LAYERS);
    const specs = WIDTHS.map((width) => chainSpec(['a', 'bb'], LAYERS, width, '2MB'));
    const workers = [service.startWorker(), service.startWorker()];
    const expected: string[] = [];
    for (const spec of specs) {
      const id = await service.submit(spec);
      await service.ended(id);
      expected.push(await bytesOf(service, id));
    }
    const jobs: { id: string; expected: string }[] = [];
    const recoveries: number[] = [];
    const random = noise(5);
    const all = (ids: string[]) => Promise.all(ids.map((id) => service.job(id)));
    let hit = 0;
    let open: string[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      for (const id of [...open])
        if ((await service.job(id)).finished_at !== null) open = open.filter((other) => other !== id);
      while (open.length < IN_FLIGHT) {
        const which = jobs.length % specs.length;
        const id = await service.submit(specs[which]);
        jobs.push({ id, expected: expected[which] });
        open.push(id);
      }
      const victim = workers[kill % 2];
      const own = (job: Job) => job.status === 'running' && job.worker?.endsWith(`:${victim.pid}`) === true;
      // A kill that meets no step shows little: wait for one, then for a random moment of it.
      const deadline = Date.now() + 20_000;
      while (!(await all(open)).some(own) && Date.now() < deadline) await sleep(50);
      await sleep((random() + 0.5) * 800);
      const interrupted = (await all(open)).filter(own);
      if (interrupted.length > 0) hit++;
      await end(victim, 'SIGKILL');
      const from = Date.now();
      workers[kill % 2] = service.startWorker();
      if (kill % QUIET_EVERY < QUIET_EVERY - 1) continue;
      await Promise.all(interrupted.map(({ id, attempt }) => service.until(id, goneOn(attempt))));
      if (interrupted.length > 0) recoveries.push(Date.now() - from);
    }
    const rows = await compareAll(service, jobs);
    const recovery = most(recoveries);
    return [
      { what: 'workers killed', seen: `${KILLS}, ${hit} of them with a step at hand`, bound: '', ok: true },
      ...rows,
      {
        what: `longest of ${recoveries.length} until a job went on`,
        seen: seconds(recovery),
        bound: '≤ 15 s',
        ok: recovery <= 15_000,
      },
    ];
  } finally {
    await service.close();
  }
}
