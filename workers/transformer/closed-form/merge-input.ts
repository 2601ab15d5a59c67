import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra } from '../../linalg/contract.js';
import { type Linear, type Norm, normSlot, type SlotTensors } from '../model.js';

/** What a merge starts from. */
export interface MergeInput {
  la: LinearAlgebra;
  plan: TransformerPlan;
  sources: readonly SlotTensors[];
}

/** A linear layer of a source as stored. */
export async function linearOf(
  la: LinearAlgebra,
  source: SlotTensors,
  slot: Slot,
  layer: number | null,
): Promise<Linear> {
  return {
    weight: await source.matrix(slot, layer, 'weight'),
    bias: source.has(slot, layer, 'bias') ? await la.download(await source.matrix(slot, layer, 'bias')) : null,
  };
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

/** Norm k of source i. */
export async function sourceNorm({ la, plan, sources }: MergeInput, i: number, k: number): Promise<Norm> {
  const { slot, layer } = normSlot(plan.sources[i].architecture, k);
  const part = async (which: 'weight' | 'bias') =>
    sources[i].has(slot, layer, which) ? la.download(await sources[i].matrix(slot, layer, which)) : null;
  return { gain: await part('weight'), bias: await part('bias') };
}
