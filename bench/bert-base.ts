import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointReader } from '../src/checkpoints/reader.js';
import { encodeFloats } from '../src/safetensors/dtype.js';
import { SafetensorsWriter, type TensorSpec } from '../src/safetensors/writer.js';
import type { LinearAlgebra, Matrix } from '../workers/linalg/contract.js';

export const BERT_BASE = { layers: 12, hidden: 768, heads: 12, ffn: 3072, vocabulary: 30522, positions: 512 };
type Sizes = typeof BERT_BASE;

/** Names and shapes of a BertForMaskedLM checkpoint. */
function tensorsOf({ layers, hidden: d, ffn, vocabulary, positions }: Sizes): TensorSpec[] {
  const list: [string, number[]][] = [
    ['bert.embeddings.word_embeddings.weight', [vocabulary, d]],
    ['bert.embeddings.position_embeddings.weight', [positions, d]],
    ['bert.embeddings.token_type_embeddings.weight', [2, d]],
    ['cls.predictions.bias', [vocabulary]],
  ];
  const linear = (name: string, out: number, into: number) =>
    list.push([`${name}.weight`, [out, into]], [`${name}.bias`, [out]]);
  const norm = (name: string) => list.push([`${name}.weight`, [d]], [`${name}.bias`, [d]]);
  norm('bert.embeddings.LayerNorm');
  for (let l = 0; l < layers; l++) {
    const p = `bert.encoder.layer.${l}`;
    for (const name of ['query', 'key', 'value']) linear(`${p}.attention.self.${name}`, d, d);
    linear(`${p}.attention.output.dense`, d, d);
    norm(`${p}.attention.output.LayerNorm`);
    linear(`${p}.intermediate.dense`, ffn, d);
    linear(`${p}.output.dense`, d, ffn);
    norm(`${p}.output.LayerNorm`);
  }
  linear('cls.predictions.transform.dense', d, d);
  norm('cls.predictions.transform.LayerNorm');
  return list.map(([name, shape]) => ({ name, dtype: 'F32' as const, shape }));
}

/** A random checkpoint of these sizes, with its config.json. */
export async function writeBert(folder: string, sizes: Sizes): Promise<void> {
  await mkdir(folder, { recursive: true });
  const config = {
    architectures: ['BertForMaskedLM'],
    model_type: 'bert',
    vocab_size: sizes.vocabulary,
    hidden_size: sizes.hidden,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    intermediate_size: sizes.ffn,
    max_position_embeddings: sizes.positions,
    type_vocab_size: 2,
    hidden_act: 'gelu',
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
  };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  const tensors = tensorsOf(sizes);
  const writer = await SafetensorsWriter.create(path.join(folder, 'model.safetensors'), tensors);
  for (const { name, shape } of tensors) {
    const gain = name.endsWith('LayerNorm.weight');
    const count = shape.reduce((product, extent) => product * extent, 1);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = gain ? 0.9 + Math.random() * 0.2 : (Math.random() - 0.5) * 0.07;
    await writer.write(encodeFloats(values, 'F32'));
  }
  await writer.finish(false);
}

/** Seconds of each part of the floor. */
export interface BertFloor {
  read: number;
  grams: number;
  eigenproblem: number;
  products: number;
  leastSquares: number;
  write: number;
}

/** Processor time of this process since then, on all its threads: what other work on the machine changes little. */
export function processorSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

export const secondsOf = (floor: BertFloor) => Object.values(floor).reduce((sum, part) => sum + part, 0);

/**
 * What a closed-form merge of two such models to width r and n_ffn units cannot do without: read both once, the Grams of
 * all writers and one eigenproblem of the joint width in float64, one product per tensor and side in float32; for the
 * units that are dropped, which the method folds into the kept ones (method.md, section 5), their inner products, one
 * system and one product per layer and source in float32; write the result, neither hashed nor synced. Nothing of the
 * dropped heads, of importances, kernels and norms.
 */
