import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { type Control, checkCancelled } from '../control.js';
import type { SlotTensors } from '../model.js';
import { type Kept, keepHighest, keepShares } from '../selection.js';
import { grownIndices } from './growth.js';
import { columnSquares, groupScores, rowSquares } from './importance.js';
import { transformScores } from './transform-fold.js';

/**
 * Per layer and source what is kept: kv groups, FFN units; and rows of the heads that have a width of their own. Where
 * the one source grows, an index stands once per copy, and −1 for a unit without weights.
 */
export interface Selections {
  groups: Kept[];
  units: Kept[];
  transform: Kept;
  pooler: Kept;
}

/** Heads and units to keep, by what their weights alone would write. */
export async function selections(
  la: LinearAlgebra,
  plan: TransformerPlan,
  sources: readonly SlotTensors[],
  scale: readonly number[],
  { signal, onProgress }: Control,
): Promise<Selections> {
  const { target } = plan;
  const pick = plan.mode === 'separate' ? keepShares : keepHighest;
  const every = (counts: number[]) => counts.map((n) => Array.from({ length: n }, (_, j) => j));
  const whole = (
    of: (s: TransformerPlan['sources'][number]['architecture']) => number,
    count: number,
    padding = plan.padding,
  ) => {
    const counts = plan.sources.map((s) => of(s.architecture));
    // only a source that is alone may be asked for more than it has
    if (counts.length === 1 && count > counts[0]) return [grownIndices(counts[0], count, padding)];
    return counts.reduce((a, b) => a + b, 0) === count ? every(counts) : null;
  };
  const groups: Kept[] = [];
  const units: Kept[] = [];
  for (let layer = 0; layer < target.layers; layer++) {
    checkCancelled(signal);
    groups.push(
      whole((a) => a.kvHeads, target.kvHeads) ??
        pick(await Promise.all(sources.map((s, i) => headScores(la, plan, s, i, layer, scale[i]))), target.kvHeads),
    );
    units.push(
      whole((a) => a.ffn, target.ffn) ??
        pick(await Promise.all(sources.map((s, i) => unitScores(la, s, layer, scale[i]))), target.ffn),
    );
    onProgress?.({ phase: 'basis', completed: layer + 1, total: target.layers });
  }
  const rowsOf = async (scores: (i: number) => Promise<Float64Array>) =>
    // these follow the stream's width, which a norm or the pooled output needs alive
    whole((a) => a.hidden, target.hidden, 'orthonormal') ??
    pick(await Promise.all(sources.map((_, i) => scores(i))), target.hidden);
  const pooled = (i: number) => scoreOf(sources[i], 'pooler', null, (rows) => rowSquares(la, rows));
  return {
    groups,
    units,
    transform: target.head === 'masked' ? await rowsOf((i) => transformScores({ la, plan, sources }, i)) : [],
    pooler: sources.every((s) => s.has('pooler', null, 'weight')) ? await rowsOf(pooled) : [],
  };
}

async function scoreOf<T>(
  source: SlotTensors,
  slot: Slot,
  layer: number | null,
  score: (weight: Matrix) => Promise<T>,
): Promise<T> {
  const weight = await source.matrix(slot, layer, 'weight');
  const found = await score(weight);
  source.release(weight);
  return found;
}

async function unitScores(la: LinearAlgebra, source: SlotTensors, layer: number, scale: number): Promise<Float64Array> {
  const opened = (slot: Slot) => scoreOf(source, slot, layer, (weight) => rowSquares(la, weight));
  const up = await opened('up');
  const gate = source.has('gate', layer, 'weight') ? await opened('gate') : null;
  const written = await scoreOf(source, 'down', layer, (weight) => columnSquares(la, weight));
  return up.map((v, j) => v * (gate ? gate[j] : 1) * written[j] * scale ** 2);
}

async function headScores(
  la: LinearAlgebra,
  plan: TransformerPlan,
  source: SlotTensors,
  i: number,
  layer: number,
  scale: number,
): Promise<Float64Array> {
  const { architecture } = plan.sources[i];
  const scores = await scoreOf(source, 'v', layer, (v) =>
    scoreOf(source, 'o', layer, (o) => groupScores(la, architecture, v, o)),
  );
  return scores.map((score) => score * scale ** 2);
}
