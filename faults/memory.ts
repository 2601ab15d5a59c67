import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { INDEX_FILE } from '../src/checkpoints/reader.js';
import { SafetensorsWriter } from '../src/safetensors/writer.js';
import type { AnyMetrics } from '../src/schemas/metrics.js';
import { type Row, seconds } from './figures.js';
import { chainSpec, noise } from './merges.js';
import { family } from './processes.js';
import { Service } from './service.js';

/** 188 layers of 16 MB in shards of four: 3.2 GB per source. Memory does not depend on how many there are. */
const WIDTH = 2048;
const LAYERS = Number(process.env.FAULT_LAYERS ?? 188);
const PER_SHARD = 4;
const MB = 1e6;
const SAMPLE_MS = 50;

/** A sharded pair of about 3 GB each, merged by one worker whose memory is watched from outside. */
export async function memory(): Promise<Row[]> {
  const service = await Service.start();
  try {
    for (const name of ['a', 'bb']) await writeShards(service, name);
    const worker = service.startWorker();
    let peak = 0;
    const sample = setInterval(() => {
      peak = Math.max(
        peak,
        family(worker.pid as number).reduce((sum, pid) => sum + residentBytes(pid), 0),
      );
    }, SAMPLE_MS);
    const from = Date.now();
    // The randomized solver: no D-wide eigenproblem, so the bound has no such term.
    const spec = chainSpec(['a', 'bb'], LAYERS, 512, '256MB');
    const id = await service.submit({ ...spec, method: { solver: { type: 'randomized', niter: 0, seed: 1 } } });
    const job = await service.ended(id, 3600_000);
    clearInterval(sample);
    const metrics = job.status === 'succeeded' ? await service.get<AnyMetrics>(`/v1/jobs/${id}/metrics`) : undefined;
    const largest = WIDTH * WIDTH * 4;
    const bound = 4 * largest + 300 * MB;
    const bytes = 2 * LAYERS * largest;
    return [
      {
        what: `merge of two times ${(bytes / 2e9).toFixed(1)} GB in ${LAYERS / PER_SHARD} shards each`,
        seen: `${job.status} in ${seconds(Date.now() - from)}, error ${metrics && 'end_to_end' in metrics ? 'measured' : 'none'}`,
        bound: 'succeeded',
        ok: job.status === 'succeeded',
      },
      {
        what: 'peak memory of worker and compute process together',
        seen: `${(peak / MB).toFixed(0)} MB`,
        bound: `≤ ${(bound / MB).toFixed(0)} MB`,
        ok: peak <= bound,
      },
    ];
  } finally {
    await service.close();
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Real weights, one row of noise per tensor shifted along its rows: quick to make, of full rank. */
async function writeShards({ dataDir }: Service, name: string): Promise<void> {
  const folder = path.join(dataDir, 'checkpoints', name);
  await mkdir(folder, { recursive: true });
  const weightMap: Record<string, string> = {};
  const next = noise(name.length);
  for (let first = 0; first < LAYERS; first += PER_SHARD) {
    const file = `model-${first / PER_SHARD + 1}.safetensors`;
    const specs = Array.from({ length: PER_SHARD }, (_, i) => ({
      name: `layers.${first + i}.weight`,
      dtype: 'F32' as const,
      shape: [WIDTH, WIDTH],
    }));
    const writer = await SafetensorsWriter.create(path.join(folder, file), specs);
    for (const spec of specs) {
      weightMap[spec.name] = file;
      const row = Float32Array.from({ length: 2 * WIDTH }, () => next() / Math.sqrt(WIDTH / 12));
      const values = new Float32Array(WIDTH * WIDTH);
      for (let i = 0; i < WIDTH; i++) values.set(row.subarray(i, i + WIDTH), i * WIDTH);
      await writer.write(new Uint8Array(values.buffer));
    }
    await writer.finish();
  }
  await writeFile(path.join(folder, INDEX_FILE), JSON.stringify({ metadata: {}, weight_map: weightMap }));
}
