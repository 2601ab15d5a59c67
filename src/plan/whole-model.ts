import { SpecError } from '../errors.js';
import type { TransformerPlan as ModelPlan } from '../families/plan.js';
import { planTransformer } from '../families/plan-transformer.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Machine } from '../schemas/machine.js';
import type { TransformerModel } from '../schemas/model.js';
import type { StoredBases, TransformerPlan } from '../schemas/plan.js';
import { outputDtype, parseSize } from './shards.js';
import type { SourceHeaders } from './sources.js';
import { orderSteps } from './steps.js';

/** Shape of a tensor of token ids. */
export interface TokenShape {
  rows: number;
  length: number;
}

/** What planning knows of a merge beside spec and headers. */
export interface MergeFigures {
  /** Shape of the calibration tokens, where the spec names a tensor. */
  calibration?: TokenShape;
  /** Shapes of token probes. */
  probes?: readonly TokenShape[];
  /** Bases of an earlier job, where the spec names one. */
  stored?: StoredBases | null;
  /** Speed of the machine that will run it; only the estimated time depends on it. */
  machine?: Machine;
}

/** The plan of a whole transformer as a job's plan holds it: the family's plan, and the steps that run it. */
export type WholeModelPlan = ModelPlan & Pick<TransformerPlan, 'steps' | 'costs'>;

const STEPS = orderSteps([
  { id: 'merge', phase: 'fold', subject: 'model' },
  { id: 'evaluate', phase: 'evaluate', subject: 'metrics' },
  { id: 'verify', phase: 'publish', subject: 'model', after: ['merge'] },
  { id: 'publish', phase: 'publish', subject: 'artifacts', after: ['evaluate', 'verify'] },
]);

/** @throws SpecError as `planTransformer`, or where a source has no config.json */
export function planWholeModel(
  spec: JobSpec,
  model: TransformerModel,
  headers: readonly SourceHeaders[],
  { calibration, probes, machine }: MergeFigures = {},
): TransformerPlan {
  const sources = headers.map(({ label, tensors, config, slice }, i) => {
    if (slice.rows || slice.columns)
      throw new SpecError(
        'slice_not_applicable',
        'rows and columns select a slice of one tensor, not of a model.',
        `/sources/${i}`,
      );
    if (!config)
      throw new SpecError(
        'config_missing',
        `Source ${i} (${label}) has no config.json; upload it beside the weights.`,
        `/sources/${i}`,
      );
    return { label, config, tensors };
  });
  const wanted = spec.method.calibration;
  const plan = planTransformer({
    sources,
    family: model.family === 'custom' ? model.description : model.family,
    target: spec.target ?? {},
    mode: spec.method.mode,
    fit: spec.method.fit,
    basis: spec.method.basis,
    padding: spec.method.padding,
    calibration: wanted && ('generate' in wanted ? wanted : calibration),
    source_weights: spec.source_weights,
    extra_tensors: model.extra_tensors,
    probes,
    machine,
    output: { dtype: outputDtype(spec), max_shard_bytes: parseSize(spec.output.max_shard_size) },
  });
  const whole: WholeModelPlan = { ...plan, steps: STEPS };
  return whole as unknown as TransformerPlan; // its schema leaves the family's own parts open
}
