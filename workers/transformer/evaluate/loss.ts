import { DataError } from '../../../src/errors.js';
import type { FloatArray } from '../../linalg/contract.js';
import type { Tokens } from '../forward/batch.js';

/** Tokens with what to predict: the next id (causal), or `labels` where `mask` is set. */
export interface Probe {
  name: string;
  tokens: Tokens;
  /** Id each place should give; < 0: not counted. */
  labels: Int32Array;
}

/**
 * The next id of each row; the last place has nothing to predict. Where every place sees every other (`causal` false),
 * the last id is read all the same: the others' outputs depend on it.
 */
export function nextIdProbe(name: string, ids: Tokens, causal = true): Probe {
  const length = causal ? ids.length - 1 : ids.length;
  const inputs = new Int32Array(ids.rows * length);
  const labels = new Int32Array(ids.rows * length);
  const attention = ids.attention ? new Uint8Array(ids.rows * length) : undefined;
  for (let r = 0; r < ids.rows; r++)
    for (let t = 0; t < length; t++) {
      const [from, to] = [r * ids.length + t, r * length + t];
      inputs[to] = ids.ids[from];
      const last = t === ids.length - 1;
      const counted = !last && (!ids.attention || (ids.attention[from] && ids.attention[from + 1]));
      labels[to] = counted ? ids.ids[from + 1] : -1;
      if (attention) attention[to] = ids.attention![from];
    }
  return { name, tokens: { ids: inputs, rows: ids.rows, length, attention }, labels };
}

/** Labels as given, where `mask` (default: labels ≥ 0) says so and there is a token. */
export function labelledProbe(name: string, tokens: Tokens, labels: Int32Array, mask?: ArrayLike<number>): Probe {
  const { attention } = tokens;
  const counts = (i: number) => (!mask || mask[i]) && (!attention || attention[i]);
  return { name, tokens, labels: mask || attention ? labels.map((label, i) => (counts(i) ? label : -1)) : labels };
}

/** @throws DataError `token_out_of_range` for a counted label that the vocabulary does not have */
export function checkLabels({ name, labels, tokens }: Probe, vocabulary: number): void {
  const bad = labels.findIndex((label) => label >= vocabulary);
  if (bad < 0) return;
  const row = Math.floor(bad / tokens.length);
  throw new DataError(
    'token_out_of_range',
    `Probe "${name}" holds the label ${labels[bad]} in row ${row}; the vocabulary has ${vocabulary}.`,
  );
}

/** log Σ exp of one row of logits. */
export function logSumExp(logits: FloatArray, from: number, to: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let j = from; j < to; j++) if (logits[j] > top) top = logits[j];
  let sum = 0;
  for (let j = from; j < to; j++) sum += Math.exp(logits[j] - top);
  return top + Math.log(sum);
}

/** Mean cross-entropy, in nats, over counted places. */
export class LossMeter {
  private sum = 0;
  private count = 0;

  add(logits: FloatArray, vocabulary: number, labels: Int32Array): void {
    for (let t = 0; t < labels.length; t++) {
      if (labels[t] < 0) continue;
      const from = t * vocabulary;
      this.sum += logSumExp(logits, from, from + vocabulary) - logits[from + labels[t]];
      this.count++;
    }
  }

  /** null when nothing was counted. */
  get mean(): number | null {
    return this.count === 0 ? null : this.sum / this.count;
  }
}
