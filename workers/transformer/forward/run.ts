import type { Architecture } from '../../../src/families/architecture.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { AttentionReaders, FfnReaders, Linear, Model, Readers } from '../model.js';
import { activate, gated } from './activations.js';
import { attend } from './attention.js';
import { positionIds, type Tokens } from './batch.js';
import { affine, normalise, sameKind } from './norm.js';

/** x·Wᵀ + b (+ `onto`, [rows, out]), a new matrix [rows, out]. The caller disposes it. */
export async function applyLinear(
  la: LinearAlgebra,
  x: Matrix,
  { weight, bias }: Linear,
  onto?: FloatArray,
): Promise<Matrix> {
  if (!bias && !onto) return la.gemm(x, weight, { transB: true });
  const out = await la.receive(x.rows, weight.rows, x.precision, async (values) => {
    if (onto) values.set(onto);
    if (bias) addRow(values, bias, !onto);
  });
  return la.gemm(x, weight, { transB: true, beta: 1, out });
}

/** Every row of `values` plus `row`, or set to it. */
function addRow(values: FloatArray, row: FloatArray, overwrite: boolean): void {
  const width = row.length;
  for (let start = 0; start < values.length; start += width) {
    if (overwrite) values.set(row, start);
    else for (let j = 0; j < width; j++) values[start + j] += row[j];
  }
}

/** Word + position + type rows: stream 0, [tokens, hidden]. Types are all 0. */
export async function embed(la: LinearAlgebra, model: Model, tokens: Tokens): Promise<FloatArray> {
  const { architecture: a } = model;
  const width = a.hidden;
  const word = await la.download(await model.table('word'));
  const position = a.positionOffset === null ? null : await la.download(await model.table('position'));
  const type = a.types > 0 ? await la.download(await model.table('type')) : null;
  const places = position ? positionIds(tokens, a) : null;
  const out = sameKind(word, tokens.ids.length * width);
  for (let i = 0; i < tokens.ids.length; i++) {
    const [from, to] = [tokens.ids[i] * width, i * width];
    for (let j = 0; j < width; j++) out[to + j] = word[from + j];
    if (position && places) {
      const at = places[i] * width;
      for (let j = 0; j < width; j++) out[to + j] += position[at + j];
    }
    if (type) for (let j = 0; j < width; j++) out[to + j] += type[j];
  }
  return out;
}

/** What the writer of a sublayer reads: head outputs [tokens, heads·headDim], or units [tokens, ffn]. */
export async function sublayerHidden(
  la: LinearAlgebra,
  a: Architecture,
  k: number,
  weights: Readers,
  tokens: Tokens,
  input: Matrix,
): Promise<Matrix> {
  return weights.kind === 'attention' ? headOutputs(la, a, k, weights, tokens, input) : units(la, a, weights, input);
}

async function headOutputs(
  la: LinearAlgebra,
  a: Architecture,
  k: number,
  weights: AttentionReaders,
  tokens: Tokens,
  input: Matrix,
): Promise<Matrix> {
  const [q, key, v] = [
    await applyLinear(la, input, weights.q),
    await applyLinear(la, input, weights.k),
    await applyLinear(la, input, weights.v),
  ];
  const shape = { heads: q.cols / a.headDim, kvHeads: key.cols / a.headDim, headDim: a.headDim };
  const out = await attend(la, a, shape, k >> 1, tokens, q, key, v);
  for (const m of [q, key, v]) la.dispose(m);
  return out;
}

async function units(la: LinearAlgebra, a: Architecture, { gate, up }: FfnReaders, input: Matrix): Promise<Matrix> {
  const raised = await applyLinear(la, input, up);
  const values = await la.download(raised);
  const opened = gate ? await applyLinear(la, input, gate) : null;
  const out = opened ? gated(await la.download(opened), values, a.activation) : activate(values, a.activation);
  const { rows, cols } = raised;
  la.dispose(raised);
  if (opened) la.dispose(opened);
  return la.upload(out, rows, cols);
}

/** One norm and, below the last, one sublayer: stream k → normed k → stream k + 1. */
export interface Step {
  k: number;
  /** Stream k before the norm, [tokens, hidden]. */
  stream: FloatArray;
  /** Normalised, gains not applied, and its divisor per token. */
  unit: FloatArray;
  size: Float64Array;
  /** Gains applied: what readers see. */
  normed: FloatArray;
}

/** Norm k of a stream. */
export async function normStep(model: Model, k: number, stream: FloatArray): Promise<Step> {
  const { hidden, norm, epsilon } = model.architecture;
  const { unit, size } = normalise(stream, hidden, norm, epsilon);
  return { k, stream, unit, size, normed: affine(unit, hidden, await model.norm(k)) };
}

export interface Advanced {
  /** Stream k + 1. */
  stream: FloatArray;
  /** Head outputs or units; the caller disposes it. */
  hidden: Matrix;
}

/** Sublayer k: stream k + 1 = carry + writer(hidden), carry being the stream (pre-norm) or the normed one (post-norm). */
export async function advance(la: LinearAlgebra, model: Model, tokens: Tokens, step: Step): Promise<Advanced> {
  const { architecture: a } = model;
  const weights = await model.sublayer(step.k);
  const input = la.upload(step.normed, tokens.ids.length, a.hidden);
  const hidden = await sublayerHidden(la, a, step.k, weights, tokens, input);
  const written = await applyLinear(la, hidden, weights.writer, a.placement === 'pre' ? step.stream : step.normed);
  la.dispose(input);
  return { stream: await la.download(written), hidden };
}

/** Logits [tokens, vocabulary] from the last normed stream; null for models without a head. The caller disposes them. */
export async function logitsOf(la: LinearAlgebra, model: Model, normed: FloatArray): Promise<Matrix | null> {
  const { hidden } = model.architecture;
  const decoder = await model.decoder();
  if (!decoder) return null;
  const input = la.upload(await headInput(la, model, normed), normed.length / hidden, hidden);
  return applyLinear(la, input, decoder);
}

/** What the decoder reads: the normed stream, or the MLM transform of it. */
export async function headInput(la: LinearAlgebra, model: Model, normed: FloatArray): Promise<FloatArray> {
  const { architecture: a } = model;
  const transform = await model.transform();
  if (!transform) return normed;
  const dense = await applyLinear(la, la.upload(normed, normed.length / a.hidden, a.hidden), transform.dense);
  const active = activate(await la.download(dense), a.headActivation);
  la.dispose(dense);
  return affine(normalise(active, a.hidden, 'layer', a.epsilon).unit, a.hidden, transform.norm);
}

/** A whole forward pass. `tap` sees every norm step. @returns logits [tokens, vocabulary], null without a head or when skipped. */
export async function forward(
  la: LinearAlgebra,
  model: Model,
  tokens: Tokens,
  tap?: (step: Step) => void | Promise<void>,
  { skipHead = false } = {},
): Promise<Matrix | null> {
  let stream = await embed(la, model, tokens);
  const last = 2 * model.architecture.layers;
  for (let k = 0; ; k++) {
    const step = await normStep(model, k, stream);
    await tap?.(step);
    if (k === last) return skipHead ? null : logitsOf(la, model, step.normed);
    const next = await advance(la, model, tokens, step);
    la.dispose(next.hidden);
    stream = next.stream;
  }
}
