import { errorsStep, mapStep, OUTPUTS_STEP } from '../../src/plan/steps.js';
import { mapGroups } from '../../src/plan/whole-map.js';
import type { EndToEnd, SpaceMetrics, TensorMetrics } from '../../src/schemas/metrics.js';
import type { SpacePlan, StepPlan } from '../../src/schemas/plan.js';
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

/**
 * A step that measures: the errors of one space, the outputs, a part of the whole map; or what sums them up, and measures
 * what no step of its own has.
 */
export async function evaluateStep(context: StepContext, { id, subject }: StepPlan): Promise<void> {
  const { plan, steps } = context;
  const group = mapGroups(plan).find((_, g) => id === mapStep(g));
  if (id === errorsStep({ name: subject })) return steps.finish(id, {}, await spaceErrors(context, subject));
  if (id === OUTPUTS_STEP) return steps.finish(id, {}, await outputErrors(context));
  if (group) return steps.finish(id, {}, await mapErrors(context, group));
  return steps.finish(id, {}, await summary(context));
}

function outputErrors(context: StepContext): Promise<OutputErrors> {
  onResult(context);
  return context.plan.family === 'embedding' ? tableOutputs(context) : chainOutputs(context);
}

function mapErrors(context: StepContext, group: readonly number[]): Promise<MapPart> {
  onResult(context);
  return mapPart(context, group);
}

/** From here on the result is measured: every weight went through a fold step, and no basis is needed. */
function onResult(context: StepContext): void {
  context.reader.checked = true;
  releaseKept(context);
}

async function spaceErrors(context: StepContext, name: string): Promise<SpaceErrors> {
  const space = context.plan.spaces.find((one) => one.name === name);
  if (!space) throw new Error(`The plan has no space ${name}.`);
  const basis = (await loadBasis(context, name)) as Basis;
  const tensors: TensorMetrics[] = [];
  for (const tensor of context.plan.tensors) {
    context.signal?.throwIfAborted();
    if (tensor.role === 'weight' && tensor.out_space === name) tensors.push(await tensorErrors(context, tensor, basis));
  }
  const errors = { space: await spaceMetrics(context, space, basis), tensors };
  releaseBasis(context, basis);
  return errors;
}

async function spaceMetrics(context: StepContext, space: SpacePlan, basis: Basis): Promise<SpaceMetrics> {
  const { name } = space;
  const { optimal_relative_error: _, map: __, ...report } = await basisReport(context, name);
  const identityErrors: number[] = [];
  for (const block of basis.blocks)
    identityErrors.push(await identityError(context.la, block, space.basis === 'growth'));
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
async function summary(context: StepContext): Promise<Evaluation> {
  const { plan, steps } = context;
  const part = async <T>(id: string, measure: () => Promise<T>): Promise<T> =>
    plan.steps.some((step) => step.id === id) ? (await steps.require<T>(id)).data : measure();
  const measured: SpaceErrors[] = [];
  for (const space of plan.spaces.filter(({ reduced }) => reduced))
    measured.push(await part(errorsStep(space), () => spaceErrors(context, space.name)));
  const outputs = await part(OUTPUTS_STEP, () => outputErrors(context));
  const parts: MapPart[] = [];
  for (const [g, group] of mapGroups(plan).entries())
    parts.push(await part(mapStep(g), () => mapErrors(context, group)));
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
