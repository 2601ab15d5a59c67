import type { TransformerPlan } from '../../../src/families/plan.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { sideBySide } from '../calibrated/joint.js';
import { type Control, checkCancelled } from '../control.js';
import type { SlotTensors } from '../model.js';

/** Rows of a table read at a time: 8192 × 1536 float64 is 100 MB at most. */
export const CHUNK_ROWS = 4096;

const starts = (widths: readonly number[]) => widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));

/** Subtract from every row (a table's entry) its mean: what LayerNorm does anyway. In place. */
export function centreRows(values: FloatArray, width: number): void {
  for (let start = 0; start < values.length; start += width) {
    let mean = 0;
    for (let j = start; j < start + width; j++) mean += values[j] / width;
    for (let j = start; j < start + width; j++) values[j] -= mean;
  }
}

/** Subtract from every column (one input's effect on the stream) its mean. In place. */
export function centreColumns(values: FloatArray, width: number): void {
  const mean = new Float64Array(width);
  const rows = values.length / width;
  for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) mean[j] += values[i * width + j] / rows;
  for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) values[i * width + j] -= mean[j];
}

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
  const sizes = await Promise.all(
    sources.map(async (source, i) => {
      const width = plan.sources[i].architecture.hidden;
      let sum = 0;
      for await (const chunk of tableChunks(la, source, 'word', plan.target.vocabulary)) {
        if (plan.target.norm === 'layer') centreRows(chunk.values, width);
        for (let start = 0; start < chunk.values.length; start += width) {
          let squares = 0;
          for (let j = start; j < start + width; j++) squares += chunk.values[j] ** 2;
          sum += Math.sqrt(squares / width);
        }
      }
      return sum > 0 ? sum : 1;
    }),
  );
  return sizes.map((size) => sizes[0] / size);
}

export async function* tableChunks(
  la: LinearAlgebra,
  source: SlotTensors,
  slot: 'word' | 'position' | 'type',
  rows: number,
) {
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const to = Math.min(from + CHUNK_ROWS, rows);
    const matrix = await source.matrix(slot, null, 'weight', [from, to]);
    yield { from, to, values: (await la.download(matrix)) as Float32Array };
    la.dispose(matrix);
  }
}

/**
 * C = Σ over writers of W·Wᵀ, each scaled to unit trace (method.md, sections 3 and 5), D × D float64. Tables share their
 * entries between sources, so their blocks couple; layers' writers are block diagonal.
 */
export async function writerMoment(
  la: LinearAlgebra,
  plan: TransformerPlan,
  sources: readonly SlotTensors[],
  scale: readonly number[],
  { signal }: Control,
): Promise<Matrix> {
  const widths = plan.sources.map((s) => s.architecture.hidden);
  const total = widths.reduce((a, b) => a + b, 0);
  const moment = la.zeros(total, total, 'float64');
  const centre = plan.target.norm === 'layer';
  for (const [slot, rows] of [
    ['word', plan.target.vocabulary],
    ['position', plan.target.positionOffset === null ? 0 : plan.target.positions],
    ['type', plan.target.types],
  ] as const) {
    const own = la.zeros(total, total, 'float64');
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      checkCancelled(signal);
      const to = Math.min(from + CHUNK_ROWS, rows);
      const parts: Float32Array[] = [];
      for (const [i, source] of sources.entries()) {
        const values = (await la.download(await source.matrix(slot, null, 'weight', [from, to]))) as Float32Array;
        if (centre) centreRows(values, widths[i]);
        parts.push(scale[i] === 1 ? values : values.map((v) => v * scale[i]));
      }
      const wide = la.upload(new Float64Array(sideBySide(parts, widths, to - from)), to - from, total);
      await la.syrk(wide, { transpose: true, beta: 1, out: own });
      la.dispose(wide);
    }
    await addUnitTrace(la, own, moment);
  }
  for (let layer = 0; layer < plan.target.layers; layer++)
    for (const slot of ['o', 'down'] as const) {
      checkCancelled(signal);
      const own = la.zeros(total, total, 'float64');
      for (const [i, source] of sources.entries()) {
        const weight = await la.cast(await source.matrix(slot, layer, 'weight'), 'float64');
        const values = await la.download(weight);
        const centredWeight = la.upload(values.slice(), weight.rows, weight.cols);
        if (centre) centreColumns((await la.download(centredWeight)) as Float64Array, weight.cols);
        const at = starts(widths)[i];
        const block = la.view(own, at, at + widths[i], at, at + widths[i]);
        await la.syrk(centredWeight, { alpha: scale[i] ** 2, out: block });
        la.dispose(centredWeight);
        la.dispose(weight);
      }
      await addUnitTrace(la, own, moment);
    }
  return moment;
}

/** moment += own / trace(own); `own` is disposed. */
export async function addUnitTrace(la: LinearAlgebra, own: Matrix, moment: Matrix): Promise<void> {
  const values = await la.download(own);
  let trace = 0;
  for (let i = 0; i < own.rows; i++) trace += values[i * own.rows + i];
  if (trace > 0) await la.axpy(1 / trace, own, moment);
  la.dispose(own);
}
