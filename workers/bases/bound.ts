import type { LinearPlan, SpacePlan, TensorPlan } from '../../src/schemas/plan.js';
import type { LinearAlgebra } from '../linalg/contract.js';
import type { TensorReader } from '../pipeline/sources.js';
import { energyOf } from './directions.js';
import { numericalRank, singularValues } from './exact.js';
import { problemOf } from './problem.js';

/** The tensor that writes a space. Chains and embeddings have one; several would each be scaled to unit trace. */
export function writerOf(plan: LinearPlan, space: SpacePlan): TensorPlan {
  const writer = plan.tensors.find((t) => t.role === 'weight' && t.out_space === space.name);
  if (!writer) throw new Error(`Space ${space.name} has no writer.`);
  return writer;
}

/** Whether the sources' copies of a writer read one input axis. */
export const inputShared = (plan: LinearPlan, writer: TensorPlan): boolean =>
  plan.spaces.find(({ name }) => name === writer.in_space)?.kind === 'shared';

/** Singular values of a writer's concatenated matrix, descending. */
export async function writerSpectrum(
  la: LinearAlgebra,
  reader: TensorReader,
  plan: LinearPlan,
  writer: TensorPlan,
): Promise<Float64Array> {
  const all = writer.sources.map((_, i) => i);
  const shared = inputShared(plan, writer);
  const groups = shared ? [all] : all.map((i) => [i]);
  const spectra: Float64Array[] = [];
  for (const group of groups) spectra.push(await singularValues(la, reader, problemOf(writer, group, shared, null)));
  return merged(spectra);
}

/** Several spectra as one, descending. */
export function merged(spectra: readonly Float64Array[]): Float64Array {
  return Float64Array.from(spectra.flatMap((sigma) => [...sigma]))
    .sort()
    .reverse();
}

/** sqrt(Σ_{j>r} σ_j² / Σ σ_j²): no rank-r matrix is nearer (Eckart, Young 1936). */
export function eckartYoung(sigma: Float64Array, width: number): number {
  const total = energyOf(sigma);
  return width >= numericalRank(sigma, sigma[0]) || total === 0
    ? 0
    : Math.sqrt(energyOf(sigma.subarray(width)) / total);
}
