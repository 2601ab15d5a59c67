import { KEPT_BASES_BYTES } from '../../src/costs/linear-memory.js';
import type { Basis, BasisReport } from '../bases/basis.js';
import type { LinearAlgebra } from '../linalg/contract.js';
import { readBasis } from './basis-files.js';
import type { StepContext } from './context.js';

export const basisFile = (space: string) => `basis-${space}.safetensors`;
/** The same without a cut, where a job keeps every direction. */
export const directionsFile = (space: string) => `directions-${space}.safetensors`;

const bytesOf = ({ blocks }: Basis) =>
  blocks.reduce(
    (sum, { expand: e, fold: f }) => sum + (e.rows * e.cols + f.rows * f.cols) * (e.precision === 'float64' ? 8 : 4),
    0,
  );

/** Keep a basis for the steps to come, or free it. */
export function keepBasis(context: StepContext, basis: Basis): void {
  const kept = [...context.bases.values()].reduce((sum, other) => sum + bytesOf(other), 0);
  if (kept + bytesOf(basis) <= KEPT_BASES_BYTES) context.bases.set(basis.space, basis);
  else releaseBasis(context, basis);
}

/** The basis of a space, from memory or as it was stored; null where the space is kept as it is. Release it after use. */
export async function loadBasis(context: StepContext, name: string): Promise<Basis | null> {
  const { plan, la, steps, watch, bases: kept } = context;
  if (!plan.spaces.some((space) => space.name === name && space.reduced)) return null;
  const known = kept.get(name);
  if (known) return known;
  await steps.require(`basis-${name}`);
  const stop = watch.start('read');
  const basis = await readBasis(steps.file(basisFile(name)), la, name);
  stop();
  return basis;
}

/** Free a basis that is not kept. */
export function releaseBasis({ la, bases: kept }: StepContext, basis: Basis | null): void {
  if (basis && kept.get(basis.space) !== basis) disposeBasis(la, basis);
}

/** Free every basis that is kept: what comes now needs none, and its memory for other things. */
export function releaseKept({ la, bases: kept }: Pick<StepContext, 'la' | 'bases'>): void {
  for (const basis of kept.values()) disposeBasis(la, basis);
  kept.clear();
}

export function disposeBasis(la: LinearAlgebra, { blocks }: Basis): void {
  for (const { expand, fold } of blocks) for (const matrix of [expand, fold]) la.dispose(matrix);
}

export const basisReport = async ({ steps }: StepContext, name: string): Promise<BasisReport> =>
  (await steps.require<BasisReport>(`basis-${name}`)).data;
