import type { Plan, ShownPlan } from '../schemas/plan.js';

/** A plan as clients see it: where a width is chosen later, it and every extent that follows it are null. */
export function showPlan(plan: Plan): ShownPlan {
  if (plan.kind !== 'linear') return plan;
  const open = new Set(plan.spaces.filter((space) => space.width_goal).map(({ name }) => name));
  if (open.size === 0) return plan;
  return {
    ...plan,
    spaces: plan.spaces.map((space) => ({ ...space, width: open.has(space.name) ? null : space.width })),
    tensors: plan.tensors.map((tensor) => {
      const [out, into] = [open.has(tensor.out_space), tensor.in_space !== null && open.has(tensor.in_space)];
      // A fold maps back from its space: only its last axis has the new width.
      const axes = tensor.role === 'fold' ? [false, out] : tensor.layout === 'out_in' ? [out, into] : [into, out];
      return { ...tensor, shape: tensor.shape.map((extent, axis) => (axes[axis] ? null : extent)) };
    }),
  };
}
