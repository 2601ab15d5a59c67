import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../src/schemas/job.js';
import { startS3 } from '../test/support/s3.js';
import { most, type Row, seconds } from './figures.js';
import { bytesOf, chainSpec, compareAll, noise, writeChain } from './merges.js';
import { end } from './processes.js';
import { Service } from './service.js';

const KILLS = Number(process.env.FAULT_KILLS ?? 50);
const LOST_MACHINES = Number(process.env.FAULT_MACHINES ?? 16);
const IN_FLIGHT = 4;
const LAYERS = 3;
const WIDTHS = [200, 320, 448];

/** After so many kills one is left alone until its jobs have gone on: the time that takes is the recovery. */
const QUIET_EVERY = 8;

const goneOn = (attempt: number) => (job: Job) => job.finished_at !== null || job.attempt > attempt;

/** Workers that are killed, and what goes with them. */
interface Victims {
  service: Service;
  kills: number;
  start: () => ChildProcess;
  /** After a worker was killed. */
  bury: (worker: ChildProcess) => Promise<void>;
}

/** kill -9 of one of two workers at random moments, over a stream of jobs. */
export async function kills(): Promise<Row[]> {
  const service = await Service.start();
  const start = () => service.startWorker();
  return killAtRandom({ service, kills: KILLS, start, bury: async () => {} });
}

/** The same with workers that share no disk but S3: each one's disk is lost with it. */
export async function machines(): Promise<Row[]> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'wf-machines-'));
  const s3 = await startS3(path.join(root, 's3'));
  const disks = new Map<ChildProcess, string>();
  try {
    const service = await Service.start({ ...s3.env, STORE_URL: `s3://${s3.bucket}/results` });
    const start = () => {
      const disk = path.join(root, `disk-${disks.size}`);
      const worker = service.startWorker({ SCRATCH_DIR: disk });
      disks.set(worker, disk);
      return worker;
    };
    const bury = (worker: ChildProcess) => rm(disks.get(worker) as string, { recursive: true, force: true });
    return await killAtRandom({ service, kills: LOST_MACHINES, start, bury });
  } finally {
    await s3.stop();
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function killAtRandom({ service, kills, start, bury }: Victims): Promise<Row[]> {
  try {
    await writeChain(service, 'a', 448, LAYERS);
    await writeChain(service, 'bb', 448, LAYERS);
    const specs = WIDTHS.map((width) => chainSpec(['a', 'bb'], LAYERS, width, '2MB'));
    const workers = [start(), start()];
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
    for (let kill = 0; kill < kills; kill++) {
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
      await bury(victim);
      workers[kill % 2] = start();
      if (kill % QUIET_EVERY < QUIET_EVERY - 1) continue;
      await Promise.all(interrupted.map(({ id, attempt }) => service.until(id, goneOn(attempt))));
      if (interrupted.length > 0) recoveries.push(Date.now() - from);
    }
    const rows = await compareAll(service, jobs);
    const recovery = most(recoveries);
    return [
      { what: 'workers killed', seen: `${kills}, ${hit} of them with a step at hand`, bound: '', ok: true },
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
