import type { FloatArray } from '../../linalg/contract.js';

/** Draw an index with probability ∝ exp(logits), by inversion. */
export function drawFrom(logits: FloatArray, from: number, size: number, uniform: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let j = from; j < from + size; j++) if (logits[j] > top) top = logits[j];
  let sum = 0;
  for (let j = from; j < from + size; j++) sum += Math.exp(logits[j] - top);
  let left = uniform * sum;
  for (let j = 0; j < size; j++) {
    left -= Math.exp(logits[from + j] - top);
    if (left < 0) return j;
  }
  return size - 1;
}
