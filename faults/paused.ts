import { setTimeout as sleep } from 'node:timers/promises';
import { LOCK_DURATION_MS, STALLED_INTERVAL_MS } from '../src/queue/settings.js';
import { most, type Row, seconds } from './figures.js';
import { bytesOf, chainSpec, compareAll, writeChain } from './merges.js';
import { Service } from './service.js';

const LAYERS = 3;
const PHASES = ['basis', 'fold', 'evaluate'];
/** Past the lock and the look for stalled steps. */
const PAUSE_MS = LOCK_DURATION_MS + STALLED_INTERVAL_MS + 3_000;

/** SIGSTOP of a worker with a step at hand, until another has taken it over; then SIGCONT. */
export async function paused(): Promise<Row[]> {
  const service = await Service.start();
  try {
    await writeChain(service, 'a', 640, LAYERS);
    const spec = chainSpec(['a', 'a'], LAYERS, 500);
    service.startWorker();
    const first = await service.submit(spec);
    await service.ended(first);
    const expected = await bytesOf(service, first);
    const jobs: { id: string; expected: string }[] = [];
    const takeovers: number[] = [];
    let caught = 0;
    for (const phase of PHASES) {
      const [worker] = service.workers.slice(-1);
      const id = await service.submit(spec);
      jobs.push({ id, expected });
      await service.until(id, (job) => job.progress.phase === phase || job.finished_at !== null);
      service.signal(worker, 'SIGSTOP');
      const from = Date.now();
      if ((await service.job(id)).finished_at === null) caught++;
      service.startWorker();
      await sleep(PAUSE_MS);
      service.signal(worker, 'SIGCONT');
      await service.ended(id);
      takeovers.push(Date.now() - from - PAUSE_MS);
      await sleep(2_000); // what the resumed worker does now must change nothing
      service.signal(worker, 'SIGKILL');
    }
    return [
      {
        what: 'workers paused past their lock',
        seen: `${caught} of ${PHASES.length} in time`,
        bound: '≥ 1',
        ok: caught > 0,
      },
      ...(await compareAll(service, jobs)),
      {
        what: 'longest until the end, after the pause',
        seen: seconds(most(takeovers)),
        bound: '≤ 15 s',
        ok: most(takeovers) <= 15_000,
      },
    ];
  } finally {
    await service.close();
  }
}
