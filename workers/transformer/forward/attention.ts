import type { Architecture } from '../../../src/families/architecture.js';
import { visible } from '../../../src/families/attention-window.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Tokens } from './batch.js';
import { expNegative } from './exp.js';
import { rotate, type Turning, turning } from './rotary.js';

/** Sizes of one attention: those of a source, or of the heads a merge kept. */
export interface HeadShape {
  heads: number;
  kvHeads: number;
  headDim: number;
}

/**
 * softmax(q·kᵀ/√headDim + mask)·v per sequence and head; q [tokens, heads·headDim], k and v [tokens, kvHeads·headDim],
 * tokens = rows·length; returns [tokens, heads·headDim]. Query head h reads kv head ⌊h·kvHeads/heads⌋.
 * Cost 4·tokens·length·heads·headDim flops in one pair of small GEMMs per sequence and head.
 */
export async function attend(
  la: LinearAlgebra,
  a: Architecture,
  shape: HeadShape,
  layer: number,
  tokens: Tokens,
  q: Matrix,
  k: Matrix,
  v: Matrix,
): Promise<Matrix> {
  const { length: t } = tokens;
  const { heads, kvHeads, headDim } = shape;
  const turn = a.rotary && turning(a.rotary, headDim, t);
  const [qr, kr] = [await rotated(la, turn, t, q), await rotated(la, turn, t, k)];
  const out = la.zeros(q.rows, heads * headDim, q.precision);
  const scores = la.zeros(heads * t, t, q.precision);
  const seen = Array.from({ length: t }, (_, place) => visible(a, layer, place, t));
  for (let row = 0; row < tokens.rows; row++) {
    const [r0, r1] = [row * t, (row + 1) * t];
    const part = (m: Matrix, head: number) => la.view(m, r0, r1, head * headDim, (head + 1) * headDim);
    const kv = (head: number) => Math.floor((head * kvHeads) / heads);
    for (let h = 0; h < heads; h++)
      await la.gemm(part(qr, h), part(kr, kv(h)), {
        transB: true,
        alpha: 1 / Math.sqrt(headDim),
        out: la.view(scores, h * t, (h + 1) * t, 0, t),
      });
    const mask = tokens.attention?.subarray(r0, r1);
    const raw = await la.download(scores);
    const weights = await la.receive(heads * t, t, q.precision, async (out) => {
      softmaxRows(raw, out, seen, mask);
    });
    for (let h = 0; h < heads; h++)
      await la.gemm(la.view(weights, h * t, (h + 1) * t, 0, t), part(v, kv(h)), { out: part(out, h) });
    la.dispose(weights);
  }
  la.dispose(scores);
  if (qr !== q) la.dispose(qr);
  if (kr !== k) la.dispose(kr);
  return out;
}

async function rotated(la: LinearAlgebra, turn: Turning | null, length: number, x: Matrix): Promise<Matrix> {
  if (!turn) return x;
  return la.upload(
    rotate(await la.download(x), x.cols, turn, (i) => i % length),
    x.rows,
    x.cols,
  );
}

/**
 * Row i of every t × t block sees [from, to) = seen[i] of its sequence, less padding; rows that see nothing become zero.
 * Float32 by `expNegative`, float64 exactly. Writes all of `out`.
 */
function softmaxRows(
  scores: FloatArray,
  out: FloatArray,
  seen: readonly (readonly [number, number])[],
  mask: Uint8Array | undefined,
): void {
  const exp = scores instanceof Float64Array ? Math.exp : expNegative;
  const t = seen.length;
  for (let start = 0; start < scores.length; start += t) {
    const [from, to] = seen[(start / t) % t];
    let top = Number.NEGATIVE_INFINITY;
    for (let j = from; j < to; j++) if (scores[start + j] > top && (!mask || mask[j])) top = scores[start + j];
    let sum = 0;
    if (from > 0 || to < t) out.fill(0, start, start + t);
    for (let j = from; j < to; j++) {
      const e = mask && !mask[j] ? 0 : exp(scores[start + j] - top);
      out[start + j] = e;
      sum += e;
    }
    const scale = sum > 0 ? 1 / sum : 0;
    for (let j = from; j < to; j++) out[start + j] *= scale;
  }
}
