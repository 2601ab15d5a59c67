import { describe, expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { evaluateTransformer } from '../../workers/transformer/evaluate/evaluate.js';
import { labelledProbe, nextIdProbe } from '../../workers/transformer/evaluate/loss.js';
import { readIntegers } from '../../workers/transformer/tokens.js';
import { makeCheckpoint } from '../support/checkpoint.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';
import { fixture, la } from './support.js';

const root = temporaryFolder();

describe('a probe', () => {
  it('with a label that the vocabulary does not have is refused, unless the place is not counted', async () => {
    const { model } = await fixture('bert-a');
    const { vocabulary, hidden } = model.architecture;
    const identity = new Float32Array(hidden * hidden);
    for (let i = 0; i < hidden; i++) identity[i * hidden + i] = 1;
    const tokens = { ids: Int32Array.of(5, 6, 7, 8), rows: 2, length: 2 };
    const loss = async (labels: Int32Array, mask?: number[]) => {
      const probes = [labelledProbe('p', tokens, labels, mask)];
      const expand = la.upload(identity, hidden, hidden);
      const input = { sources: [model], result: model, expand, source_weights: [1], probes };
      return (await evaluateTransformer(la, input)).mean.result_loss;
    };
    const beyond = Int32Array.of(5, 6, vocabulary, 8);
    await expect(loss(beyond)).rejects.toMatchObject({
      code: 'token_out_of_range',
      message: expect.stringContaining(`label ${vocabulary} in row 1`),
    });
    expect(await loss(beyond, [1, 1, 0, 1])).toBe(await loss(Int32Array.of(5, 6, -100, 8)));
  });

  it('with an integer beyond 32 bits is refused, not read as another', async () => {
    const values = [0, 1, 2 ** 32 + 1, -(2 ** 31)];
    const folder = subfolder(root);
    await makeCheckpoint(folder, [
      { name: 'wide', shape: [2, 2], values, dtype: 'I64' },
      { name: 'narrow', shape: [2, 2], values: [0, 1, -100, 2 ** 31 - 1], dtype: 'I64' },
    ]);
    const reader = await CheckpointReader.open(folder);
    try {
      expect([...(await readIntegers(reader, 'narrow')).values]).toEqual([0, 1, -100, 2 ** 31 - 1]);
      await expect(readIntegers(reader, 'wide')).rejects.toMatchObject({
        code: 'tokens_invalid',
        message: expect.stringContaining('4294967297'),
      });
    } finally {
      await reader.close();
    }
  });
});

it('reads a row’s last id where places see what follows them, and counts nothing there', () => {
  const ids = { ids: Int32Array.of(5, 6, 7, 8, 9, 0), rows: 2, length: 3, attention: Uint8Array.of(1, 1, 1, 1, 1, 0) };
  const causal = nextIdProbe('ids', ids);
  expect([causal.tokens.length, [...causal.labels]]).toEqual([2, [6, 7, 9, -1]]);
  const bidirectional = nextIdProbe('ids', ids, false);
  expect([...bidirectional.tokens.ids]).toEqual([...ids.ids]);
  expect([...bidirectional.tokens.attention!]).toEqual([...ids.attention]);
  expect([...bidirectional.labels]).toEqual([6, 7, -1, 9, -1, -1]);
});
