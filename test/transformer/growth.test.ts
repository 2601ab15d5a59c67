import { mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import type { TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { familyOf } from '../../src/families/registry.js';
import { Mt19937 } from '../../src/random/mt19937.js';
import { copyShares, grownIndices } from '../../workers/transformer/closed-form/growth.js';
import {
  evaluateStep,
  forward,
  type Model,
  mergeTransformer,
  modelCard,
  nextIdProbe,
  openResult,
  type Tokens,
  verifyOutput,
} from '../../workers/transformer/index.js';
import { la, openModel } from './support.js';
import { STOCK, TIED, writeTiny } from './tiny.js';

/** Large enough that an ε left unscaled shows in the logits. */
const EPSILON = 0.05;
const epsilonOf = (config: Record<string, unknown>) => ({
  [familyOf('auto', config).norm.epsilon.key]: EPSILON,
});

const targetOf = (name: string) => {
  if (name === 'gpt2') return { hidden_size: 20, num_attention_heads: 5, intermediate_size: 60 };
  if (name === 'bert' || name === 'roberta') return { hidden_size: 36, num_attention_heads: 9, intermediate_size: 30 };
  return { hidden_size: 20, num_attention_heads: 10, intermediate_size: 33 };
};

async function source(name: string) {
  const { config, shapes } = STOCK[name];
  const kept = Object.fromEntries(
    Object.entries(shapes).filter(([tensor]) => !TIED.includes(tensor) || 'rms_norm_eps' in config),
  );
  const epsilon = epsilonOf(config);
  return openModel(await writeTiny({ ...config, ...epsilon }, kept, 11));
}

function tokens(rows: number, length: number): Tokens {
  const random = new Mt19937(7);
  return { ids: Int32Array.from({ length: rows * length }, () => 2 + random.below(35)), rows, length };
}

async function grown(name: string, request: Partial<TransformerRequest>) {
  const one = await source(name);
  const sources = [{ label: 'a', config: one.config, tensors: one.reader.tensors }];
  const plan = planTransformer({ sources, target: targetOf(name), ...request });
  const directory = mkdtempSync(path.join(os.tmpdir(), 'growth-'));
  await mergeTransformer(plan, [one.reader], la, directory, {});
  await verifyOutput(plan, directory, la);
  const result = await openResult(plan, la, directory);
  return { one, plan, directory, result };
}

/** Largest difference of the logits over the largest logit. */
async function relativeDifference(before: Model, after: Model): Promise<number> {
  const ids = tokens(3, 12);
  const logits = [await forward(la, before, ids), await forward(la, after, ids)];
  const [a, b] = (await Promise.all(logits.map((m) => la.download(m!)))) as Float32Array[];
  expect(a.length).toBe(b.length);
  const size = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0) / size;
}

const zeroRows = (values: ArrayLike<number>, width: number) =>
  Array.from({ length: values.length / width }, (_, i) =>
    Array.from({ length: width }, (_, j) => values[i * width + j]).every((value) => value === 0),
  );
const zeroColumns = (values: ArrayLike<number>, width: number) =>
  Array.from({ length: width }, (_, j) =>
    Array.from({ length: values.length / width }, (_, i) => values[i * width + j]).every((value) => value === 0),
  );

/** Units of every space whose writers and readers are all zero: [residual, heads' dimensions, ffn of layer 0]. */
async function deadUnits(model: Model): Promise<number[]> {
  const word = await model.table('word');
  const [attention, ffn] = [await model.sublayer(0), await model.sublayer(1)];
  if (attention.kind !== 'attention' || ffn.kind !== 'ffn') throw new Error('sublayers out of order');
  const values = async (m: { cols: number } & typeof word) => [await la.download(m), m.cols] as const;
  const both = (a: boolean[], b: boolean[]) => a.filter((dead, i) => dead && b[i]).length;
  return [
    both(zeroColumns(...(await values(word))), zeroColumns(...(await values(ffn.up.weight)))),
    both(zeroRows(...(await values(attention.q.weight))), zeroColumns(...(await values(attention.writer.weight)))),
    both(zeroRows(...(await values(ffn.up.weight))), zeroColumns(...(await values(ffn.writer.weight)))),
  ];
}

describe.each(Object.keys(STOCK))('%s alone, wider in every size', (name) => {
  it('computes the same logits, with every unit alive and nothing lost', async () => {
    const { one, plan, directory, result } = await grown(name, {});
    expect(await relativeDifference(one.model, result.model)).toBeLessThan(1e-5);
    expect(await deadUnits(result.model)).toEqual([0, 0, 0]);
    await result.reader.close();
    expect(plan.spaces.map((space) => space.legality)).toEqual(plan.spaces.map(() => 'exact'));
    const config = JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8')) as Record<string, number>;
    const post = name === 'bert' || name === 'roberta';
    expect(config[plan.description.norm.epsilon.key]).toBeCloseTo(post ? EPSILON : (EPSILON * 12) / 20, 12);
    const probes = [nextIdProbe('ids', tokens(4, 13))];
    const metrics = await evaluateStep(plan, [one.reader], la, directory, { probes });
    expect(metrics.tensors).toEqual([]);
    expect(metrics.spaces[0].identity_error).toBeLessThan(1e-6);
    expect(metrics.spaces[0].directions_by_source![0]).toBeCloseTo(12, 4);
    expect(metrics.spaces.find((space) => space.name === 'layer.0.ffn')!.directions_by_source).toEqual([
      one.architecture.ffn,
    ]);
    expect(metrics.probes[0].kl_to_mean).toBeLessThan(1e-9);
    expect(modelCard(plan, metrics)).toContain('Computes what its source computes');
  });

  it('with padding zero the further units are dead, and the logits the same', async () => {
    const { one, plan, result } = await grown(name, { padding: 'zero' });
    expect(await relativeDifference(one.model, result.model)).toBeLessThan(1e-5);
    const { target } = plan;
    const post = target.placement === 'post';
    expect(await deadUnits(result.model)).toEqual([
      // a post-norm stream has no room for dead units: its norms would count them
      post ? 0 : target.hidden - 12,
      (target.heads - one.architecture.heads) * target.headDim,
      target.ffn - one.architecture.ffn,
    ]);
    await result.reader.close();
  });
});

it.each([
  ['llama', { intermediate_size: 50 }],
  ['llama', { num_attention_heads: 6 }],
  ['gpt2', { intermediate_size: 50 }],
  ['bert', { intermediate_size: 50 }],
])('%s alone, wider in %j only', async (name, target) => {
  const { one, result } = await grown(name, { target });
  expect(await relativeDifference(one.model, result.model)).toBeLessThan(1e-5);
  await result.reader.close();
});

it.each(['llama', 'bert'])('%s alone, a narrower stream with more units', async (name) => {
  const target = { hidden_size: 8, num_attention_heads: name === 'llama' ? 4 : 2, intermediate_size: 30 };
  const { one, plan, directory, result } = await grown(name, { target });
  await result.reader.close();
  const metrics = await evaluateStep(plan, [one.reader], la, directory, { probes: [] });
  expect(metrics.spaces.find((space) => space.name === 'layer.1.ffn')).toMatchObject({ width: 30, legality: 'exact' });
  expect(metrics.tensors.some(({ name }) => /o_proj|output.dense/.test(name))).toBe(true);
  expect(metrics.tensors.every((tensor) => Number.isFinite(tensor.relative_error))).toBe(true);
});

it('copies add up to their original and are all different', () => {
  const indices = grownIndices(3, 8, 'orthonormal');
  expect(indices).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
  const shares = copyShares(indices);
  for (const unit of [0, 1, 2]) {
    const own = [...shares].filter((_, j) => indices[j] === unit);
    expect(own.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(new Set(own).size).toBe(own.length);
  }
  expect([...copyShares([0, 1, -1])]).toEqual([1, 1, 0]);
});

/** The base model of a stock one: its names without their prefix, no head, and a pooler where its class has one. */
async function headless(name: string) {
  const { config, shapes } = STOCK[name];
  const prefix = /^(?:transformer|model|bert|roberta)\./;
  const kept = Object.entries(shapes).flatMap(([tensor, shape]) =>
    prefix.test(tensor) ? [[tensor.replace(prefix, ''), shape]] : [],
  );
  const pooler = name === 'bert' ? { 'pooler.dense.weight': [12, 12], 'pooler.dense.bias': [12] } : {};
  const epsilon = epsilonOf(config);
  const changed = { ...config, architectures: undefined, ...epsilon };
  return openModel(await writeTiny(changed, { ...Object.fromEntries(kept), ...pooler }, 11));
}

/** last_hidden_state [tokens, width] in float64. */
async function lastHidden(model: Model): Promise<Float64Array> {
  let last = new Float64Array();
  await forward(la, model, tokens(3, 12), ({ normed }) => {
    last = Float64Array.from(normed);
  });
  return last;
}

/** ‖result − E·source‖ / ‖E·source‖ of last_hidden_state, E from bases.safetensors. */
async function distanceFromMap(before: Model, after: Model, directory: string): Promise<number> {
  const bases = await CheckpointReader.open(path.join(directory, 'bases.safetensors'));
  const [r, d] = bases.tensors.get('residual.expand')!.shape;
  const expand = la.upload(await bases.floats('residual.expand', 'float64'), r, d);
  await bases.close();
  const [source, result] = [await lastHidden(before), await lastHidden(after)];
  const mapped = await la.download(await la.gemm(la.upload(source, source.length / d, d), expand, { transB: true }));
  expect(result.length).toBe(mapped.length);
  const squares = (of: (i: number) => number) => result.reduce((sum, _, i) => sum + of(i) ** 2, 0);
  return Math.sqrt(squares((i) => result[i] - mapped[i]) / squares((i) => mapped[i]));
}

describe.each(Object.keys(STOCK))('%s without a head', (name) => {
  const run = async (request: Partial<TransformerRequest>) => {
    const one = await headless(name);
    const plan = planTransformer({
      sources: [{ label: 'a', config: one.config, tensors: one.reader.tensors }],
      target: targetOf(name),
      ...request,
    });
    const directory = mkdtempSync(path.join(os.tmpdir(), 'headless-'));
    await mergeTransformer(plan, [one.reader], la, directory, { calibration: tokens(64, 12) });
    await verifyOutput(plan, directory, la);
    const result = await openResult(plan, la, directory);
    const distance = await distanceFromMap(one.model, result.model, directory);
    const dead = await deadUnits(result.model);
    await result.reader.close();
    return { plan, distance, dead };
  };
  const post = name === 'bert' || name === 'roberta';

  it.each([
    ['wider', {}],
    ['wider, padding zero', { padding: 'zero' as const }],
    ['at its own width', { target: {} }],
  ])('%s: last_hidden_state is E·h', async (what, request) => {
    const { plan, distance, dead } = await run(request);
    expect(distance).toBeLessThan(1e-6);
    if (!post) expect(plan.spaces[0].legality).toBe('exact');
    if (what === 'wider') expect(dead).toEqual([0, 0, 0]);
  });

  it('calibrated at its own width: last_hidden_state is E·h as nearly as the fit is', async () => {
    const { plan, distance } = await run({ target: {}, calibration: tokens(64, 12) });
    expect(plan.spaces[0].legality).toBe('approximate');
    expect(distance).toBeLessThan(0.25);
  });
});
