import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { TransformerTensorMetrics } from '../../../src/schemas/metrics.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { centreColumns, centreRows } from '../centre.js';
import { centres } from '../closed-form/merging.js';
import { CHUNK_ROWS, type Table, tablesOf } from '../closed-form/moment.js';
import { others, takeRows } from '../closed-form/pick.js';
import { type Control, checkCancelled } from '../control.js';
import type { SlotTensors } from '../model.js';
import { asRows, type Kept } from '../selection.js';
import { Projection } from './projection.js';
import { Tally } from './tally.js';

/** What a merge decided, as its files state it. */
export interface MergeBases {
  /** E, [r, D] float32. */
  expand: Matrix;
  /** F, [D, r] float32; null where every norm has its own. */
  fold: Matrix | null;
  /** Scale of each source in the joint stream. */
  scale: readonly number[];
  groups: readonly Kept[];
  units: readonly Kept[];
  transform: Kept;
  pooler: Kept;
}

export interface WeightErrorInput {
  plan: TransformerPlan;
  sources: readonly SlotTensors[];
  bases: MergeBases;
}

const SELECTED: readonly Slot[] = ['q', 'k', 'v', 'gate', 'up'];

/**
 * W − F·E·W for every tensor of the result that writes a reduced space, from the sources' own weights, read once more
 * (docs/method.md, section 7). The residual space: dense E, W at the joint stream's scale, centred where LayerNorm subtracts
 * the mean. Heads, units, transform, pooler: E selects rows, so the error is the rows left out.
 */
export async function weightErrors(
  la: LinearAlgebra,
  input: WeightErrorInput,
  { signal }: Control = {},
): Promise<TransformerTensorMetrics[]> {
  const { plan } = input;
  const tallies = new Map<string, Tally>();
  const tallyOf = (slot: Slot, layer: number | null) => {
    const tensor = plan.tensors.find((t) => t.slots?.includes(slot) && t.layer === layer && t.part === 'weight');
    if (!tensor) return undefined;
    const shapes = plan.sources.map(({ bindings }) => bindings.find((b) => b.canonical === tensor.name)?.shape ?? []);
    const tally = tallies.get(tensor.name) ?? new Tally(tensor, shapes);
    tallies.set(tensor.name, tally);
    return tally;
  };
  const total = plan.sources.reduce((sum, s) => sum + s.architecture.hidden, 0);
  if (plan.target.hidden < total) {
    const projection = await Projection.of(la, input.bases.expand, centres(plan));
    for (const [table, rows] of tablesOf(plan))
      if (rows > 0) await tableErrors(la, input, projection, [table, rows], tallyOf(table, null)!, signal);
    for (let layer = 0; layer < plan.target.layers; layer++)
      for (const slot of ['o', 'down'] as const) {
        checkCancelled(signal);
        await writerErrors(la, input, projection, slot, layer, tallyOf(slot, layer)!);
      }
    projection.dispose();
  }
  await selectionErrors(la, input, tallyOf, signal);
  return [...tallies.values()].filter(({ empty }) => !empty).map((tally) => tally.metrics(plan.mode));
}

/** As the basis sees its writers, post-norm too. */
const centred = ({ target }: TransformerPlan) => target.norm === 'layer';

async function tableErrors(
  la: LinearAlgebra,
  { plan, sources, bases }: WeightErrorInput,
  projection: Projection,
  [table, rows]: readonly [Table, number],
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<void> {
  const widths = plan.sources.map((s) => s.architecture.hidden);
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width, 0));
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    checkCancelled(signal);
    const count = Math.min(CHUNK_ROWS, rows - from);
    const wide = la.zeros(count, projection.total, 'float32');
    for (const [i, source] of sources.entries()) {
      const entries = await source.matrix(table, null, 'weight', [from, from + count]);
      if (centred(plan)) await centreRows(la, entries);
      await la.axpy(bases.scale[i], entries, la.view(wide, 0, count, starts[i], starts[i] + widths[i]));
      source.release(entries);
    }
    tally.weigh(await la.norms(wide));
    const error = await projection.rowsOff(wide);
    for (const [i, width] of widths.entries())
      tally.add(
        i,
        await la.norms(la.view(error, 0, count, starts[i], starts[i] + width)),
        width * count,
        bases.scale[i],
      );
    for (const m of [wide, error]) la.dispose(m);
  }
}

/** Block diagonal: source j's columns lose to its own rows, and spill into the other sources' (mode diag). */
async function writerErrors(
  la: LinearAlgebra,
  { plan, sources, bases }: WeightErrorInput,
  projection: Projection,
  slot: 'o' | 'down',
  layer: number,
  tally: Tally,
): Promise<void> {
  const widths = plan.sources.map((s) => s.architecture.hidden);
  for (const [j, source] of sources.entries()) {
    const weight = await source.matrix(slot, layer, 'weight');
    if (centred(plan)) await centreColumns(la, weight);
    if (bases.scale[j] !== 1) await la.scaleRows(weight, new Float64Array(weight.rows).fill(bases.scale[j]));
    tally.weigh(await la.norms(weight));
    let at = 0;
    const from = widths.slice(0, j).reduce((sum, width) => sum + width, 0);
    const inside = await projection.inside(weight, from);
    for (const [i, width] of widths.entries()) {
      if (i === j || plan.mode === 'diag') {
        const error = await projection.columnsOff(inside, at, width, i === j ? weight : null);
        const norms = await la.norms(error);
        if (i === j) tally.add(i, norms, width * weight.cols, bases.scale[i]);
        else tally.spill(norms, width * weight.cols, bases.scale[i]);
        la.dispose(error);
      }
      at += width;
    }
    for (const m of [inside, weight]) la.dispose(m);
  }
}

async function selectionErrors(
  la: LinearAlgebra,
  { plan, sources, bases }: WeightErrorInput,
  tallyOf: (slot: Slot, layer: number | null) => Tally | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { headDim, heads, kvHeads, layers } = plan.target;
  const add = async (slot: Slot, layer: number | null, kept: (i: number) => readonly number[]) => {
    const matrices = sources.every((s) => s.has(slot, layer, 'weight'));
    if (!matrices) return;
    const tally = tallyOf(slot, layer);
    for (const [i, source] of sources.entries()) {
      const weight = await source.matrix(slot, layer, 'weight');
      const lost = await takeRows(la, weight, others(weight.rows, kept(i)));
      tally?.weigh(await la.norms(weight));
      tally?.add(i, await la.norms(lost), 0, 1);
      tally?.widen(i, weight.rows, weight.cols);
      la.dispose(lost);
      la.dispose(weight);
    }
  };
  const reduced = (of: (a: TransformerPlan['target']) => number) =>
    of(plan.target) < plan.sources.reduce((sum, s) => sum + of(s.architecture), 0);
  for (let layer = 0; layer < layers; layer++)
    for (const slot of SELECTED) {
      checkCancelled(signal);
      const unit = slot === 'gate' || slot === 'up';
      if (!reduced((a) => (unit ? a.ffn : a.kvHeads))) continue;
      const size = slot === 'q' ? (headDim * heads) / kvHeads : headDim;
      await add(slot, layer, (i) => (unit ? bases.units[layer][i] : asRows(bases.groups[layer][i], size)));
    }
  if (!reduced((a) => a.hidden)) return;
  if (bases.transform.length > 0) await add('transform', null, (i) => bases.transform[i]);
  if (bases.pooler.length > 0) await add('pooler', null, (i) => bases.pooler[i]);
}
