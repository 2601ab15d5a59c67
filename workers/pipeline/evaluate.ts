import { errorsStep, mapStep, OUTPUTS_STEP } from '../../src/plan/steps.js';
import { mapGroups } from '../../src/plan/whole-map.js';
import type { EndToEnd, SpaceMetrics, TensorMetrics } from '../../src/schemas/metrics.js';
import type { StepPlan } from '../../src/schemas/plan.js';
import type { Basis } from '../bases/basis.js';
import { identityError } from '../bases/identity.js';
import { basisReport, loadBasis, releaseBasis, releaseKept } from './basis.js';
import { chainOutputs } from './chain-outputs.js';
import type { StepContext } from './context.js';
import type { OutputErrors } from './end-to-end.js';
import { tableOutputs } from './table-outputs.js';
import { tensorErrors } from './tensor-errors.js';
import { type MapPart, mapPart, mapRelativeError } from './whole-map.js';

export interface Evaluation {
  end_to_end: EndToEnd;
  spaces: SpaceMetrics[];
  tensors: TensorMetrics[];
}

/** What is measured of one space: its basis, and the tensors that write it. */
interface SpaceErrors {
  space: SpaceMetrics;
  tensors: TensorMetrics[];
}

/** A step that measures: the errors of one space, the outputs, a part of the whole map; or what sums them up. */
export async function evaluateStep(context: StepContext, { id, subject }: StepPlan): Promise<void> {
  const { plan, steps, reader } = context;
  const group = mapGroups(plan).find((_, g) => id === mapStep(g));
  if (id === errorsStep({ name: subject })) return steps.finish(id, {}, await spaceErrors(context, subject));
  reader.checked = true; // every weight went through a fold step
  releaseKept(context);
  if (id === OUTPUTS_STEP)
    return steps.finish(id, {}, await (plan.family === 'embedding' ? tableOutputs : chainOutputs)(context));
  if (group) return steps.finish(id, {}, await mapPart(context, group));
  return steps.finish(id, {}, await summary(context));
}

async function spaceErrors(context: StepContext, name: string): Promise<SpaceErrors> {
  const tensors: TensorMetrics[] = [];
  for (const tensor of context.plan.tensors) {
    context.signal?.throwIfAborted();
    if (tensor.role === 'weight' && tensor.out_space === name) tensors.push(await tensorErrors(context, tensor));
  }
  return { space: await spaceMetrics(context, name), tensors };
}

async function spaceMetrics(context: StepContext, name: string): Promise<SpaceMetrics> {
  const space = context.plan.spaces.find((one) => one.name === name);
  if (!space) throw new Error(`The plan has no space ${name}.`);
  const { optimal_relative_error: _, map: __, ...report } = await basisReport(context, name);
  const basis = (await loadBasis(context, name)) as Basis;
  const identityErrors: number[] = [];
  for (const block of basis.blocks)
    identityErrors.push(await identityError(context.la, block, space.basis === 'growth'));
  releaseBasis(context, basis);
  return {
    name,
    source_width: space.source_widths.reduce((sum, d) => sum + d, 0),
    basis: space.basis ?? 'weight',
    factorization: space.factorization ?? 'weight',
    legality: space.legality,
    ...report,
    identity_error: Math.max(...identityErrors),
  };
}

/** Everything of the metrics that comes from weights: per space, per tensor (in the order of layers), end to end. */
async function summary({ plan, steps }: StepContext): Promise<Evaluation> {
  const measured: SpaceErrors[] = [];
  for (const space of plan.spaces)
    if (space.reduced) measured.push((await steps.require<SpaceErrors>(errorsStep(space))).data);
  const outputs = (await steps.require<OutputErrors>(OUTPUTS_STEP)).data;
  const parts: MapPart[] = [];
  for (const g of mapGroups(plan).keys()) parts.push((await steps.require<MapPart>(mapStep(g))).data);
  const found = measured.flatMap(({ tensors }) => tensors);
  return {
    end_to_end: {
      ...outputs,
      // A table's rows are all it can give.
      map_relative_error: plan.family === 'embedding' ? outputs.relative_error : mapRelativeError(parts),
    },
    spaces: measured.map(({ space }) => space),
    tensors: plan.tensors.flatMap(({ name }) => found.filter((errors) => errors.name === name)),
  };
}
