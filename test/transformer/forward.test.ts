import { expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { sliceRows } from '../../workers/transformer/forward/batch.js';
import { forward } from '../../workers/transformer/forward/run.js';
import { columns, FIXTURES, fixture, integers, la } from './support.js';

it.each(['bert-a', 'bert-b', 'llama-a', 'llama-b'])('%s gives the stored logits within 1e-3', async (name) => {
  const { model } = await fixture(name);
  const stored = await CheckpointReader.open(`${FIXTURES}logits.safetensors`);
  const expected = await stored.floats(name, 'float32');
  await stored.close();
  const ids = name.startsWith('bert')
    ? await integers('bert.eval.eng.ids')
    : columns(await integers('llama.eval.eng'), 0, 64);
  const logits = await la.download((await forward(la, model, sliceRows(ids, 0, 2)))!);
  expect(logits.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < logits.length; i++) worst = Math.max(worst, Math.abs(logits[i] - expected[i]));
  expect(worst).toBeLessThan(1e-3);
});
