import { expect, it } from 'vitest';
import { mergePair } from '../transformer/fixtures.js';

// The figures of docs/transformers.md beyond those of the ordinary tests: each takes minutes on two cores.
const MINUTES = 30 * 60_000;

it.each<['bert' | 'llama', number[], number]>([
  ['bert', [256, 8, 1024], 1.72],
  ['llama', [192, 6, 528], 1.65],
  ['llama', [256, 8, 704], 1.46],
])(
  '%s calibrated to %j: mean loss at most %d',
  async (family, target, bound) => {
    const { mean } = await mergePair(family, target, 'file');
    console.log(family, target, mean);
    expect(mean.result_loss).toBeLessThan(bound);
  },
  MINUTES,
);

it.each<['bert' | 'llama', number[], number, number]>([
  ['bert', [192, 6, 768], 256, 1.8],
  ['llama', [192, 8, 704], 512, 1.52],
])(
  '%s to %j on text the sources wrote, %i sequences: at most %d',
  async (family, target, sequences, bound) => {
    const { mean } = await mergePair(family, target, { generate: { sequences } });
    console.log(family, target, mean);
    expect(mean.result_loss).toBeLessThan(bound);
  },
  MINUTES,
);
