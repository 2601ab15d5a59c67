import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { INDEX_FILE } from '../src/checkpoints/shard-index.js';
import { SafetensorsWriter } from '../src/safetensors/writer.js';
import type { AnyMetrics } from '../src/schemas/metrics.js';
import { type Row, seconds } from './figures.js';
import { chainSpec, noise } from './merges.js';
import { family } from './processes.js';
import { Service } from './service.js';

/** 188 layers of 16 MB, by turns up and down as in feed-forward blocks, in shards of four: 3.2 GB per source. */
const [NARROW, WIDE] = [512, 8192];
const LAYERS = Number(process.env.FAULT_LAYERS ?? 188);
/** Of 2·NARROW and 2·WIDE; fewer than the up-projections' rank, so that every layer loses something. */
const MERGED = 768;
const PER_SHARD = 4;
const MB = 1e6;
const SAMPLE_MS = 50;

/** A sharded pair of about 3 GB each, merged by one worker whose memory (proportional set size) is watched from outside. */
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
    // No space couples the sources: nothing is as wide as both together, and the bound has no term for it.
    const id = await service.submit(chainSpec(['a', 'bb'], LAYERS, MERGED, '256MB'));
    const job = await service.ended(id, 3600_000);
    clearInterval(sample);
    const metrics = job.status === 'succeeded' ? await service.get<AnyMetrics>(`/v1/jobs/${id}/metrics`) : undefined;
    const largest = NARROW * WIDE * 4;
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

const shapeOf = (layer: number): [number, number] => (layer % 2 === 0 ? [WIDE, NARROW] : [NARROW, WIDE]);

/** A process's share of physical memory: pages that several hold (the program itself) count once in all. */
function residentBytes(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
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
      shape: shapeOf(first + i),
    }));
    const writer = await SafetensorsWriter.create(path.join(folder, file), specs);
    for (const spec of specs) {
      weightMap[spec.name] = file;
      const [rows, cols] = spec.shape;
      const row = Float32Array.from({ length: rows + cols }, () => next() / Math.sqrt(cols / 12));
      const values = new Float32Array(rows * cols);
      for (let i = 0; i < rows; i++) values.set(row.subarray(i, i + cols), i * cols);
      await writer.write(new Uint8Array(values.buffer));
    }
    await writer.finish();
  }
  await writeFile(path.join(folder, INDEX_FILE), JSON.stringify({ metadata: {}, weight_map: weightMap }));
}
