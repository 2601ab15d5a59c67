import { expect, it } from 'vitest';
import { mergePair } from './fixtures.js';

const MINUTES = 15 * 60_000;

it(
  'in closed form: far better than weight PCA of the embedding alone (2.170), better than of all writers (1.762)',
  async () => {
    const { mean } = await mergePair('llama', [192, 8, 704], 'none');
    expect(mean.result_loss).toBeLessThan(1.7);
  },
  MINUTES,
);
