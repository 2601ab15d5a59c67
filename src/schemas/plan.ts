import { z } from 'zod';
import { byteCount, seconds, shape } from './common.js';
import { MethodSchema } from './method.js';

const TensorSourceSchema = z
  .strictObject({
    source: z.number().int().min(0).describe('Index into the spec’s sources.'),
    tensor: z.string(),
    dtype: z.string(),
    shape: shape.describe('Shape after slicing.'),
    rows: z.tuple([z.number(), z.number()]).optional(),
    columns: z.tuple([z.number(), z.number()]).optional(),
  })
  .meta({ id: 'TensorSource' });
export type TensorSource = z.infer<typeof TensorSourceSchema>;

const openExtent = z.number().int().min(0).nullable();

const WidthGoalSchema = z
  .strictObject({
    energy: z.number().optional(),
    max_relative_error: z.number().optional().describe('By the spectrum of this space’s basis.'),
    max_map_relative_error: z.number().optional().describe('Of the whole chain, all spaces before this one included.'),
    multiple_of: z.number().int(),
  })
  .meta({ id: 'WidthGoal' });
export type SpaceWidthGoal = z.infer<typeof WidthGoalSchema>;

export const SpacePlanSchema = z
  .strictObject({
    name: z.string(),
    kind: z.enum(['concatenated', 'shared']),
    source_widths: z.array(z.number().int().min(0)).describe('Width in each source.'),
    width: openExtent.describe('Width in the result; null where it is chosen once the basis is known.'),
    width_range: z
      .tuple([z.number().int(), z.number().int()])
      .nullable()
      .describe('Least and largest width that can be chosen; null where the width is given.'),
    width_goal: WidthGoalSchema.nullable().describe('What a chosen width must achieve.'),
    basis: z
      .enum(['weight', 'balanced', 'activation', 'growth', 'stored'])
      .nullable()
      .describe('growth: wider than its one source, computing the same. stored: an earlier job’s.  null: not reduced.'),
    reduced: z.boolean().describe('Whether an expand/fold pair is computed; otherwise E = F = I.'),
    factorization: z
      .enum(['weight', 'covariance', 'balanced'])
      .nullable()
      .describe('Scale of the new units. weight: E = Uᵀ. covariance: E = diag(σ)·Uᵀ. balanced: equal on both sides.'),
    coupled: z.boolean().describe('Whether sources share one eigenproblem; false: one per source, spectra merged.'),
    legality: z.enum(['exact', 'selection', 'approximate']),
    reason: z.string(),
    writers: z.array(z.string()),
    readers: z.array(z.string()),
    constant: z
      .enum(['none', 'reader_bias', 'basis_column'])
      .describe('What becomes of the constant part: nothing to keep, moved to the readers’ biases, or a basis column.'),
  })
  .meta({ id: 'SpacePlan' });
/** A space as it is planned and run: an open width stands at the upper end of its range until it is resolved. */
export type SpacePlan = Omit<z.infer<typeof SpacePlanSchema>, 'width'> & { width: number };

export const TensorPlanSchema = z
  .strictObject({
    name: z.string(),
    role: z.enum(['weight', 'bias', 'fold']),
    dtype: z.enum(['F64', 'F32', 'F16', 'BF16']),
    shape: z.array(openExtent).describe('Row-major; null where an extent is chosen once the basis is known.'),
    layout: z.enum(['out_in', 'in_out']).describe('in_out: stored transposed, as embeddings are.'),
    out_space: z.string(),
    in_space: z.string().nullable().describe('null for a bias.'),
    sources: z.array(TensorSourceSchema),
    layer: z.number().int().min(0),
  })
  .meta({ id: 'TensorPlan' });
export type TensorPlan = Omit<z.infer<typeof TensorPlanSchema>, 'shape'> & { shape: number[] };

const StoredSpaceSchema = z
  .strictObject({
    name: z.string().describe('What the earlier job calls the space.'),
    basis: z.enum(['weight', 'balanced', 'activation']),
    mode: z.enum(['diag', 'separate']),
    width: z.number().int().describe('Its width in that job.'),
    blocks: z.array(
      z.strictObject({
        span: z.tuple([z.number().int(), z.number().int()]),
        live: z.number().int().describe('Directions stored.'),
      }),
    ),
    complete: z.boolean().describe('Whether every direction above the numerical rank is stored.'),
    widths_fixed: z.boolean().describe('Whether the basis holds for that job’s widths only.'),
    same_sources: z.boolean().describe('Whether both jobs read the same bytes.'),
    writers: z.array(z.string()).describe('Tensors it was made of.'),
  })
  .meta({ id: 'StoredSpace' });
export type StoredSpace = z.infer<typeof StoredSpaceSchema>;

const StoredBasesSchema = z
  .strictObject({
    job: z.string(),
    sha256: z.string().describe('Of the file the bases come from.'),
    spaces: z.record(z.string(), StoredSpaceSchema).describe('By the name of this job’s space.'),
  })
  .describe('Bases taken from an earlier job.');
export type StoredBases = z.infer<typeof StoredBasesSchema>;

const ShardPlanSchema = z
  .strictObject({ file: z.string(), tensors: z.array(z.string()), bytes: byteCount })
  .meta({ id: 'ShardPlan' });

const StepPlanSchema = z
  .strictObject({
    id: z.string(),
    phase: z.enum(['basis', 'fold', 'evaluate', 'publish']),
    subject: z.string().describe('Space or file the step produces.'),
    after: z.array(z.string()).describe('Ids of the steps that must have finished before this one.'),
  })
  .meta({ id: 'StepPlan' });
