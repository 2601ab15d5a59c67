import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { Mt19937 } from '../../src/random/mt19937.js';
import { forward, mergeTransformer, openResult, type Tokens, verifyOutput } from '../../workers/transformer/index.js';
import { makeCheckpoint } from '../support/checkpoint.js';
import { la, openModel } from './support.js';
import { STOCK, writeTiny } from './tiny.js';

const { config, shapes } = STOCK.llama;
const target = { hidden_size: 16, num_attention_heads: 4, intermediate_size: 26 };

function tokens(): Tokens {
  const random = new Mt19937(7);
  return { ids: Int32Array.from({ length: 36 }, () => random.below(37)), rows: 3, length: 12 };
}

async function merged(factor: (name: string) => number, request: Partial<TransformerRequest> = {}) {
  const models = await Promise.all(
    [11, 12].map(async (seed) => openModel(await writeTiny(config, shapes, seed, factor))),
  );
  const sources = models.map(({ reader, ...model }, i) => ({
    label: `s${i}`,
    config: model.config,
    tensors: reader.tensors,
  }));
  const plan = planTransformer({ sources, target, ...request });
  const directory = mkdtempSync(path.join(os.tmpdir(), 'scale-'));
  await mergeTransformer(
    plan,
    models.map(({ reader }) => reader),
    la,
    directory,
    {},
  );
  await verifyOutput(plan, directory, la);
  const { model } = await openResult(plan, la, directory);
  return [...(await la.download((await forward(la, model, tokens()))!))];
}

/** Factors that leave the function as it is: what a tensor is multiplied with, the one behind it is divided by. */
const balancedOut = (size: number) => (name: string) => {
  if (/up_proj|v_proj|q_proj/.test(name)) return size;
  return /down_proj|o_proj|k_proj/.test(name) ? 1 / size : 1;
};

it.each<Partial<TransformerRequest>>([{}, { basis: 'balanced' }])(
  'a model whose weights are moved to the ends of the range merges to the same function (%o)',
  async (request) => {
    const expected = await merged(() => 1, request);
    for (const size of [2 ** 70, 2 ** -70]) {
      const found = await merged(balancedOut(size), request);
      const largest = Math.max(...expected.map(Math.abs));
      found.forEach((value, i) => {
        expect(Math.abs(value - expected[i])).toBeLessThan(2e-4 * largest);
      });
    }
  },
);

it('layers of zeros merge to layers of zeros', async () => {
  const logits = await merged((name) => (/self_attn|mlp/.test(name) ? 0 : 1));
  expect(logits.every(Number.isFinite)).toBe(true);
});

it('a whole model beyond float16 is refused, naming the tensor', async () => {
  const huge = (name: string) => (name.endsWith('0.mlp.up_proj.weight') ? 2 ** 20 : 1);
  await expect(merged(huge, { output: { dtype: 'F16' } })).rejects.toMatchObject({
    code: 'float16_overflow',
    message: expect.stringMatching(/"model\.layers\.0\.mlp\.up_proj\.weight" of the result reaches -?\d{6}/),
  });
});

it('a float64 source beyond float32, in which whole models are merged, is refused, naming the tensor', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'scale-'));
  const tensors = Object.entries(shapes).map(([name, shape]) => ({
    name,
    shape,
    values: new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(name === 'lm_head.weight' ? 1e300 : 0.1),
    dtype: 'F64' as const,
  }));
  await makeCheckpoint(folder, tensors);
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  const { model } = await openModel(folder);
  await expect(forward(la, model, tokens())).rejects.toMatchObject({
    code: 'float32_overflow',
    message: expect.stringContaining('"lm_head.weight" reaches 1e+300'),
  });
});
