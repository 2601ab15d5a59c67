import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CONFIG_FILE } from '../../../src/checkpoints/read-config.js';
import type { CheckpointReader } from '../../../src/checkpoints/reader.js';
import { INDEX_FILE } from '../../../src/checkpoints/shard-index.js';
import { stringifyAs } from '../../../src/checkpoints/spelled-numbers.js';
import type { Slot } from '../../../src/families/description.js';
import type { OutputTensor, TransformerPlan } from '../../../src/families/plan.js';
import { shardTensors } from '../../../src/plan/shards.js';
import { encodeInRange } from '../../../src/safetensors/range.js';
import { writeSafetensors } from '../../../src/safetensors/write-file.js';
import { fileOrder, type SafetensorsWriter, type WrittenFile } from '../../../src/safetensors/writer.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { transposed } from '../../linalg/transposed.js';
import { type Control, checkCancelled } from '../control.js';
import type { SlotTensors } from '../model.js';

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
  const outputs: WrittenOutput[] = [];
  let done = 0;
  for (const { file, tensors } of shards) {
    const written = await writeSafetensors(path.join(directory, file), tensors, async (writer) => {
      for (const tensor of tensors) {
        checkCancelled(signal);
        await writeTensor(writer, tensor, slots, first, la);
        writer.flush();
        onProgress?.({ phase: 'publish', completed: ++done, total: plan.tensors.length });
      }
    });
    outputs.push({ file, ...written });
  }
  if (shards.length > 1) {
    const weight_map = Object.fromEntries(shards.flatMap((s) => s.tensors.map((t) => [t.name, s.file])));
    const metadata = { total_size: shards.reduce((sum, { bytes }) => sum + bytes, 0) };
    await writeFile(path.join(directory, INDEX_FILE), `${JSON.stringify({ metadata, weight_map }, null, 2)}\n`);
  }
  await writeConfig(plan, first, directory);
  return outputs;
}

/** config.json as planned. Numbers keep the text that they have in source 1's. */
async function writeConfig({ config }: TransformerPlan, first: CheckpointReader, directory: string): Promise<void> {
  const original = await readFile(path.join(path.dirname(first.files[0].path), CONFIG_FILE), 'utf8');
  await writeFile(path.join(directory, CONFIG_FILE), `${stringifyAs(original, config)}\n`);
}

async function writeTensor(
  writer: SafetensorsWriter,
  tensor: OutputTensor,
  slots: SlotTensors,
  first: CheckpointReader,
  la: LinearAlgebra,
): Promise<void> {
  if (!tensor.slots) return writer.write(await first.bytes(tensor.name));
  const { slots: sections, layer, part, shape } = tensor;
  const matrix = (slot: Slot, rows?: readonly [number, number]) => slots.matrix(slot, layer, part, rows);
  const put = async (found: Matrix) => {
    await la.inspect(found, (values) => writer.write(encodeInRange(values, tensor)));
    slots.release(found);
  };
  const isTable = ['word', 'position', 'type'].includes(sections[0]);
  if (shape.length === 2 && tensor.layout === 'in_out' && !isTable) {
    const columns = await stacked(la, slots, await Promise.all(sections.map((slot) => matrix(slot))));
    return writer.write(encodeInRange(transposed(columns, shape[1], shape[0]), tensor));
  }
  const step = Math.max(1, Math.floor(CHUNK_VALUES / (shape[1] ?? 1)));
  if (shape.length === 1 || sections.length > 1 || step >= shape[0])
    for (const slot of sections) await put(await matrix(slot));
  else
    for (let from = 0; from < shape[0]; from += step)
      await put(await matrix(sections[0], [from, Math.min(from + step, shape[0])]));
}

async function stacked(la: LinearAlgebra, slots: SlotTensors, parts: readonly Matrix[]): Promise<Float32Array> {
  const out = new Float32Array(parts.reduce((sum, { rows, cols }) => sum + rows * cols, 0));
  let at = 0;
  for (const part of parts) {
    await la.inspect(part, (values) => out.set(values, at));
    at += part.rows * part.cols;
    slots.release(part);
  }
  return out;
}
