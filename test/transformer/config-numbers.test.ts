import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringifyAs } from '../../src/checkpoints/spelled-numbers.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { mergeTransformer, verifyOutput } from '../../workers/transformer/index.js';
import { la, openModel } from './support.js';
import { STOCK, writeTiny } from './tiny.js';

/** Numbers that JavaScript would write otherwise, or with other digits. */
const SPELLED = `
  "initializer_range": 1.0,
  "attention_dropout": 0.0,
  "rope_parameters": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 4.0},
  "task_specific_params": {"seed": 12345678901234567890, "tolerances": [1E-5, 1e-06, -0.0, 0.10, {"deep": 2.50}]}`;

it('config.json of a result writes source 1’s numbers as source 1 does', async () => {
  const { config, shapes } = STOCK.llama;
  const folder = await writeTiny({}, shapes, 3);
  const { rms_norm_eps: _, ...rest } = config;
  writeFileSync(
    path.join(folder, 'config.json'),
    `${JSON.stringify(rest).slice(0, -1)}, "rms_norm_eps": 2.0, ${SPELLED}}`,
  );
  const one = await openModel(folder);
  const directory = mkdtempSync(path.join(os.tmpdir(), 'numbers-'));
  const plan = planTransformer({
    sources: [{ label: 'a', config: one.config, tensors: one.reader.tensors }],
    target: { hidden_size: 24 },
  });
  // as a job's record keeps it
  await mergeTransformer(JSON.parse(JSON.stringify(plan)), [one.reader], la, directory);
  await verifyOutput(plan, directory, la);
  const text = readFileSync(path.join(directory, 'config.json'), 'utf8').replace(/\s+/g, ' ');
  for (const part of [
    '"initializer_range": 1.0,',
    '"attention_dropout": 0.0,',
    '"rope_theta": 1000000.0, "factor": 4.0',
    '"seed": 12345678901234567890,',
    '[ 1E-5, 1e-06, -0.0, 0.10, { "deep": 2.50 } ]',
    // ε·d/r = 2.0 · 12/24, a float still
    '"rms_norm_eps": 1.0',
    '"hidden_size": 24,',
  ])
    expect(text).toContain(part);
});

it('says the same as JSON does, whatever the text it is made from', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, other) => {
      const [text, own] = [JSON.stringify(value, null, 2), JSON.parse(JSON.stringify(value))];
      expect(stringifyAs(text, own)).toBe(text);
      expect(JSON.parse(stringifyAs(JSON.stringify(other), own))).toEqual(own);
    }),
  );
});

it('takes the last of two equal keys, and keys named like an object’s own', () => {
  const text = '{"a": 1, "a": 2.0, "__proto__": {"b": 3.0}, "toString": 4.0}';
  const written = stringifyAs(text, JSON.parse(text)).replace(/\s+/g, '');
  expect(written).toBe('{"a":2.0,"__proto__":{"b":3.0},"toString":4.0}');
});
