import type { Slot } from '../../../src/families/description.js';
import type { FloatArray, Matrix } from '../../linalg/contract.js';
import { type Linear, NO_NORM } from '../model.js';
import { averageReaders, type Fold, foldedBias, onesFold, type ReaderSource, stackReaders } from '../readers.js';
import { asRows } from '../selection.js';
import { sharedColumns } from './growth.js';
import { joinedNorms, linearOf, type MergeInput, type Merging, sourceNorm } from './merging.js';

/** A reader of the result's stream: the sources' own on the heads or units kept, in terms of the new stream. */
export async function resultReader(
  m: Merging,
  slot: Slot,
  layer: number | null,
  part: 'weight' | 'bias',
  rows?: readonly [number, number],
): Promise<Matrix> {
  const { la, plan } = m;
  if (slot === 'decoder' && plan.target.head === 'masked') return maskedDecoder(m, part, rows);
  const k = layer === null ? 2 * plan.target.layers : 2 * layer + (slot === 'up' || slot === 'gate' ? 1 : 0);
  const fold = await foldAt(m, k, slot === 'decoder');
  const parts: ReaderSource[] = [];
  for (const [i, source] of m.sources.entries()) {
    const linear = slot === 'decoder' ? await decoderOf(m, i, rows) : await linearOf(la, source, slot, layer);
    // post-norm: the normed output is the stream, gains stay in the norm
    const norm = plan.target.placement === 'post' ? NO_NORM : await sourceNorm(m, i, k);
    parts.push({ linear, norm, rows: keptRows(m, slot, layer, i), start: m.starts[i] });
  }
  const folded =
    part === 'bias' ? await biasOf(m, parts, fold, slot === 'decoder') : await weightOf(m, parts, fold, slot);
  for (const { linear } of parts) la.dispose(linear.weight);
  return folded;
}

async function weightOf({ la, plan }: Merging, parts: ReaderSource[], fold: Fold, slot: Slot): Promise<Matrix> {
  const { weight } =
    slot === 'decoder'
      ? await averageReaders(la, parts, plan.source_weights, fold)
      : await stackReaders(la, parts, fold);
  return weight;
}

/** Without the product with the fold. */
async function biasOf({ la, plan }: Merging, parts: ReaderSource[], fold: Fold, averaged: boolean): Promise<Matrix> {
  const own = await Promise.all(parts.map((part) => foldedBias(la, part, fold)));
  const bias = averaged
    ? own[0].map((_, j) => own.reduce((sum, values, i) => sum + plan.source_weights[i] * values[j], 0))
    : own.flatMap((values) => [...values]);
  return la.upload(Float32Array.from(bias), 1, bias.length);
}

/** What readers at norm k see of the result's stream, per source. */
async function foldAt(m: Merging, k: number, decoder: boolean): Promise<Fold> {
  const { plan, basis, fold } = m;
  if (plan.target.placement === 'pre') {
    const scaled: Fold = { matrix: fold, scale: basis.kappa, offset: null, constant: null };
    return decoder && plan.target.norm === 'layer' ? onesFold(scaled, plan.target.hidden) : scaled;
  }
  return { matrix: fold, offset: await lost(m, k), constant: null };
}

/** (I − F·E)·β of norm k: the constant the basis loses, which readers with a bias take over. */
async function lost(m: Merging, k: number): Promise<FloatArray> {
  const { la, fold, expand } = m;
  const beta = await joinedNorms(m, k, 'bias');
  const column = la.upload(Float32Array.from(beta), beta.length, 1);
  const inside = await la.gemm(expand, column);
  const back = await la.download(await la.gemm(fold, inside));
  la.dispose(inside);
  return beta.map((value, i) => value - back[i]);
}

/** Rows of a source's reader that the result keeps; null: all. */
function keptRows({ plan, basis }: Merging, slot: Slot, layer: number | null, i: number): number[] | null {
  const { heads, kvHeads, headDim } = plan.target;
  if (slot === 'q') return asRows(basis.groups[layer!][i], (headDim * heads) / kvHeads);
  if (slot === 'k' || slot === 'v') return asRows(basis.groups[layer!][i], headDim);
  if (slot === 'up' || slot === 'gate') return basis.units[layer!][i];
  if (slot === 'transform') return basis.transform[i];
  return slot === 'pooler' ? basis.pooler[i] : null;
}

/** The decoder's columns on the transform's kept units, averaged over the sources. */
async function maskedDecoder(m: Merging, part: 'weight' | 'bias', rows?: readonly [number, number]): Promise<Matrix> {
  const { la, plan, sources, basis } = m;
  if (part === 'bias') {
    const bias = new Float32Array(plan.target.vocabulary);
    for (const [i, source] of sources.entries()) {
      const own = await la.download(await source.matrix('decoder', null, 'bias'));
      for (let j = 0; j < own.length; j++) bias[j] += plan.source_weights[i] * own[j];
    }
    return la.upload(bias, 1, bias.length);
  }
  const [from, to] = rows ?? [0, plan.target.vocabulary];
  const out = la.zeros(to - from, plan.target.hidden, 'float32');
  let at = 0;
  for (const i of sources.keys()) {
    const { weight } = await decoderOf(m, i, rows);
    const chosen = await sharedColumns(la, weight, basis.transform[i]);
    await la.axpy(plan.source_weights[i], chosen, la.view(out, 0, out.rows, at, at + chosen.cols));
    at += chosen.cols;
    for (const held of [weight, chosen]) la.dispose(held);
  }
  return out;
}

/** The decoder of source i, its word table where tied; `rows` of it, half-open. */
export async function decoderOf(
  { la, plan, sources }: MergeInput,
  i: number,
  rows: readonly [number, number] | undefined,
): Promise<Linear> {
  const source = sources[i];
  const stored = !plan.sources[i].architecture.tied && source.has('decoder', null, 'weight');
  const weight = await source.matrix(stored ? 'decoder' : 'word', null, 'weight', rows);
  const bias = source.has('decoder', null, 'bias')
    ? (await la.download(await source.matrix('decoder', null, 'bias'))).subarray(...(rows ?? []))
    : null;
  return { weight, bias };
}
