import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { centreColumns, centreRows } from '../centre.js';
import { type Control, checkCancelled } from '../control.js';
import type { SlotTensors } from '../model.js';
import { rowSquares } from './importance.js';

/** Rows of a table read at a time: 8192 × 1536 float64 is 100 MB at most. */
export const CHUNK_ROWS = 4096;

export type Table = 'word' | 'position' | 'type';

/** The tables that write the stream, with their rows; those of relative positions have none. */
export const tablesOf = ({ target }: TransformerPlan): (readonly [Table, number])[] => [
  ['word', target.vocabulary],
  ['position', target.positionOffset === null ? 0 : target.positions],
  ['type', target.types],
];

/**
 * Mean norm of source 1's word rows over each source's: the scale of a pre-norm stream is free, this brings the sources
 * to one. Source 1 keeps its own, so that ε inside its norms keeps its meaning.
 */
export async function streamScales(
  la: LinearAlgebra,
  plan: TransformerPlan,
  sources: readonly SlotTensors[],
): Promise<number[]> {
  if (plan.target.placement === 'post') return sources.map(() => 1);
  const sizes: number[] = [];
  for (const source of sources) {
    let sum = 0;
    for (let from = 0; from < plan.target.vocabulary; from += CHUNK_ROWS) {
      const to = Math.min(from + CHUNK_ROWS, plan.target.vocabulary);
      const rows = await source.matrix('word', null, 'weight', [from, to]);
      if (plan.target.norm === 'layer') await centreRows(la, rows);
      for (const squares of await rowSquares(la, rows)) sum += Math.sqrt(squares / rows.cols);
      source.release(rows);
    }
    sizes.push(sum > 0 ? sum : 1);
  }
  return sizes.map((size) => sizes[0] / size);
}

/**
 * C = Σ over writers of W·Wᵀ, each scaled to unit trace (method.md, sections 3 and 5), D × D float64. Tables share their
 * entries between sources, so their blocks couple; layers' writers are block diagonal. Where LayerNorm takes the mean
 * out, that is done to the Grams: P·(W·Wᵀ)·P costs a layer's width where P·W costs its inputs.
 */
export async function writerMoment(
  la: LinearAlgebra,
  plan: TransformerPlan,
  sources: readonly SlotTensors[],
  scale: readonly number[],
  { signal }: Control,
): Promise<Matrix> {
  const widths = plan.sources.map((s) => s.architecture.hidden);
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));
  const total = widths.reduce((a, b) => a + b, 0);
  const moment = la.zeros(total, total, 'float64');
  const centred = plan.target.norm === 'layer';
  const block = (of: Matrix, i: number, j: number) =>
    la.view(of, starts[i], starts[i] + widths[i], starts[j], starts[j] + widths[j]);
  for (const [table, rows] of tablesOf(plan)) {
    const own = la.zeros(total, total, 'float64');
    const wide = la.zeros(Math.min(rows, CHUNK_ROWS), total, 'float64');
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      checkCancelled(signal);
      const count = Math.min(CHUNK_ROWS, rows - from);
      for (const [i, source] of sources.entries()) {
        const entries = await source.matrix(table, null, 'weight', [from, from + count]);
        await la.copy(entries, la.view(wide, 0, count, starts[i], starts[i] + widths[i]));
        source.release(entries);
      }
      await la.syrk(la.view(wide, 0, count, 0, total), { transpose: true, beta: 1, out: own });
    }
    la.dispose(wide);
    for (const i of widths.keys()) for (const j of widths.keys()) await shape(block(own, i, j), scale[i] * scale[j]);
    await addUnitTrace(la, own, moment);
  }
  for (let layer = 0; layer < plan.target.layers; layer++)
    for (const slot of ['o', 'down'] as const) {
      checkCancelled(signal);
      const grams: Matrix[] = [];
      for (const [i, source] of sources.entries()) {
        const weight = await source.matrix(slot, layer, 'weight');
        const wide = await la.cast(weight, 'float64');
        grams.push(await la.syrk(wide));
        await shape(grams[i], scale[i] ** 2);
        source.release(weight);
        la.dispose(wide);
      }
      const traces = await Promise.all(grams.map((gram) => traceOf(la, gram)));
      const trace = traces.reduce((a, b) => a + b, 0);
      for (const [i, gram] of grams.entries()) {
        if (trace > 0) await la.axpy(1 / trace, gram, block(moment, i, i));
        la.dispose(gram);
      }
    }
  return moment;

  async function shape(gram: Matrix, factor: number): Promise<void> {
    if (centred) await centreRows(la, gram);
    if (centred) await centreColumns(la, gram);
    if (factor !== 1) await la.scaleRows(gram, new Float64Array(gram.rows).fill(factor));
  }
}

/** moment += own / trace(own); `own` is disposed. */
export async function addUnitTrace(la: LinearAlgebra, own: Matrix, moment: Matrix): Promise<void> {
  const trace = await traceOf(la, own);
  if (trace > 0) await la.axpy(1 / trace, own, moment);
  la.dispose(own);
}

const traceOf = (la: LinearAlgebra, a: Matrix): Promise<number> =>
  la.inspect(a, (values) => {
    let trace = 0;
    for (let i = 0; i < a.rows; i++) trace += values[i * a.cols + i];
    return trace;
  });
