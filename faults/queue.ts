import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Job } from '../src/schemas/job.js';
import { inParallel, percentile, type Row, seconds } from './figures.js';
import { chainSpec, writeChain } from './merges.js';
import { Service } from './service.js';

const JOBS = Number(process.env.FAULT_JOBS ?? 10_000);
const LISTS = 300;
const QUERIES = ['', '?status=queued', '?status=running', '?status=failed', '?label.team=none', '?limit=100&order=asc'];

interface Page {
  data: Job[];
  last_id: string | null;
  has_more: boolean;
}

/** Many queued jobs: lists stay quick, also while workers empty the queue; each job ends once. */
export async function queue(): Promise<Row[]> {
  const service = await Service.start();
  try {
    await writeChain(service, 'a', 8, 2);
    const spec = chainSpec(['a', 'a'], 2, 6);
    const ids: string[] = [];
    const submitting = Date.now();
    await inParallel(Array.from({ length: JOBS }), 16, async () => ids.push(await service.submit(spec)));
    const accepted = Date.now() - submitting;
    const idle = await listTimes(service);
    for (let i = 0; i < 2; i++) service.startWorker();
    const running = Date.now();
    const busy = await listTimes(service);
    for (;;) {
      const { data } = await service.get<Page>('/v1/jobs?status=queued&limit=1');
      const { data: more } = await service.get<Page>('/v1/jobs?status=running&limit=1');
      if (data.length + more.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    const took = Date.now() - running;
    const seen = await everyJob(service);
    const succeeded = ids.filter((id) => seen.get(id) === 'succeeded').length;
    const results = await Promise.all(
      ids.map(async (id) =>
        (await readdir(path.join(service.dataDir, 'jobs', id))).filter((n) => /^artifacts/.test(n)),
      ),
    );
    const doubled = results.filter((found) => found.length !== 1).length;
    const list = (what: string, times: number[]): Row => ({
      what: `list, p99 of ${LISTS}, ${what}`,
      seen: `${percentile(times, 0.99).toFixed(0)} ms`,
      bound: '< 200 ms',
      ok: percentile(times, 0.99) < 200,
    });
    return [
      { what: 'jobs queued', seen: `${ids.length} in ${seconds(accepted)}`, bound: `${JOBS}`, ok: ids.length === JOBS },
      list('all of them waiting', idle),
      list('workers at work', busy),
      {
        what: 'jobs ended in success',
        seen: `${succeeded} in ${seconds(took)}`,
        bound: `${JOBS}`,
        ok: succeeded === JOBS,
      },
      { what: 'jobs without exactly one result', seen: `${doubled}`, bound: '0', ok: doubled === 0 },
    ];
  } finally {
    await service.close();
  }
}

async function listTimes(service: Service): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < LISTS; i++) {
    const from = performance.now();
    await service.get(`/v1/jobs${QUERIES[i % QUERIES.length]}`);
    times.push(performance.now() - from);
  }
  return times;
}

async function everyJob(service: Service): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let after = '';
  for (;;) {
    const page = await service.get<Page>(`/v1/jobs?limit=100&order=asc${after}`);
    for (const { id, status } of page.data) found.set(id, status);
    if (!page.has_more) return found;
    after = `&after=${page.last_id}`;
  }
}
