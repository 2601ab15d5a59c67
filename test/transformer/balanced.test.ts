import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import type { TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { Mt19937 } from '../../src/random/mt19937.js';
import type { Matrix } from '../../workers/linalg/contract.js';
import { balancedDirections } from '../../workers/transformer/balanced.js';
import { readerMoment } from '../../workers/transformer/closed-form/reader-moment.js';
import {
  evaluateStep,
  forward,
  mergeTransformer,
  nextIdProbe,
  openResult,
  type Tokens,
  verifyOutput,
} from '../../workers/transformer/index.js';
import { type SlotTensors, StoredSlots } from '../../workers/transformer/model.js';
import { la, openModel } from './support.js';
import { STOCK, TIED, writeTiny } from './tiny.js';

const random = (seed: number, rows: number, cols: number) => {
  const mt = new Mt19937(seed);
  return Float64Array.from({ length: rows * cols }, () => mt.uniform() - 0.5);
};
const diagonal = (entries: number[]) =>
  la.upload(
    Float64Array.from({ length: entries.length ** 2 }, (_, at) =>
      at % (entries.length + 1) === 0 ? entries[at / (entries.length + 1)] : 0,
    ),
    entries.length,
    entries.length,
  );
/** BᵀB of orthonormal rows: the subspace, whatever its basis. */
const projector = async (rows: Matrix) => la.download(await la.gemm(rows, rows, { transA: true }));
const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

it('keeps what is both written and read, then what is written', async () => {
  // written × read: 0, 3, 10, 0.1
  const [writers, readers] = [diagonal([4, 3, 2, 1]), diagonal([0, 1, 5, 0.1])];
  const order = [2, 1, 3, 0];
  for (const count of [1, 2, 3, 4]) {
    const { rows, kept } = await balancedDirections(la, writers, readers, count);
    const expected = diagonal([0, 1, 2, 3].map((i) => (order.indexOf(i) < count ? 1 : 0)));
    expect(largest(await projector(rows), await la.download(expected))).toBeLessThan(1e-9);
    expect(kept).toBeCloseTo(
      order.slice(0, count).reduce((sum, i) => sum + [4, 3, 2, 1][i], 0),
      9,
    );
  }
});

it('spans L·V_r of the SVD of Q·L, for tall, wide and rank-deficient sides', async () => {
  for (const [written, read] of [
    [30, 30],
    [5, 30],
    [30, 5],
  ]) {
    const d = 9;
    const q = random(1, read, d);
    const l = random(2, d, written);
    const left = la.upload(l.slice(), d, written);
    const right = la.upload(q.slice(), read, d);
    const { v } = await la.svd(await la.gemm(right, left));
    const top = await la.gemm(la.view(v, 0, 4, 0, v.cols), left, { transB: true });
    const expected = await projector(await la.orthonormalize(top));
    const { rows } = await balancedDirections(la, await la.syrk(left), await la.syrk(right, { transpose: true }), 4);
    expect(largest(await projector(rows), expected)).toBeLessThan(1e-8);
    const all = await balancedDirections(la, await la.syrk(left), await la.syrk(right, { transpose: true }), d);
    expect(largest(await projector(all.rows), await la.download(diagonal(Array(d).fill(1))))).toBeLessThan(1e-9);
  }
});

async function merged(name: string, seeds: number[], request: Partial<TransformerRequest>) {
  const { config, shapes } = STOCK[name];
  const drop = 'rms_norm_eps' in config ? [] : TIED;
  const kept = Object.fromEntries(Object.entries(shapes).filter(([tensor]) => !drop.includes(tensor)));
  const sources = await Promise.all(seeds.map(async (seed) => openModel(await writeTiny(config, kept, seed))));
  const plan = planTransformer({
    sources: sources.map((s, i) => ({ label: `s${i}`, config: s.config, tensors: s.reader.tensors })),
    target: {},
    basis: 'balanced',
    ...request,
  });
  const directory = mkdtempSync(path.join(os.tmpdir(), 'balanced-'));
  const readers = sources.map((s) => s.reader);
  await mergeTransformer(plan, readers, la, directory, {});
  await verifyOutput(plan, directory, la);
  return { sources, plan, directory, readers };
}

const ids = (rows: number, length: number): Tokens => {
  const mt = new Mt19937(7);
  return { ids: Int32Array.from({ length: rows * length }, () => 2 + mt.below(35)), rows, length };
};

it.each([
  ['llama', 11],
  ['gpt2', 9],
  ['bert', 9],
])('%s: the readers’ side counts each of %i readers once, as its norm lets it see the stream', async (name, count) => {
  const { sources, plan } = await merged(name, [1, 2], {});
  // unit 3 of source 1 is cut off by every norm in front of a reader
  const slots = sources.map(({ reader, bindings }, i): SlotTensors => {
    const stored = new StoredSlots(reader, bindings, la, 'float32');
    return {
      has: (...at) => stored.has(...at),
      release: (m) => stored.release(m),
      matrix: async (slot, layer, part, rows) => {
        const m = await stored.matrix(slot, layer, part, rows);
        const gain = slot.endsWith('_norm') && part === 'weight' && i === 0;
        return gain
          ? la.upload(
              (await la.download(m)).map((value, j) => (j === 3 ? 0 : value)),
              1,
              12,
            )
          : m;
      },
    };
  });
  const moment = await la.download(await readerMoment({ la, plan, sources: slots }, {}));
  const at = (i: number, j: number) => moment[i * 24 + j];
  const all = Array.from({ length: 24 }, (_, i) => i);
  expect(all.reduce((sum, i) => sum + at(i, i), 0)).toBeCloseTo(count, 9);
  // only a causal decoder reads both streams at once
  const across = Math.max(...all.slice(0, 12).flatMap((i) => all.slice(12).map((j) => Math.abs(at(i, j)))));
  if (name === 'bert') expect(across).toBe(0);
  else expect(across).toBeGreaterThan(1e-3);
  if (name === 'llama') expect(Math.max(...all.map((j) => Math.abs(at(3, j))))).toBe(0);
  else expect(at(3, 3)).toBeGreaterThan(1e-6);
  // LayerNorm takes the mean out before anything reads it
  const means = all.map((i) => Math.abs(all.slice(0, 12).reduce((sum, j) => sum + at(i, j), 0)));
  if (name === 'gpt2') expect(Math.max(...means)).toBeLessThan(1e-9);
  else expect(Math.max(...means)).toBeGreaterThan(1e-3);
});

it.each(Object.keys(STOCK))('%s alone at full width is the source itself', async (name) => {
  const { sources, plan, directory } = await merged(name, [11], {});
  const result = await openResult(plan, la, directory);
  const logits = [await forward(la, sources[0].model, ids(3, 12)), await forward(la, result.model, ids(3, 12))];
  await result.reader.close();
  const [before, after] = await Promise.all(logits.map((m) => la.download(m!)));
  expect(largest(before, after)).toBeLessThan(1e-4);
});

it.each([
  ['llama', 'diag'],
  ['llama', 'separate'],
  ['gpt2', 'diag'],
  ['gpt2', 'separate'],
  ['bert', 'diag'],
] as const)('%s pair, %s: an orthonormal basis of its own, and errors that fit it', async (name, mode) => {
  const target = { hidden_size: 16, num_attention_heads: 4, intermediate_size: 30 };
  const { plan, directory, readers } = await merged(name, [1, 2], { mode, target });
  expect(plan.spaces[0].reason).toMatch(/balanced in its local form, a heuristic/);
  const probes = [nextIdProbe('ids', ids(4, 9))];
  const metrics = await evaluateStep(plan, readers, la, directory, { probes });
  expect(metrics.spaces[0].identity_error).toBeLessThan(1e-5);
  expect(Number.isFinite(metrics.mean.result_loss)).toBe(true);
  const squares = metrics.tensors
    .filter((t) => /embed|wte|wpe|o_proj|down_proj|c_proj|output\.dense/.test(t.name))
    .map((t) => t.relative_error ** 2);
  const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
  expect(mean).toBeCloseTo(1 - metrics.merge.retained_energy, 4);
  const weight = await merged(name, [1, 2], { mode, target, basis: 'weight' });
  const expands = await Promise.all(
    [directory, weight.directory].map(async (folder) => {
      const bases = await CheckpointReader.open(path.join(folder, 'bases.safetensors'));
      const values = await bases.floats('residual.expand', 'float64');
      await bases.close();
      return la.upload(values as Float64Array, 16, 24);
    }),
  );
  expect(largest(await projector(expands[0]), await projector(expands[1]))).toBeGreaterThan(0.05);
});
