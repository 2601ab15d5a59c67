import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { forward } from '../../workers/transformer/forward/run.js';
import { KeyValueCache } from '../../workers/transformer/generate/key-value-cache.js';
import { mergeTransformer, verifyOutput } from '../../workers/transformer/index.js';
import { FIXTURES, la, openModel } from './support.js';

const FAMILIES = `${FIXTURES}families/`;
const NAMES = readdirSync(FAMILIES).filter((name) => !name.includes('.'));
const TOLERANCE = 1e-4;

async function expectedOf(name: string) {
  const reader = await CheckpointReader.open(`${FAMILIES}${name}/expected.safetensors`);
  const [rows, length] = reader.tensors.get('tokens')!.shape;
  const bytes = await reader.bytes('tokens');
  const ids = Int32Array.from(new BigInt64Array(bytes.slice().buffer), Number);
  const values = (tensor: string) => reader.floats(tensor, 'float32');
  return {
    tokens: { ids, rows, length },
    values,
    has: (tensor: string) => reader.tensors.has(tensor),
    close: () => reader.close(),
  };
}

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]));
  return worst;
}

describe('what transformers computes, within 1e-4', () => {
  it.each(NAMES)('%s: logits and every hidden state', async (name) => {
    const { model, architecture: a } = await openModel(`${FAMILIES}${name}`);
    const expected = await expectedOf(name);
    const states: ArrayLike<number>[] = [];
    const logits = await forward(la, model, expected.tokens, ({ k, stream, normed }) => {
      // State n is the stream after layer n, normed where the norm comes after, and at the end.
      if (k % 2 === 0) states.push(a.placement === 'post' || k === 2 * a.layers ? normed : stream);
    });
    for (const [k, state] of states.entries())
      expect(furthest(state, await expected.values(`hidden.${k}`))).toBeLessThan(TOLERANCE);
    if (logits) expect(furthest(await la.download(logits), await expected.values('logits'))).toBeLessThan(TOLERANCE);
    else expect(furthest(states.at(-1)!, await expected.values('last_hidden_state'))).toBeLessThan(TOLERANCE);
    expect(logits !== null).toBe(expected.has('logits'));
    await expected.close();
  });

  const causal = NAMES.filter((name) => !name.includes('bert'));
  it.each(causal)('%s: logits token by token, with the key-value cache', async (name) => {
    const { model } = await openModel(`${FAMILIES}${name}`);
    const { tokens, values, close } = await expectedOf(name);
    const { rows, length, ids } = tokens;
    const whole = existsSync(`${FAMILIES}${name}/stepwise.safetensors`) ? await stepwise(name) : await values('logits');
    const cache = new KeyValueCache(la, model, rows, length);
    const width = whole.length / (rows * length);
    for (let place = 0; place < length; place++) {
      const logits = await la.download(
        await cache.step(
          Int32Array.from({ length: rows }, (_, r) => ids[r * length + place]),
          place,
        ),
      );
      for (let r = 0; r < rows; r++) {
        const from = (r * length + place) * width;
        expect(furthest(logits.subarray(r * width, (r + 1) * width), whole.subarray(from, from + width))).toBeLessThan(
          TOLERANCE,
        );
      }
    }
    await close();
  });
});

it.each(NAMES)('%s: its result at full width gives the same, read by its own config.json', async (name) => {
  const { config, reader } = await openModel(`${FAMILIES}${name}`);
  const plan = planTransformer({ sources: [{ label: name, config, tensors: reader.tensors }], target: {} });
  const directory = mkdtempSync(path.join(os.tmpdir(), 'family-'));
  await mergeTransformer(plan, [reader], la, directory);
  await verifyOutput(plan, directory, la);
  const { model } = await openModel(directory);
  const { tokens, values, close } = await expectedOf(name);
  const logits = await forward(la, model, tokens);
  if (logits) expect(furthest(await la.download(logits), await values('logits'))).toBeLessThan(TOLERANCE);
  await close();
  rmSync(directory, { recursive: true });
});

/** The library's own with its cache: where the length of the sequence counts, not what one pass over all gives. */
async function stepwise(name: string) {
  const reader = await CheckpointReader.open(`${FAMILIES}${name}/stepwise.safetensors`);
  const logits = await reader.floats('logits', 'float32');
  await reader.close();
  return logits;
}