export async function bertFloor(
  la: LinearAlgebra,
  folders: readonly string[],
  output: string,
  s: Sizes,
  r: number,
): Promise<{ floor: BertFloor; processor: number }> {
  const { hidden: d, ffn, layers, vocabulary } = s;
  const D = folders.length * d;
  const times = async (a: Matrix, b: Matrix, count: number) => {
    for (let i = 0; i < count; i++) la.dispose(await la.gemm(a, b));
  };
  const f32 = (rows: number, cols: number) => la.upload(new Float32Array(rows * cols).fill(0.01), rows, cols);
  let processor = 0;
  const seconds = async (work: () => Promise<unknown>) => {
    const [start, idle] = [performance.now(), process.cpuUsage()];
    await work();
    processor += processorSeconds(idle);
    return (performance.now() - start) / 1000;
  };
  const read = await seconds(async () => {
    for (const folder of folders) {
      const reader = await CheckpointReader.open(folder);
      for (const name of reader.tensors.keys()) await reader.floats(name, 'float32');
      await reader.close();
    }
  });
  // Grams: the joint vocabulary table couples the sources; attention output and FFN down do not.
  const f64 = (rows: number, cols: number) => la.upload(new Float64Array(rows * cols).fill(0.01), rows, cols);
  const [table, attention, down, gram] = [f64(4096, D), f64(d, d), f64(d, ffn), la.zeros(D, D, 'float64')];
  const grams = await seconds(async () => {
    for (let row = 0; row < vocabulary; row += 4096) {
      const part = la.view(table, 0, Math.min(4096, vocabulary - row), 0, D);
      await la.syrk(part, { transpose: true, beta: 1, out: gram });
    }
    for (let i = 0; i < layers * folders.length; i++) for (const w of [attention, down]) la.dispose(await la.syrk(w));
  });
  const symmetric = await randomSymmetric(la, D);
  const eigenproblem = await seconds(() => la.eigh([symmetric]));
  const [e, f] = [f32(r, d), f32(d, r)];
  const kept = { heads: (r * d) / D, ffn: (r / d) * (ffn / folders.length) };
  const [words, head, unit] = [f32(vocabulary, d), f32(kept.heads, d), f32(kept.ffn, d)];
  const [headOutputs, units] = [f32(d, kept.heads), f32(d, kept.ffn)];
  const products = await seconds(async () => {
    await times(words, f, folders.length);
    await times(head, f, 3 * layers * folders.length);
    await times(e, headOutputs, layers * folders.length);
    await times(unit, f, layers * folders.length);
    await times(e, units, layers * folders.length);
  });
  const [opened, dropped] = [random(la, kept.ffn, d), random(la, ffn - kept.ffn, d)];
  const droppedOutputs = f32(d, ffn - kept.ffn);
  const leastSquares = await seconds(async () => {
    for (let i = 0; i < layers * folders.length; i++) {
      const [system, right] = [await la.syrk(opened), await la.gemm(opened, dropped, { transB: true })];
      await la.alter(system, (values) => {
        for (let j = 0; j < values.length; j += kept.ffn + 1) values[j] += d;
      });
      const solution = await la.solvePositive(system, right);
      const folded = await la.gemm(droppedOutputs, solution, { transB: true });
      for (const m of [system, solution, folded]) la.dispose(m);
    }
  });
  const bytes = await readFile(output);
  const write = await seconds(() => writeFile(`${output}.copy`, bytes));
  return { floor: { read, grams, eigenproblem, products, leastSquares, write }, processor };
}

function random(la: LinearAlgebra, rows: number, cols: number): Matrix {
  return la.upload(
    Float32Array.from({ length: rows * cols }, () => Math.random() - 0.5),
    rows,
    cols,
  );
}

async function randomSymmetric(la: LinearAlgebra, n: number): Promise<Matrix> {
  const data = new Float64Array(n * n);
  for (let i = 0; i < data.length; i++) data[i] = Math.random() - 0.5;
  return la.syrk(la.upload(data, n, n));
}
