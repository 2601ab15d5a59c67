import type { Slot } from '../../../src/families/description.js';
import type { Matrix } from '../../linalg/contract.js';
import { centreRows } from '../centre.js';
import { type Control, checkCancelled } from '../control.js';
import { type Linear, NO_NORM } from '../model.js';
import { absorbed } from './importance.js';
import { decoderOf, linearOf, type MergeInput, sourceNorm } from './merge-input.js';
import { centres } from './merging.js';
import { addUnitTrace, CHUNK_ROWS } from './moment.js';

/**
 * QᵀQ = Σ over readers of Wᵀ·W, each scaled to unit trace, D × D float64: what the neighbouring tensors make of the
 * stream, the other side of `writerMoment` (method.md, section 4). Pre-norm: gains are absorbed, and LayerNorm's mean is
 * taken out; post-norm: readers as they are. Each source's readers see its own part, so they are block diagonal; a causal
 * decoder shares the vocabulary, [a₁·W₁, a₂·W₂], which couples them.
 * Cost rows·d² flops per reader and source, rows·D² of the decoder.
 */
export async function readerMoment(m: MergeInput, { signal }: Control): Promise<Matrix> {
  const { la, plan, sources } = m;
  const widths = plan.sources.map((s) => s.architecture.hidden);
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));
  const total = widths.reduce((a, b) => a + b, 0);
  const moment = la.zeros(total, total, 'float64');
  const add = async (slot: Slot, layer: number | null, k: number) => {
    checkCancelled(signal);
    if (!sources.every((source) => source.has(slot, layer, 'weight'))) return;
    const own = la.zeros(total, total, 'float64');
    for (const [i, source] of sources.entries()) {
      const rows = await effective(m, i, await linearOf(la, source, slot, layer), k);
      const [from, to] = [starts[i], starts[i] + widths[i]];
      await la.syrk(la.view(rows, 0, rows.rows, 0, widths[i]), {
        transpose: true,
        out: la.view(own, from, to, from, to),
      });
      la.dispose(rows);
    }
    await addUnitTrace(la, own, moment);
  };
  for (let layer = 0; layer < plan.target.layers; layer++) {
    for (const slot of ['q', 'k', 'v'] as const) await add(slot, layer, 2 * layer);
    for (const slot of ['gate', 'up'] as const) await add(slot, layer, 2 * layer + 1);
  }
  const last = 2 * plan.target.layers;
  await add('transform', null, last);
  await add('pooler', null, last);
  if (plan.target.head === 'causal') await addUnitTrace(la, await decoderMoment(m, widths, total, last), moment);
  return moment;
}

/** [W·diag(γ), constant] of one source's reader, the mean over the stream taken out where LayerNorm does. */
async function effective(m: MergeInput, i: number, linear: Linear, k: number): Promise<Matrix> {
  const { la, plan } = m;
  const norm = plan.target.placement === 'post' ? NO_NORM : await sourceNorm(m, i, k);
  const rows = await absorbed(la, linear, norm, 'float64');
  la.dispose(linear.weight);
  if (centres(plan)) await centreRows(la, la.view(rows, 0, rows.rows, 0, rows.cols - 1));
  return rows;
}

async function decoderMoment(m: MergeInput, widths: readonly number[], total: number, k: number): Promise<Matrix> {
  const { la, plan, sources } = m;
  const own = la.zeros(total, total, 'float64');
  for (let from = 0; from < plan.target.vocabulary; from += CHUNK_ROWS) {
    const to = Math.min(from + CHUNK_ROWS, plan.target.vocabulary);
    const wide = la.zeros(to - from, total, 'float64');
    let at = 0;
    for (const i of sources.keys()) {
      const rows = await effective(m, i, await decoderOf(m, i, [from, to]), k);
      const part = la.view(wide, 0, to - from, at, at + widths[i]);
      await la.axpy(plan.source_weights[i], la.view(rows, 0, to - from, 0, widths[i]), part);
      la.dispose(rows);
      at += widths[i];
    }
    await la.syrk(wide, { transpose: true, beta: 1, out: own });
    la.dispose(wide);
  }
  return own;
}
