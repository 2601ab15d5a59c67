import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import type { TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { Mt19937 } from '../../src/random/mt19937.js';
import {
  evaluateStep,
  forward,
  generateTokens,
  labelledProbe,
  type Model,
  mergeTransformer,
  nextIdProbe,
  openResult,
  type Tokens,
  verifyOutput,
} from '../../workers/transformer/index.js';
import { la, openModel } from './support.js';
import { STOCK, TIED, writeTiny } from './tiny.js';

const work = () => mkdtempSync(path.join(os.tmpdir(), 'merge-'));

function randomTokens(rows: number, length: number, vocabulary: number): Tokens {
  const random = new Mt19937(7);
  // id 1 is RoBERTa's padding: it has a place of its own and is tested by itself
  return { ids: Int32Array.from({ length: rows * length }, () => 2 + random.below(vocabulary - 2)), rows, length };
}

async function source(name: string, seed: number, drop: readonly string[] = []) {
  const { config, shapes } = STOCK[name];
  const kept = Object.fromEntries(Object.entries(shapes).filter(([tensor]) => !drop.includes(tensor)));
  return openModel(await writeTiny(config, kept, seed));
}

async function merged(
  sources: Awaited<ReturnType<typeof source>>[],
  request: Partial<TransformerRequest>,
  calibration?: Tokens,
) {
  const plan = planTransformer({
    sources: sources.map((s, i) => ({ label: `s${i}`, config: s.config, tensors: s.reader.tensors })),
    target: {},
    ...request,
    ...(calibration ? { calibration } : {}),
  });
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  const directory = work();
  const readers = sources.map((s) => s.reader);
  await mergeTransformer(plan, readers, la, directory, { calibration });
  await verifyOutput(plan, directory, la);
  return { plan, directory, readers };
}

async function largestDifference(a: Float32Array, b: Float32Array) {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);
}

