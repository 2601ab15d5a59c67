import { expect, it } from 'vitest';
import { mergePair } from './fixtures.js';

const MINUTES = 15 * 60_000;

it.each([[[192, 6, 768], 1.78]])(
  'calibrated to %j: mean loss at most %d, sources’ and mean’s as docs/method.md says',
  async (target, bound) => {
    const { mean } = await mergePair('bert', target, 'file');
    expect(mean.result_loss).toBeLessThan(bound);
    const expected = [1.886, 1.807];
    mean.source_losses.forEach((loss, i) => {
      expect(Math.abs(loss! - expected[i])).toBeLessThan(0.002);
    });
    expect(Math.abs(mean.mean_of_sources_loss! - 1.643)).toBeLessThan(0.002);
  },
  MINUTES,
);

it(
  'in closed form at full width: the concatenation, no worse than 1.78',
  async () => {
    const { mean } = await mergePair('bert', [256, 8, 1024], 'none');
    expect(mean.result_loss).toBeLessThan(1.78);
  },
  MINUTES,
);
