import { linearCosts } from '../costs/linear.js';
import { SpecError } from '../errors.js';
import type { JobSpec } from '../schemas/job-spec.js';
import { isTransformer } from '../schemas/model.js';
import type { LinearPlan, MergePlan, Plan, TensorPlan } from '../schemas/plan.js';
import { planChain } from './chain.js';
import { planComparison } from './comparison.js';

import { planEmbedding } from './embedding.js';
import { linearSteps } from './linear-steps.js';
import type { ModelPlan } from './model-plan.js';
import { outputDtype, parseSize, shardTensors } from './shards.js';
import type { SourceHeaders } from './sources.js';
import { takeStored } from './stored-bases.js';
import { type MergeFigures, planWholeModel, type TokenShape } from './whole-model.js';

/** What planning knows beside spec and headers. */
export interface PlanFigures extends Omit<MergeFigures, 'calibration'> {
  /** Shape of the calibration tokens of each method (one, unless the spec compares several), where it names a tensor. */
  calibrations?: readonly (TokenShape | undefined)[];
}

/**
 * The plan of a merge: a pure function of spec and headers, shown by `POST /v1/jobs/plan` and run as it is by workers.
 * @throws SpecError when the spec cannot succeed, with a pointer to what is wrong
 */
export function planJob(
  spec: JobSpec,
  headers: readonly SourceHeaders[],
  { calibrations = [], ...figures }: PlanFigures = {},
): Plan {
  if (spec.compare)
    return planComparison(
      spec,
      headers,
      calibrations,
      (point, calibration) => planMerge(point, headers, { ...figures, calibration }),
      figures.machine,
    );
  return planMerge(spec, headers, { ...figures, calibration: calibrations[0] });
}

/** The plan of one merge. */
export function planMerge(spec: JobSpec, headers: readonly SourceHeaders[], figures: MergeFigures = {}): MergePlan {
  return isTransformer(spec.model)
    ? planWholeModel(spec, spec.model, headers, figures)
    : planLinear(spec, headers, figures);
}

/** The plan of a chain or an embedding. */
function planLinear(
  spec: JobSpec,
  headers: readonly SourceHeaders[],
  { machine, stored = null }: MergeFigures = {},
): LinearPlan {
  const model = planModel(spec, headers);
  const spaces = stored ? takeStored(spec, model.spaces, stored) : model.spaces;
  const dtype = outputDtype(spec);
  const tensors = model.tensors.map((tensor) => (dtype ? { ...tensor, dtype } : tensor));
  checkNames(tensors);
  const shards = shardTensors(tensors, parseSize(spec.output.max_shard_size));
  const precision = tensors.some(({ sources }) => sources.some((source) => source.dtype === 'F64'))
    ? 'float64'
    : 'float32';
  if (precision === 'float64' && spec.compute.backend === 'tfjs')
    throw new SpecError(
      'precision_unsupported',
      'The backend "tfjs" computes in float32, and a source’s tensors are float64, which are merged in float64. Use "cpu", "cuda" or "auto", or convert the sources to float32.',
      '/compute/backend',
    );
  const sourceWeights = spec.source_weights ?? headers.map(() => 1 / headers.length);
  const plan = {
    version: 1 as const,
    kind: 'linear' as const,
    family: spec.model.family,
    precision: precision as 'float32' | 'float64',
    source_weights: sourceWeights,
    spaces,
    tensors,
    shards,
    steps: linearSteps(spec, { spaces, tensors, shards, source_weights: sourceWeights }),
    probe_columns: model.probeColumns,
    config: model.config,
    stored_bases: stored,
  };
  return { ...plan, costs: linearCosts(plan, spec, machine) };
}

function planModel(spec: JobSpec, headers: readonly SourceHeaders[]): ModelPlan {
  if (spec.model.family === 'chain') return planChain(spec, spec.model, headers);
  if (spec.model.family === 'embedding') return planEmbedding(spec, spec.model, headers);
  throw new Error(`Family ${spec.model.family} is planned elsewhere.`);
}

function checkNames(tensors: readonly TensorPlan[]): void {
  const names = tensors.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i || name === '__metadata__');
  if (repeated)
    throw new SpecError('tensor_repeated', `The result would hold two tensors named "${repeated}".`, '/model');
}
