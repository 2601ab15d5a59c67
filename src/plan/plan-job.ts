import { linearCosts } from '../costs/linear.js';
import { SpecError } from '../errors.js';
import { isTransformer, type JobSpec } from '../schemas/job-spec.js';
import type { LinearPlan, MergePlan, Plan, SpacePlan, StepPlan, TensorPlan } from '../schemas/plan.js';
import { planChain } from './chain.js';
import { planComparison } from './comparison.js';

import { planEmbedding } from './embedding.js';
import type { ModelPlan } from './model-plan.js';
import { outputDtype, parseSize, type Shard, shardTensors } from './shards.js';
import type { SourceHeaders } from './sources.js';
import { orderSteps, type StepDraft } from './steps.js';
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
export function planLinear(
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
  const plan = {
    version: 1 as const,
    kind: 'linear' as const,
    family: spec.model.family,
    precision: precision as 'float32' | 'float64',
    source_weights: spec.source_weights ?? headers.map(() => 1 / headers.length),
    spaces,
    tensors,
    shards,
    steps: stepsOf(spec, spaces, tensors, shards),
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

/**
 * Bases of writers alone are independent of each other; those that look further follow the layers. A file of the result
 * needs the bases of the layers its tensors belong to (all of them where a width is open); evaluation needs all files.
 */
function stepsOf(
  { method }: JobSpec,
  spaces: readonly SpacePlan[],
  tensors: readonly TensorPlan[],
  shards: readonly Shard[],
): StepPlan[] {
  const reduced = spaces.filter((space) => space.reduced);
  const basisOf = ({ name }: SpacePlan) => `basis-${name}`;
  const steps: StepDraft[] = [];
  const first = (id: string, subject: string, when: boolean) => {
    if (when) steps.push({ id, phase: 'basis', subject, after: [] });
  };
  const inOrder = method.basis !== 'weight';
  first('inputs', 'calibration', inOrder && method.calibration !== undefined);
  first(
    'downstream',
    'readers',
    reduced.some(({ basis }) => basis === 'balanced'),
  );
  first(
    'constants',
    'constants',
    spaces.some(({ constant }) => constant !== 'none'),
  );
  const before = steps.map(({ id }) => id);
  const constants = before.filter((id) => id === 'constants');
  reduced.forEach((space, s) => {
    const previous = inOrder && s > 0 ? [basisOf(reduced[s - 1])] : [];
    steps.push({ id: basisOf(space), phase: 'basis', subject: space.name, after: [...before, ...previous] });
  });
  const open = reduced.some(({ width_goal }) => width_goal !== null);
  shards.forEach(({ file, tensors: names }, i) => {
    const layers = new Set(tensors.filter(({ name }) => names.includes(name)).map(({ layer }) => layer));
    // A bias takes up what its layer's inputs lose of a constant, so the whole layer counts.
    const touched = tensors.filter(({ layer }) => layers.has(layer)).flatMap((t) => [t.out_space, t.in_space]);
    const bases = reduced.filter(({ name }) => open || touched.includes(name)).map(basisOf);
    steps.push({ id: `fold-${i + 1}`, phase: 'fold', subject: file, after: [...constants, ...bases] });
  });
  steps.push(
    { id: 'evaluate', phase: 'evaluate', subject: 'metrics' },
    { id: 'publish', phase: 'publish', subject: 'artifacts' },
  );
  return orderSteps(steps);
}
