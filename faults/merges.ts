import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { encodeFloats } from '../src/safetensors/dtype.js';
import { SafetensorsWriter } from '../src/safetensors/writer.js';
import type { JobSpecInput } from '../src/schemas/job-spec.js';
import type { Row } from './figures.js';
import type { Service } from './service.js';

/** Files whose bytes depend on the inputs alone; metrics and recipe hold times and ids. */
const REPRODUCIBLE = /^(model.*\.safetensors|bases\.safetensors|config\.json|model\.safetensors\.index\.json)$/;

/** Uniform in ±0.5, the same on every machine. */
export function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

/** Put a chain of `layers` square weights into the store, as an upload would. */
export async function writeChain(service: Service, name: string, width: number, layers: number): Promise<void> {
  const folder = path.join(service.dataDir, 'checkpoints', name);
  await mkdir(folder, { recursive: true });
  const specs = Array.from({ length: layers }, (_, l) => ({
    name: `layers.${l}.weight`,
    dtype: 'F32' as const,
    shape: [width, width],
  }));
  const writer = await SafetensorsWriter.create(path.join(folder, 'model.safetensors'), specs);
  const next = noise(name.length * 7919 + width);
  for (const _ of specs) await writer.write(encodeFloats(Float64Array.from({ length: width * width }, next), 'F32'));
  await writer.finish();
}

/** Merge two chains to `width` in every hidden space. */
export const chainSpec = (sources: string[], layers: number, width: number, shardSize = '5GB'): JobSpecInput => ({
  sources: sources.map((checkpoint) => ({ checkpoint })),
  model: {
    family: 'chain',
    layers: Array.from({ length: layers }, (_, l) => ({
      weight: `layers.${l}.weight`,
      ...(l < layers - 1 && { width }),
    })),
  },
  output: { max_shard_size: shardSize },
});

/** SHA-256 of a job's reproducible files, from the disk or, where they are in a store, as downloaded, checked against what the service says of them. */
export async function bytesOf(service: Service, id: string): Promise<string> {
  const folder = path.join(service.dataDir, 'jobs', id, 'artifacts');
  const found: string[] = [];
  for (const { file, sha256 } of await service.artifacts(id)) {
    const bytes = await readFile(path.join(folder, file)).catch(() => service.download(id, file));
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== sha256) throw new Error(`${file} of job ${id} is not what its entry says.`);
    if (REPRODUCIBLE.test(file)) found.push(`${file} ${sha256}`);
  }
  return found.sort().join('\n');
}

/** How a stream of jobs ended, against undisturbed runs of the same specs. */
export async function compareAll(service: Service, jobs: readonly { id: string; expected: string }[]): Promise<Row[]> {
  let [lost, failed, partial, different] = [0, 0, 0, 0];
  for (const { id, expected } of jobs) {
    const job = await service.ended(id).catch(() => undefined);
    if (!job) lost++;
    else if (job.status !== 'succeeded') {
      failed++;
      console.error(`  ${id}: ${job.status} ${JSON.stringify(job.error)}`);
    } else {
      const actual = await bytesOf(service, id).catch(() => undefined);
      if (actual === undefined) partial++;
      else if (actual !== expected) different++;
      const left = (await readdir(path.join(service.dataDir, 'jobs', id))).filter((name) => name.startsWith('artif'));
      if (left.length !== 1) partial++;
    }
  }
  const there = (await readdir(path.join(service.dataDir, 'jobs'))).filter((name) =>
    /^job_[0-9A-Z]{26}$/.test(name),
  ).length;
  const none = (what: string, count: number): Row => ({
    what,
    seen: `${count} of ${jobs.length}`,
    bound: '0',
    ok: count === 0,
  });
  return [
    none('acknowledged jobs lost', lost),
    none('jobs failed', failed),
    none('partial or doubled results', partial),
    none('results other than undisturbed', different),
    { what: 'jobs in the store', seen: `${there}`, bound: `≥ ${jobs.length}`, ok: there >= jobs.length },
  ];
}
