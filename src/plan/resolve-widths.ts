import { byteLength } from '../safetensors/header.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { LinearPlan, SpacePlan, TensorPlan } from '../schemas/plan.js';
import { chainConfig } from './chain.js';
import { embeddingConfig } from './embedding.js';

/** Spaces whose width is known only with their basis. */
export const openSpaces = ({ spaces }: Pick<LinearPlan, 'spaces'>): SpacePlan[] =>
  spaces.filter(({ width_goal }) => width_goal !== null);

/**
 * The plan with its open widths filled in: shapes, file sizes and config.json follow; which tensor lies in which file
 * stays as planned, so that no step changes its name.
 */
export function resolveWidths(plan: LinearPlan, spec: JobSpec, widths: ReadonlyMap<string, number>): LinearPlan {
  if (openSpaces(plan).length === 0) return plan;
  const spaces = plan.spaces.map((space) => {
    const width = space.width_goal ? widths.get(space.name) : space.width;
    if (width === undefined) throw new Error(`The width of space ${space.name} is not known yet.`);
    return { ...space, width };
  });
  const widthOf = (name: string) => spaces.find((space) => space.name === name)?.width as number;
  const tensors = plan.tensors.map((tensor) => ({ ...tensor, shape: shapeOf(tensor, widthOf) }));
  const bytesOf = (name: string) => {
    const { dtype, shape } = tensors.find((tensor) => tensor.name === name) as TensorPlan;
    return byteLength(dtype, shape, name);
  };
  return {
    ...plan,
    spaces,
    tensors,
    shards: plan.shards.map((shard) => ({ ...shard, bytes: shard.tensors.reduce((sum, t) => sum + bytesOf(t), 0) })),
    config: configOf(spec, spaces),
  };
}

function shapeOf({ role, layout, shape, out_space, in_space }: TensorPlan, widthOf: (name: string) => number) {
  if (role === 'fold') return [shape[0], widthOf(out_space)];
  if (in_space === null) return [widthOf(out_space)];
  return layout === 'out_in' ? [widthOf(out_space), widthOf(in_space)] : [widthOf(in_space), widthOf(out_space)];
}

function configOf({ model }: JobSpec, spaces: readonly SpacePlan[]) {
  if (model.family === 'chain') return chainConfig(model, spaces);
  if (model.family === 'embedding') return embeddingConfig(model, spaces);
  throw new Error(`Family ${model.family} has no open widths.`);
}
