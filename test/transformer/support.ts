import { readFileSync } from 'node:fs';
import { afterAll } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { architectureOf } from '../../src/families/architecture.js';
import { bindTensors } from '../../src/families/binding.js';
import { familyOf } from '../../src/families/registry.js';
import { CpuBackend } from '../../workers/linalg/cpu/backend.js';
import type { Tokens } from '../../workers/transformer/forward/batch.js';
import { storedModel } from '../../workers/transformer/model.js';

export const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;
/** One thread: two test files run side by side, and BLAS threads of both would wait for each other. */
export const la = new CpuBackend(1);

export const configOf = (folder: string) =>
  JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')) as Record<string, unknown>;

/** Readers stay open as long as their models are used: to the end of the test file. */
const open: CheckpointReader[] = [];
afterAll(() => Promise.all(open.map((reader) => reader.close())));

export async function openModel(folder: string, precision: 'float32' | 'float64' = 'float32') {
  const reader = await CheckpointReader.open(folder);
  open.push(reader);
  const config = configOf(folder);
  const family = familyOf('auto', config);
  const architecture = architectureOf(family, config, '/sources/0', reader.tensors);
  const { bindings } = bindTensors(family, architecture, reader.tensors, '/sources/0');
  return { reader, config, architecture, bindings, model: storedModel(architecture, reader, bindings, la, precision) };
}
export const fixture = (name: string) => openModel(`${FIXTURES}${name}`);

/** An integer or boolean tensor of the fixtures as [rows, columns] of int32. */
export async function integers(name: string): Promise<Tokens> {
  const reader = await CheckpointReader.open(`${FIXTURES}tokens.safetensors`);
  const info = reader.tensors.get(name)!;
  const bytes = await reader.bytes(name);
  await reader.close();
  const ids =
    info.dtype === 'I64' ? Int32Array.from(new BigInt64Array(bytes.slice().buffer), Number) : Int32Array.from(bytes);
  return { ids, rows: info.shape[0], length: info.shape[1] };
}

/** Columns [from, to) of every row. */
export function columns({ ids, rows, length }: Tokens, from: number, to: number): Tokens {
  const out = new Int32Array(rows * (to - from));
  for (let r = 0; r < rows; r++) out.set(ids.subarray(r * length + from, r * length + to), r * (to - from));
  return { ids: out, rows, length: to - from };
}
