import type { Mt19937 } from '../../../src/random/mt19937.js';
import type { LinearAlgebra } from '../../linalg/contract.js';
import { checkCancelled } from '../control.js';
import type { Model } from '../model.js';
import { drawFrom } from './draw.js';
import { KeyValueCache } from './key-value-cache.js';

/** One place at a time for all rows, with a key-value cache. */
export async function sampleCausal(
  la: LinearAlgebra,
  model: Model,
  rows: number,
  length: number,
  random: Mt19937,
  signal: AbortSignal | undefined,
): Promise<Int32Array> {
  const { vocabulary } = model.architecture;
  const ids = new Int32Array(rows * length);
  const cache = new KeyValueCache(la, model, rows, length);
  for (let r = 0; r < rows; r++) ids[r * length] = random.below(vocabulary);
  for (let place = 0; place + 1 < length; place++) {
    checkCancelled(signal);
    const current = Int32Array.from({ length: rows }, (_, r) => ids[r * length + place]);
    const logits = await cache.step(current, place);
    const values = await la.download(logits);
    for (let r = 0; r < rows; r++)
      ids[r * length + place + 1] = drawFrom(values, r * vocabulary, vocabulary, random.uniform());
    la.dispose(logits);
  }
  return ids;
}
