import type { Slot } from '../../../src/families/description.js';
import type { Matrix } from '../../linalg/contract.js';
import { mappedNorm } from '../mapped-norm.js';
import { joinedNorms, keepsGain, type Merging } from './merging.js';

/**
 * A norm of the result. Pre-norm: gains are in the readers, only the final bias carries the constant (`onesFold`).
 * Where the normed stream is itself the output or the stream: `mappedNorm`.
 */
export async function resultNorm(
  m: Merging,
  slot: Slot,
  layer: number | null,
  part: 'weight' | 'bias',
): Promise<Matrix> {
  const { la, plan } = m;
  const { target } = plan;
  const r = target.hidden;
  if (slot === 'transform_norm') return transformNorm(m, part);
  const k = normIndex(target, slot, layer);
  if (!keepsGain(target, k)) {
    const constant = part === 'weight' || slot === 'final_norm' ? 1 : 0;
    return la.upload(new Float32Array(r).fill(constant), 1, r);
  }
  const { kappa } = m.basis;
  // A unit of a post-norm stream that nothing writes is not 0 behind the norm, which takes the mean out.
  const empty = target.placement === 'post' ? 0 : kappa;
  const { gain, bias } = await mappedNorm(la, m.expand, kappa, await joinedNorms(m, k), empty);
  return la.upload(part === 'weight' ? gain : bias, 1, r);
}

/** Which norm a slot holds; the inverse of `normSlot`. */
function normIndex({ layers, placement }: Merging['plan']['target'], slot: Slot, layer: number | null): number {
  if (slot === 'final_norm') return 2 * layers;
  if (layer === null) return 0;
  return 2 * layer + (slot === 'ffn_norm' ? 1 : 0) + (placement === 'post' ? 1 : 0);
}

/** The kept units' own; neither gain nor bias where the decoder has them, with what the dropped units owe. */
async function transformNorm(
  { la, sources, basis, plan, transform }: Merging,
  part: 'weight' | 'bias',
): Promise<Matrix> {
  const r = plan.target.hidden;
  if (transform) return la.upload(new Float32Array(r).fill(part === 'weight' ? 1 : 0), 1, r);
  const parts = await Promise.all(
    sources.map(async (source, i) => {
      const values = await la.download(await source.matrix('transform_norm', null, part));
      return basis.transform[i].map((j) => values[j]);
    }),
  );
  return la.upload(Float32Array.from(parts.flat()), 1, r);
}
