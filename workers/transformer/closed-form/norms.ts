import type { Slot } from '../../../src/families/description.js';
import type { Matrix } from '../../linalg/contract.js';
import { joinedNorms, type Merging } from './merging.js';

/**
 * A norm of the result. Pre-norm: gains are in the readers, only the final bias carries the constant (`onesFold`).
 * Post-norm: γ' = κ·diag(E·diag(γ)·F)/diag(E·F), β' = E·β (method.md, section 5).
 */
export async function resultNorm(
  m: Merging,
  slot: Slot,
  layer: number | null,
  part: 'weight' | 'bias',
): Promise<Matrix> {
  const { la, plan } = m;
  const r = plan.target.hidden;
  if (slot === 'transform_norm') return transformNorm(m, part);
  if (plan.target.placement === 'pre') {
    const constant = part === 'weight' || slot === 'final_norm' ? 1 : 0;
    return la.upload(new Float32Array(r).fill(constant), 1, r);
  }
  const k = slot === 'embedding_norm' ? 0 : 2 * layer! + (slot === 'attention_norm' ? 1 : 2);
  const values = await joinedNorms(m, k, part === 'weight' ? 'gain' : 'bias');
  const out = new Float32Array(r);
  await la.inspect(m.expand, (e) => {
    for (let j = 0, at = 0; j < r; j++) {
      let sum = 0;
      let weighted = 0;
      let size = 0;
      for (let d = 0; d < values.length; d++, at++) {
        const w = e[at];
        const share = w * values[d];
        sum += share;
        weighted += w * share;
        size += w * w;
      }
      out[j] = part === 'bias' ? sum : size > 0 ? (m.basis.kappa * weighted) / size : 0;
    }
  });
  return la.upload(out, 1, r);
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
