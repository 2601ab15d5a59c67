import type { GeneratedCalibration } from '../../../src/families/plan.js';
import { Mt19937 } from '../../../src/random/mt19937.js';
import type { LinearAlgebra } from '../../linalg/contract.js';
import type { Control } from '../control.js';
import type { Tokens } from '../forward/batch.js';
import type { Model } from '../model.js';
import { sampleCausal } from './causal.js';
import { sampleMasked } from './masked.js';

/** Sequences sampled side by side: the GEMMs of one place have this many rows. */
const SAMPLED_ROWS = 256;

/**
 * Calibration tokens from the sources themselves, an equal share each, MT19937 seeded: same request, same tokens.
 * Causal models sample at temperature 1 from one random id; masked ones fill a fully masked sequence.
 */
export async function generateTokens(
  la: LinearAlgebra,
  models: readonly Model[],
  { sequences, length, seed, mask_token_id: maskId }: GeneratedCalibration,
  { signal, onProgress }: Control = {},
): Promise<Tokens> {
  const random = new Mt19937(seed);
  const ids = new Int32Array(sequences * length);
  let row = 0;
  for (const [i, model] of models.entries()) {
    const rows = Math.floor(((i + 1) * sequences) / models.length) - Math.floor((i * sequences) / models.length);
    for (let done = 0; done < rows; done += SAMPLED_ROWS) {
      const count = Math.min(SAMPLED_ROWS, rows - done);
      const made =
        model.architecture.head === 'causal'
          ? await sampleCausal(la, model, count, length, random, signal)
          : await sampleMasked(la, model, count, length, maskId, random, signal);
      ids.set(made, row * length);
      row += count;
    }
    onProgress?.({ phase: 'basis', completed: i + 1, total: models.length });
  }
  return { ids, rows: sequences, length };
}
