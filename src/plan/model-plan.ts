import type { SpacePlan, TensorPlan } from '../schemas/plan.js';

/** What a model family contributes to a plan. */
export interface ModelPlan {
  spaces: SpacePlan[];
  tensors: TensorPlan[];
  /** Input width of each source (or one, where shared); empty where a probe is not drawn. */
  probeColumns: number[];
  /** config.json of the result. */
  config: Record<string, unknown>;
}