describe.each(Object.keys(STOCK))('%s', (name) => {
  const tied = name === 'gpt2' || name === 'bert' || name === 'roberta' ? TIED : [];

  it('alone at full width gives the source’s logits within 1e-4, under the stock names and shapes', async () => {
    const one = await source(name, 11, tied);
    const { plan, directory } = await merged([one], {});
    expect(Object.fromEntries(plan.tensors.map((t) => [t.name, t.shape]))).toEqual(STOCK[name].shapes);
    expect(JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8')).tie_word_embeddings).toBe(false);
    const tokens = randomTokens(3, 12, 37);
    const result = await openResult(plan, la, directory);
    const [before, after] = [await forward(la, one.model, tokens), await forward(la, result.model, tokens)];
    await result.reader.close();
    const difference = await largestDifference(
      (await la.download(before!)) as Float32Array,
      (await la.download(after!)) as Float32Array,
    );
    expect(difference).toBeLessThan(1e-4);
  });

  it('calibrated at full width stays close to its one source', async () => {
    const one = await source(name, 12, tied);
    const tokens = randomTokens(256, 12, 37);
    const { plan, directory, readers } = await merged([one], {}, tokens);
    const probe = nextIdProbe('ids', randomTokens(8, 13, 37));
    const metrics = await evaluateStep(plan, readers, la, directory, { probes: [probe] });
    const { kl_to_mean: kl, stream_error: stream } = metrics.probes[0];
    // LayerNorm keeps the hyperplane's r − 1 directions of r; ridge and finite data leave a little
    expect(kl).toBeLessThan(0.02);
    expect(Math.max(...stream)).toBeLessThan(0.2);
  });

  it('merges three sources, calibrated and in closed form, fewer heads and units, sharded in half precision', async () => {
    const three = [await source(name, 1, tied), await source(name, 2, tied), await source(name, 3, tied)];
    const heads = name === 'gpt2' || name === 'bert' || name === 'roberta' ? 5 : 4;
    const target = { hidden_size: 20, num_attention_heads: heads, intermediate_size: 30 };
    const output = { dtype: 'BF16' as const, max_shard_bytes: 4000 };
    const tokens = randomTokens(16, 10, 37);
    for (const [request, calibration, fit] of [
      [{}, undefined, 'closed_form'],
      [{}, tokens, 'calibrated'],
      [{ fit: 'closed_form', basis: 'activation' }, tokens, 'closed_form'],
    ] as const) {
      const { plan, directory } = await merged(three, { target, output, ...request }, calibration);
      expect(plan.fit).toBe(fit);
      expect(readdirSync(directory)).toContain('model.safetensors.index.json');
    }
  });
});

it.each(['llama', 'gpt2', 'bert'])(
  '%s: a basis from activations at full width is the source itself, and a narrower one keeps more of them',
  async (name) => {
    const one = await source(name, 11, name === 'llama' ? [] : TIED);
    const tokens = randomTokens(64, 12, 37);
    const heads = name === 'llama' ? 4 : 2;
    const retained = [];
    for (const basis of ['weight', 'activation'] as const) {
      const target = { hidden_size: 8, num_attention_heads: heads };
      const { plan, directory, readers } = await merged([one], { target, fit: 'closed_form', basis }, tokens);
      const probe = labelledProbe('ids', tokens, tokens.ids);
      const { stream_error } = (await evaluateStep(plan, readers, la, directory, { probes: [probe] })).probes[0];
      expect(stream_error.every(Number.isFinite)).toBe(true);
      retained.push(await activationEnergy(one.model, directory, tokens));
    }
    expect(retained[1]).toBeGreaterThan(retained[0]);
    const whole = await merged([one], { fit: 'closed_form', basis: 'activation' }, tokens);
    const result = await openResult(whole.plan, la, whole.directory);
    const [a, b] = [await forward(la, one.model, tokens), await forward(la, result.model, tokens)];
    await result.reader.close();
    const values = (await Promise.all([a, b].map((logits) => la.download(logits!)))) as Float32Array[];
    expect(await largestDifference(values[0], values[1])).toBeLessThan(1e-4);
  },
);

/** Share of the normalised streams' energy that a stored basis keeps, over all norms. */
async function activationEnergy(model: Model, directory: string, tokens: Tokens): Promise<number> {
  const bases = await CheckpointReader.open(path.join(directory, 'bases.safetensors'));
  const [r, d] = bases.tensors.get('residual.expand')!.shape;
  const expand = la.upload(await bases.floats('residual.expand', 'float32'), r, d);
  await bases.close();
  let [kept, all] = [0, 0];
  await forward(la, model, tokens, async ({ unit }) => {
    const x = la.upload(unit, unit.length / d, d);
    kept += (await la.norms(await la.gemm(x, expand, { transB: true }))).sumSquares;
    all += (await la.norms(x)).sumSquares;
  });
  return kept / all;
}

it('makes the same bytes twice', async () => {
  const pair = [await source('qwen2', 1), await source('qwen2', 2)];
  const generate = { generate: { sequences: 8, length: 10, seed: 5 } };
  const target = { hidden_size: 16, num_attention_heads: 4, intermediate_size: 24 };
  const [a, b] = [
    await merged(pair, { target, calibration: generate }),
    await merged(pair, { target, calibration: generate }),
  ];
  const read = (directory: string) => readFileSync(path.join(directory, 'model.safetensors')).toString('base64');
  expect(read(a.directory) === read(b.directory)).toBe(true);
});

it('padding changes nothing for the tokens that are there', async () => {
  const { model } = await source('roberta', 4, TIED);
  const tokens = randomTokens(1, 6, 37);
  const padded: Tokens = {
    ids: Int32Array.from([...tokens.ids, 1, 1, 1]),
    rows: 1,
    length: 9,
    attention: Uint8Array.from([1, 1, 1, 1, 1, 1, 0, 0, 0]),
  };
  const [short, long] = [await forward(la, model, tokens), await forward(la, model, padded)];
  const [a, b] = [await la.download(short!), await la.download(long!)];
  expect(await largestDifference(a as Float32Array, b.slice(0, a.length) as Float32Array)).toBeLessThan(1e-5);
});

/** Every row lengthened by places that its attention mask leaves out, filled with ids that would matter if they counted. */
function padded({ ids, rows, length }: Tokens, by: number): Tokens {
  const at = (i: number) => ({ row: Math.floor(i / (length + by)), place: i % (length + by) });
  const size = rows * (length + by);
  return {
    ids: Int32Array.from({ length: size }, (_, i) =>
      at(i).place < length ? ids[at(i).row * length + at(i).place] : 2 + (i % 7),
    ),
    rows,
    length: length + by,
    attention: Uint8Array.from({ length: size }, (_, i) => (at(i).place < length ? 1 : 0)),
  };
}

it.each(['llama', 'gpt2', 'bert'])(
  '%s: padded calibration and probe tokens give the merge and the losses of unpadded ones',
  async (name) => {
    const tied = name === 'llama' ? [] : TIED;
    const pair = [await source(name, 1, tied), await source(name, 2, tied)];
    const target = { hidden_size: 16, num_attention_heads: 4, intermediate_size: 30 };
    const [tokens, ids] = [randomTokens(32, 10, 37), randomTokens(4, 10, 37)];
    const losses = [];
    for (const by of [0, 4]) {
      const { plan, directory, readers } = await merged(pair, { target }, by ? padded(tokens, by) : tokens);
      const asked = by ? padded(ids, by) : ids;
      const probes = [labelledProbe('ids', asked, asked.ids)];
      losses.push((await evaluateStep(plan, readers, la, directory, { probes })).probes[0]);
    }
    const [plain, longer] = losses;
    expect([longer.tokens, longer.counted]).toEqual([plain.tokens, plain.counted]);
    expect(longer.result_loss).toBeCloseTo(plain.result_loss!, 4);
    expect(longer.kl_to_mean).toBeCloseTo(plain.kl_to_mean!, 4);
    longer.stream_error.forEach((error, k) => {
      expect(error).toBeCloseTo(plain.stream_error[k], 3);
    });
  },
);

it('a masked model writes as many ids as asked, the same ones for the same seed', async () => {
  const { model } = await source('bert', 4, TIED);
  const asked = { sequences: 3, length: 5, seed: 9, mask_token_id: 36 };
  const [a, b] = [await generateTokens(la, [model], asked), await generateTokens(la, [model], asked)];
  expect(a.ids.length).toBe(15);
  expect(a).toEqual(b);
  expect(new Set(a.ids).size).toBeGreaterThan(5);
});

it('stops when asked to', async () => {
  const one = await source('llama', 1);
  const plan = planTransformer({
    sources: [{ label: 'a', config: one.config, tensors: one.reader.tensors }],
    target: {},
  });
  const stop = AbortSignal.abort();
  await expect(mergeTransformer(plan, [one.reader], la, work(), { signal: stop })).rejects.toMatchObject({
    code: 'cancelled',
  });
});