export type StepPlan = z.infer<typeof StepPlanSchema>;

const CostsSchema = z
  .strictObject({
    bytes_read: byteCount,
    bytes_written: byteCount,
    peak_memory_bytes: byteCount.describe('Of the compute process.'),
    flops: z.number().min(0),
    estimated_seconds: seconds.describe('Of one attempt, from its start to its end, without waiting in the queue.'),
    estimated_for: z.string().optional().describe('Whose speed the time is estimated from.'),
  })
  .meta({ id: 'Costs' });

const warnings = z
  .array(z.string())
  .optional()
  .describe(
    'What whoever submits the job should know, e.g. that no worker has the backend just now, or that the norms of the sources have different epsilons; not part of what is run.',
  );

export const LinearPlanSchema = z
  .strictObject({
    version: z.literal(1),
    kind: z.literal('linear'),
    family: z.string(),
    precision: z.enum(['float32', 'float64']).describe('In which E and F are applied; Grams are always float64.'),
    source_weights: z.array(z.number()),
    spaces: z.array(SpacePlanSchema),
    tensors: z.array(TensorPlanSchema),
    shards: z.array(ShardPlanSchema),
    steps: z.array(StepPlanSchema),
    probe_columns: z.array(z.number().int()).describe('Input width of each source, or one where inputs are shared.'),
    config: z.record(z.string(), z.unknown()).describe('config.json of the result.'),
    stored_bases: StoredBasesSchema.nullable(),
    costs: CostsSchema,
    warnings,
  })
  .meta({ id: 'LinearPlan', description: 'Plan of a chain or an embedding.' });
type ShownLinearPlan = z.infer<typeof LinearPlanSchema>;
export type LinearPlan = Omit<ShownLinearPlan, 'spaces' | 'tensors'> & { spaces: SpacePlan[]; tensors: TensorPlan[] };

const TransformerSpacePlanSchema = z
  .looseObject({
    name: z.string(),
    kind: z.enum(['concatenated', 'shared']),
    source_widths: z.array(z.number().int()),
    width: z.number().int(),
    legality: z.enum(['exact', 'selection', 'approximate']),
    reason: z.string(),
  })
  .meta({ id: 'TransformerSpacePlan' });

export const TransformerPlanSchema = z
  .looseObject({
    version: z.literal(1),
    kind: z.literal('transformer'),
    family: z.string(),
    fit: z.enum(['calibrated', 'closed_form']),
    mode: z.enum(['diag', 'separate']),
    source_weights: z.array(z.number()),
    tensors: z.array(z.looseObject({ name: z.string(), dtype: z.enum(['F64', 'F32', 'F16', 'BF16']), shape })),
    left_out: z
      .array(
        z.strictObject({
          source: z.string().nullable().describe('The source that holds them; null where none does.'),
          tensors: z.array(z.string()),
          reason: z.string(),
        }),
      )
      .optional()
      .describe('Tensors of a known kind that are not in the result, and why.'),
    spaces: z.array(TransformerSpacePlanSchema),
    steps: z.array(StepPlanSchema),
    config: z.record(z.string(), z.unknown()).describe('config.json of the result.'),
    costs: CostsSchema,
    warnings,
  })
  .meta({ id: 'TransformerPlan', description: 'Plan of a whole transformer: its tensors and spaces.' });

export const ComparisonPlanSchema = z
  .strictObject({
    version: z.literal(1),
    kind: z.literal('comparison'),
    family: z.string(),
    precision: z.enum(['float32', 'float64']),
    methods: z.array(
      z.strictObject({
        name: z.string(),
        method: MethodSchema,
        calibration: z
          .strictObject({ rows: z.number().int(), length: z.number().int() })
          .nullable()
          .describe('Shape of the calibration tokens of a file.'),
      }),
    ),
    points: z
      .array(
        z.strictObject({
          step: z.string(),
          method: z.number().int().min(0).describe('Index into methods.'),
          share: z.number().nullable(),
          widths: z.record(z.string(), z.number().int()),
          parameters: z.number().int().min(0),
          bytes: byteCount,
        }),
      )
      .describe('Every method at every width.'),
    baselines: z.array(
      z.strictObject({
        name: z.string(),
        kind: z.enum(['source', 'mean_of_outputs', 'mean_of_weights']),
        source: z.number().int().nullable(),
        parameters: z.number().int().min(0),
        bytes: byteCount,
      }),
    ),
    left_out: z
      .array(z.strictObject({ name: z.string(), reason: z.string() }))
      .describe('Baselines these sources do not have.'),
    probe_columns: z.array(z.number().int()),
    steps: z.array(StepPlanSchema),
    costs: CostsSchema,
    warnings,
  })
  .meta({ id: 'ComparisonPlan', description: 'Several methods at several widths, and baselines.' });
export type ComparisonPlan = z.infer<typeof ComparisonPlanSchema>;

export const PlanSchema = z
  .discriminatedUnion('kind', [LinearPlanSchema, TransformerPlanSchema, ComparisonPlanSchema])
  .meta({
    id: 'Plan',
    description: 'Exactly what a worker will run: a function of the spec and the sources’ headers.',
  });
/** A plan as clients see it: open widths are null. */
export type ShownPlan = z.infer<typeof PlanSchema>;
export type Plan = LinearPlan | TransformerPlan | ComparisonPlan;
export type TransformerPlan = z.infer<typeof TransformerPlanSchema>;
/** The plan of one merge. */
export type MergePlan = LinearPlan | TransformerPlan;
