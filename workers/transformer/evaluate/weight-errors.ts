import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { TransformerTensorMetrics } from '../../../src/schemas/metrics.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { sideBySide } from '../calibrated/joint.js';
import { centres } from '../closed-form/merging.js';
import { CHUNK_ROWS, centreColumns, centreRows } from '../closed-form/moment.js';
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

const TABLES = ['word', 'position', 'type'] as const;
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
    for (const table of TABLES)
      if (rowsOf(plan, table) > 0) await tableErrors(la, input, projection, table, tallyOf(table, null)!, signal);
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

const rowsOf = ({ target }: TransformerPlan, table: (typeof TABLES)[number]) =>
  ({ word: target.vocabulary, position: target.positionOffset === null ? 0 : target.positions, type: target.types })[
    table
  ];

async function tableErrors(
  la: LinearAlgebra,
  { plan, sources, bases }: WeightErrorInput,
  projection: Projection,
  slot: (typeof TABLES)[number],
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<void> {
  const widths = plan.sources.map((s) => s.architecture.hidden);
  const rows = rowsOf(plan, slot);
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    checkCancelled(signal);
    const to = Math.min(from + CHUNK_ROWS, rows);
    const parts: Float32Array[] = [];
    for (const [i, source] of sources.entries()) {
      const values = (await la.download(await source.matrix(slot, null, 'weight', [from, to]))) as Float32Array;
      if (centred(plan)) centreRows(values, widths[i]);
      for (let j = 0; j < values.length; j++) values[j] *= bases.scale[i];
      parts.push(values);
    }
    const wide = la.upload(sideBySide(parts, widths, to - from), to - from, projection.total);
    tally.weigh(await la.norms(wide));
    const error = await projection.rowsOff(wide);
    let at = 0;
    for (const [i, width] of widths.entries()) {
      tally.add(i, await la.norms(la.view(error, 0, to - from, at, at + width)), width * (to - from), bases.scale[i]);
      at += width;
    }
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
    if (centred(plan)) centreColumns((await la.download(weight)) as Float32Array, weight.cols);
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
      const all = kept(i).length === weight.rows;
      if (tally && !all) tally.dropRows(i, await la.download(weight), weight.cols, new Set(kept(i)));
      else tally?.weigh(await la.norms(weight));
      tally?.widen(i, weight.rows, weight.cols);
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
