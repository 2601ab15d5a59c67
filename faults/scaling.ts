import type { Row } from './figures.js';
import { bytesOf, chainSpec, writeChain } from './merges.js';
import { end } from './processes.js';
import { Service } from './service.js';

const LAYERS = 13;
const WIDTH = 1024;
const RUNS = 2;

/** One CPU-bound merge by one worker and by two, with one compute thread each; the best of the runs. */
export async function scaling(): Promise<Row[]> {
  const service = await Service.start({ COMPUTE_THREADS: '1' });
  try {
    await writeChain(service, 'a', WIDTH, LAYERS);
    await writeChain(service, 'bb', WIDTH, LAYERS);
    const spec = chainSpec(['a', 'bb'], LAYERS, WIDTH, '9MB');
    const best: number[] = [];
    const bytes = new Set<string>();
    for (const count of [1, 2]) {
      const workers = Array.from({ length: count }, () => service.startWorker());
      const warm = Array.from({ length: 2 * count }, () => service.submit(chainSpec(['a', 'bb'], 2, WIDTH)));
      for (const id of warm) await service.ended(await id);
      const times: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const id = await service.submit(spec);
        const { created_at, finished_at } = await service.ended(id);
        times.push(Date.parse(finished_at ?? '') - Date.parse(created_at));
        bytes.add(await bytesOf(service, id));
      }
      best.push(Math.min(...times));
      for (const worker of workers) await end(worker, 'SIGTERM');
    }
    const ratio = best[0] / best[1];
    return [
      {
        what: 'one merge by one worker, by two (one thread each)',
        seen: `${best.map((ms) => `${(ms / 1000).toFixed(2)} s`).join(', ')}: ${ratio.toFixed(2)} ×`,
        bound: '≥ 1.6 ×',
        ok: ratio >= 1.6,
      },
      { what: 'different results', seen: `${bytes.size - 1}`, bound: '0', ok: bytes.size === 1 },
    ];
  } finally {
    await service.close();
  }
}
