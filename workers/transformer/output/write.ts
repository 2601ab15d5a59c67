import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CheckpointReader } from '../../../src/checkpoints/reader.js';
import { INDEX_FILE } from '../../../src/checkpoints/reader.js';
import type { OutputTensor, TransformerPlan } from '../../../src/families/plan.js';
import { shardTensors } from '../../../src/plan/shards.js';
import { encodeFloats } from '../../../src/safetensors/dtype.js';
import { fileOrder, SafetensorsWriter, type WrittenFile } from '../../../src/safetensors/writer.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { transposed } from '../../linalg/transposed.js';
import { type Control, checkCancelled } from '../control.js';
import { checkFinite, type SlotTensors } from '../model.js';

export interface WrittenOutput extends WrittenFile {
  file: string;
}

/** Values of a tall tensor written at a time: 32 MB of float32. */
const CHUNK_VALUES = 8 * 1024 * 1024;

/** Tensors in file order, cut into files where one would grow past the limit. */
function shardsOfPlan(plan: TransformerPlan): { file: string; bytes: number; tensors: OutputTensor[] }[] {
  const byName = new Map(plan.tensors.map((tensor) => [tensor.name, tensor]));
  return shardTensors(fileOrder(plan.tensors), plan.max_shard_bytes).map(({ file, bytes, tensors }) => ({
    file,
    bytes,
    tensors: tensors.map((name) => byName.get(name) as OutputTensor),
  }));
}

/**
 * Write the result under the stock names: `model.safetensors`, or shards and their index, and `config.json`.
 * Tensor after tensor from `slots`; a second run writes the same bytes over the first.
 */
export async function writeModel(
  plan: TransformerPlan,
  slots: SlotTensors,
  first: CheckpointReader,
  la: LinearAlgebra,
  directory: string,
  { signal, onProgress }: Control = {},
): Promise<WrittenOutput[]> {
  const shards = shardsOfPlan(plan);
  const written: WrittenOutput[] = [];
  let done = 0;
  for (const { file, tensors } of shards) {
    const writer = await SafetensorsWriter.create(path.join(directory, file), tensors);
    try {
      for (const tensor of tensors) {
        checkCancelled(signal);
        for await (const values of tensorChunks(tensor, slots, first, la)) await writer.write(values);
        onProgress?.({ phase: 'publish', completed: ++done, total: plan.tensors.length });
      }
      written.push({ file, ...(await writer.finish()) });
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }
  if (shards.length > 1) {
    const weight_map = Object.fromEntries(shards.flatMap((s) => s.tensors.map((t) => [t.name, s.file])));
    const metadata = { total_size: shards.reduce((sum, { bytes }) => sum + bytes, 0) };
    await writeFile(path.join(directory, INDEX_FILE), `${JSON.stringify({ metadata, weight_map }, null, 2)}\n`);
  }
  await writeFile(path.join(directory, 'config.json'), `${JSON.stringify(plan.config, null, 2)}\n`);
  return written;
}

async function* tensorChunks(
  tensor: OutputTensor,
  slots: SlotTensors,
  first: CheckpointReader,
  la: LinearAlgebra,
): AsyncGenerator<Uint8Array> {
  if (!tensor.slots) {
    yield await first.bytes(tensor.name);
    return;
  }
  const { slots: sections, layer, part, shape, dtype } = tensor;
  const encoded = (values: FloatArray) => {
    checkFinite(values, tensor.name);
    return encodeFloats(values, dtype);
  };
  const isTable = ['word', 'position', 'type'].includes(sections[0]);
  if (shape.length === 2 && sections.length === 1 && (isTable || tensor.layout === 'out_in')) {
    const step = Math.max(1, Math.floor(CHUNK_VALUES / shape[1]));
    for (let from = 0; from < shape[0]; from += step) {
      const rows = [from, Math.min(from + step, shape[0])] as const;
      const whole = step >= shape[0];
      const matrix = await slots.matrix(sections[0], layer, part, whole ? undefined : rows);
      yield encoded(await la.download(matrix));
    }
    return;
  }
  const parts: Matrix[] = [];
  for (const slot of sections) parts.push(await slots.matrix(slot, layer, part));
  const values = await stacked(la, parts);
  if (shape.length === 2 && tensor.layout === 'in_out') yield encoded(transposed(values, shape[1], shape[0]));
  else yield encoded(values);
}

async function stacked(la: LinearAlgebra, parts: readonly Matrix[]): Promise<Float32Array> {
  const values = await Promise.all(parts.map((part) => la.download(part)));
  const out = new Float32Array(values.reduce((sum, v) => sum + v.length, 0));
  let at = 0;
  for (const part of values) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
