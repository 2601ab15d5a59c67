import type { EndToEnd, SpaceMetrics, TensorMetrics } from '../../src/schemas/metrics.js';
import type { Basis } from '../bases/basis.js';
import { identityError } from '../bases/identity.js';
import { basisReport, loadBasis, releaseBasis } from './basis.js';
import { chainOutputs } from './chain-outputs.js';
import type { StepContext } from './context.js';
import { tableOutputs } from './table-outputs.js';
import { tensorErrors } from './tensor-errors.js';

export interface Evaluation {
  end_to_end: EndToEnd;
  spaces: SpaceMetrics[];
  tensors: TensorMetrics[];
}

/** Everything of the metrics that comes from weights: per space, per tensor, end to end. */
export async function evaluateStep(context: StepContext): Promise<void> {
  const { plan, steps, signal, reader } = context;
  reader.checked = true; // every weight went through a fold step
  const tensors: TensorMetrics[] = [];
  for (const tensor of plan.tensors) {
    signal?.throwIfAborted();
    const reduced = plan.spaces.some(({ name, reduced }) => reduced && name === tensor.out_space);
    if (tensor.role === 'weight' && reduced) tensors.push(await tensorErrors(context, tensor));
  }
  const evaluation: Evaluation = {
    end_to_end: plan.family === 'embedding' ? await tableOutputs(context) : await chainOutputs(context),
    spaces: await spaceMetrics(context),
    tensors,
  };
  await steps.finish('evaluate', {}, evaluation);
}

async function spaceMetrics(context: StepContext): Promise<SpaceMetrics[]> {
  const metrics: SpaceMetrics[] = [];
  for (const space of context.plan.spaces) {
    if (!space.reduced) continue;
    const { optimal_relative_error: _, map: __, ...report } = await basisReport(context, space.name);
    const basis = (await loadBasis(context, space.name)) as Basis;
    const identityErrors: number[] = [];
    for (const block of basis.blocks)
      identityErrors.push(await identityError(context.la, block, space.basis === 'growth'));
    releaseBasis(context, basis);
    metrics.push({
      name: space.name,
      source_width: space.source_widths.reduce((sum, d) => sum + d, 0),
      basis: space.basis ?? 'weight',
      factorization: space.factorization ?? 'weight',
      legality: space.legality,
      ...report,
      identity_error: Math.max(...identityErrors),
    });
  }
  return metrics;
}
