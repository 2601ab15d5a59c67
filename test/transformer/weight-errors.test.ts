import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import type { TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { evaluateStep, mergeTransformer } from '../../workers/transformer/index.js';
import { la, openModel } from './support.js';
import { STOCK, TIED, writeTiny } from './tiny.js';

async function merged(name: string, seeds: number[], request: Partial<TransformerRequest>) {
  const { config, shapes } = STOCK[name];
  const drop = name === 'gpt2' || name === 'bert' ? TIED : [];
  const kept = Object.fromEntries(Object.entries(shapes).filter(([tensor]) => !drop.includes(tensor)));
  const sources = await Promise.all(seeds.map(async (seed) => openModel(await writeTiny(config, kept, seed))));
  const plan = planTransformer({
    sources: sources.map((s, i) => ({ label: `s${i}`, config: s.config, tensors: s.reader.tensors })),
    target: {},
    ...request,
  });
  const directory = mkdtempSync(path.join(os.tmpdir(), 'errors-'));
  const readers = sources.map((s) => s.reader);
  await mergeTransformer(plan, readers, la, directory, {});
  return { directory, readers, metrics: await evaluateStep(plan, readers, la, directory, { probes: [] }) };
}

const WRITERS = /embed|wte|wpe|o_proj|down_proj|c_proj|output\.dense/;

it.each([
  ['llama', 'diag', { hidden_size: 16, num_attention_heads: 4, intermediate_size: 30 }],
  ['llama', 'separate', { hidden_size: 8, num_attention_heads: 4, intermediate_size: 30 }],
  ['gpt2', 'diag', { hidden_size: 16, num_attention_heads: 4 }],
  ['bert', 'diag', { hidden_size: 20, num_attention_heads: 5 }],
] as const)(
  '%s, %s: what the writers lose together is what the spectrum says the basis loses',
  async (name, mode, target) => {
    const { metrics } = await merged(name, [1, 2], { mode, target });
    const squares = metrics.tensors.filter((t) => WRITERS.test(t.name)).map((t) => t.relative_error ** 2);
    expect(squares.length).toBe(name === 'llama' ? 5 : name === 'gpt2' ? 6 : 7);
    const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
    expect(mean).toBeCloseTo(1 - metrics.merge.retained_energy, 4);
    const residual = metrics.spaces[0];
    expect(residual.identity_error).toBeLessThan(1e-5);
    // LayerNorm before the readers: one direction is the mean that it subtracts
    const directions = (residual.directions_by_source ?? []).reduce((sum, share) => sum + share, 0);
    expect(directions).toBeCloseTo(target.hidden_size - (name === 'gpt2' ? 1 : 0), 3);
  },
);

it('agrees with dense arithmetic on one writer and one reader', async () => {
  const target = { hidden_size: 16, num_attention_heads: 4, intermediate_size: 30 };
  const { directory, readers, metrics } = await merged('llama', [1, 2], { target });
  const bases = await CheckpointReader.open(path.join(directory, 'bases.safetensors'));
  const e = await bases.floats('residual.expand', 'float64');
  const kept = await Promise.all(
    [0, 1].map(async (i) => new Int32Array((await bases.bytes(`layer.0.units.${i}`)).slice().buffer)),
  );
  await bases.close();
  const [d, n, total] = [12, 24, 24];
  const scale = metrics.merge.stream_scales;
  const name = 'model.layers.0.self_attn.o_proj.weight';
  const weights = await Promise.all(readers.map((reader) => reader.floats(name, 'float64')));
  // the block-diagonal [24, 48] matrix
  const w = (row: number, column: number) => {
    const [i, j] = [Math.floor(row / d), Math.floor(column / n)];
    return i === j ? scale[i] * weights[i][(row % d) * n + (column % n)] : 0;
  };
  let [sumAbs, wrong, whole] = [0, 0, 0];
  for (let column = 0; column < 2 * n; column++) {
    const inside = Array.from({ length: 16 }, (_, k) => {
      let sum = 0;
      for (let row = 0; row < total; row++) sum += e[k * total + row] * w(row, column);
      return sum;
    });
    for (let row = 0; row < total; row++) {
      const error = w(row, column) - inside.reduce((sum, value, k) => sum + e[k * total + row] * value, 0);
      sumAbs += Math.abs(error) / scale[Math.floor(row / d)];
      wrong += error ** 2;
      whole += w(row, column) ** 2;
    }
  }
  const found = metrics.tensors.find((tensor) => tensor.name === name)!;
  expect(found.mean_abs_error).toBeCloseTo(sumAbs / (total * 2 * n), 5);
  expect(found.relative_error).toBeCloseTo(Math.sqrt(wrong / whole), 5);
  expect(found.optimal_relative_error).toBeNull();
  const up = 'model.layers.0.mlp.up_proj.weight';
  const values = await Promise.all(readers.map((reader) => reader.floats(up, 'float64')));
  const lost = values.map((v, i) => v.filter((_, at) => !kept[i].includes(Math.floor(at / d))));
  const meanLost = lost.map((v) => v.reduce((sum, value) => sum + Math.abs(value), 0) / (20 * d));
  metrics.tensors
    .find((tensor) => tensor.name === up)!
    .mean_abs_error_by_source.forEach((error, i) => {
      expect(error).toBeCloseTo(meanLost[i], 5);
    });
});

it('has no entries where nothing is reduced', async () => {
  expect((await merged('llama', [3], {})).metrics.tensors).toEqual([]);
});
