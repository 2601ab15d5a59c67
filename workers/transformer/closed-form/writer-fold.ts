import type { Slot } from '../../../src/families/description.js';
import type { Matrix, Precision } from '../../linalg/contract.js';
import { asRows } from '../selection.js';
import { sharedColumns } from './growth.js';
import { headFold } from './head-fold.js';
import { absorbed } from './importance.js';
import { linearOf, sourceNorm } from './merge-input.js';
import type { Merging } from './merging.js';
import { others, takeColumns } from './pick.js';
import { unitFold } from './unit-fold.js';

/**
 * One source's attention output or FFN down on the heads or units kept, [d_i, kept]: D_k + D_d·F, the dropped columns
 * folded into the kept ones by least squares (F of method.md, section 3, on what the weights say of the activations).
 * Where there are more than the source has: its columns shared out among the copies.
 */
export async function keptWriter(m: Merging, slot: 'o' | 'down', layer: number, i: number): Promise<Matrix> {
  const { la, sources, basis, plan } = m;
  const weight = await sources[i].matrix(slot, layer, 'weight');
  const { heads, kvHeads, headDim } = plan.sources[i].architecture;
  const kept = slot === 'o' ? asRows(basis.groups[layer][i], (headDim * heads) / kvHeads) : basis.units[layer][i];
  if (kept.length === weight.cols) return weight;
  const grows = kept.length > weight.cols;
  const chosen = grows ? await sharedColumns(la, weight, kept) : await takeColumns(la, weight, kept);
  if (!grows && kept.length > 0) {
    const dropped = others(weight.cols, kept);
    const solution = await (slot === 'o' ? headOutputs : units)(m, layer, i, kept, dropped);
    const rest = await takeColumns(la, weight, dropped);
    await la.gemm(rest, solution, { transB: true, beta: 1, out: chosen });
    for (const held of [solution, rest]) la.dispose(held);
  }
  la.dispose(weight);
  return chosen;
}

/** Fᵀ of the FFN's units, [kept, dropped]. */
async function units(m: Merging, layer: number, i: number, kept: readonly number[], dropped: readonly number[]) {
  const order = [...kept, ...dropped];
  const [gate, up] = [
    await opened(m, 'gate', layer, i, 'float32', order),
    (await opened(m, 'up', layer, i, 'float32', order)) as Matrix,
  ];
  const solution = await unitFold(m.la, { gate, up }, kept.length);
  for (const held of [gate, up]) if (held) m.la.dispose(held);
  return solution;
}

/** Fᵀ of the head outputs, [kept, dropped]. */
async function headOutputs(m: Merging, layer: number, i: number, kept: readonly number[], dropped: readonly number[]) {
  const [q, k, v] = [
    await opened(m, 'q', layer, i, 'float64'),
    await opened(m, 'k', layer, i, 'float64'),
    await opened(m, 'v', layer, i, 'float64'),
  ] as Matrix[];
  const solution = await headFold(m.la, m.plan.sources[i].architecture, { q, k, v }, kept, dropped);
  for (const held of [q, k, v]) m.la.dispose(held);
  return solution;
}

/** A reader with its norm absorbed, its constant as one more column; null where there is none. */
async function opened(
  m: Merging,
  slot: Slot,
  layer: number,
  i: number,
  precision: Precision,
  rows?: readonly number[],
): Promise<Matrix | null> {
  const { la, sources } = m;
  if (!sources[i].has(slot, layer, 'weight')) return null;
  const k = 2 * layer + (slot === 'up' || slot === 'gate' ? 1 : 0);
  const linear = await linearOf(la, sources[i], slot, layer);
  const out = await absorbed(la, linear, await sourceNorm(m, i, k), precision, rows);
  la.dispose(linear.weight);
  return out;
}
