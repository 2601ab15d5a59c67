import type { Slot } from '../../../src/families/description.js';
import type { FloatArray, Matrix } from '../../linalg/contract.js';
import { NO_NORM } from '../model.js';
import { averageReaders, type Fold, foldedBias, onesFold, type ReaderSource, stackReaders } from '../readers.js';
import { asRows } from '../selection.js';
import { maskedDecoder } from './masked-decoder.js';
import { decoderOf, linearOf, sourceNorm } from './merge-input.js';
import { joinedNorms, type Merging } from './merging.js';

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
  const { biases: beta } = await joinedNorms(m, k);
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
