import { expect, it } from 'vitest';
import { mergePair } from './fixtures.js';

const MINUTES = 15 * 60_000;

it.each([[[192, 8, 704], 1.51]])(
  'calibrated to %j: mean loss at most %d, sources’ and mean’s as docs/method.md says',
  async (target, bound) => {
    const { mean } = await mergePair('llama', target, 'file');
    expect(mean.result_loss).toBeLessThan(bound);
    const expected = [1.73, 1.61];
    mean.source_losses.forEach((loss, i) => {
      expect(Math.abs(loss! - expected[i])).toBeLessThan(0.002);
    });
    expect(Math.abs(mean.mean_of_sources_loss! - 1.441)).toBeLessThan(0.002);
  },
  MINUTES,
);

it(
  'in closed form: far better than weight PCA of the embedding alone (2.170), better than of all writers (1.762)',
  async () => {
    const { mean } = await mergePair('llama', [192, 8, 704], 'none');
    expect(mean.result_loss).toBeLessThan(1.7);
  },
  MINUTES,
);
