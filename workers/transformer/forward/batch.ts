import { DataError } from '../../../src/errors.js';
import type { Architecture } from '../../../src/families/architecture.js';
import type { FloatArray } from '../../linalg/contract.js';

/** Token ids [rows, length] of one batch or data set. */
export interface Tokens {
  ids: Int32Array;
  rows: number;
  length: number;
  /** 1 token, 0 padding; absent: no padding. */
  attention?: Uint8Array;
}

/** Tokens per batch: large enough that a GEMM runs at full speed, small enough that activations stay in tens of MB. */
const BATCH_TOKENS = 4096;

/** Rows per batch for sequences of `length`. */
const batchRows = (length: number, tokens = BATCH_TOKENS) => Math.max(1, Math.floor(tokens / length));

export function sliceRows(tokens: Tokens, from: number, to: number): Tokens {
  const { length } = tokens;
  return {
    ids: tokens.ids.subarray(from * length, to * length),
    rows: to - from,
    length,
    attention: tokens.attention?.subarray(from * length, to * length),
  };
}

export interface Batch extends Tokens {
  /** First row of this batch in the data set. */
  first: number;
}

export function* batchesOf(tokens: Tokens, size = BATCH_TOKENS): Generator<Batch> {
  const step = batchRows(tokens.length, size);
  for (let first = 0; first < tokens.rows; first += step)
    yield { ...sliceRows(tokens, first, Math.min(first + step, tokens.rows)), first };
}

/** Tokens that are no padding. */
export const countTokens = ({ ids, attention }: Tokens): number =>
  attention ? attention.reduce((sum, one) => sum + one, 0) : ids.length;

/** ‖x − goal‖² and ‖goal‖² over the rows that are no padding. */
export function squaredDistance(
  x: FloatArray,
  goal: FloatArray,
  width: number,
  attention: Uint8Array | undefined,
): { wrong: number; whole: number } {
  let [wrong, whole] = [0, 0];
  for (let i = 0; i < goal.length; i++) {
    if (attention && !attention[Math.floor(i / width)]) continue;
    wrong += (x[i] - goal[i]) ** 2;
    whole += goal[i] ** 2;
  }
  return { wrong, whole };
}

/** @throws DataError `token_out_of_range`, `sequence_too_long`, `tokens_invalid` where all is padding */
export function checkTokens(tokens: Tokens, a: Architecture, subject: string): void {
  const places = a.positions - (a.positionsSkipPadding ? a.positionOffset! : 0);
  if (a.positionOffset !== null && tokens.length > places)
    throw new DataError(
      'sequence_too_long',
      `${subject} has ${tokens.length} tokens a row; the model has positions for ${places}.`,
    );
  if (countTokens(tokens) === 0)
    throw new DataError('tokens_invalid', `${subject}: its attention mask leaves no token.`);
  const bad = tokens.ids.findIndex((id) => id < 0 || id >= a.vocabulary);
  if (bad >= 0)
    throw new DataError(
      'token_out_of_range',
      `${subject} holds id ${tokens.ids[bad]} in row ${Math.floor(bad / tokens.length)}; the vocabulary has ${a.vocabulary}.`,
    );
}

/** Row of the position table for every token. RoBERTa counts tokens that are not padding, from pad + 1 on. */
export function positionIds(tokens: Tokens, a: Architecture): Int32Array {
  const out = new Int32Array(tokens.ids.length);
  for (let i = 0, count = 0; i < out.length; i++) {
    if (i % tokens.length === 0) count = 0;
    if (!a.positionsSkipPadding) out[i] = i % tokens.length;
    else out[i] = tokens.ids[i] === a.padId ? a.padId : a.positionOffset! + count++;
  }
  return out;
}
