import { z } from 'zod';
import { jobId, ratio, seconds, shape } from './common.js';

export const SpaceMetricsSchema = z
  .strictObject({
    name: z.string(),
    source_width: z.number().int().describe('Sum over the sources.'),
    width: z.number().int(),
    rank: z.number().int().describe('Numerical rank k within the width: directions that carry anything.'),
    basis: z.enum(['weight', 'balanced', 'activation', 'growth', 'stored']),
    factorization: z.enum(['weight', 'covariance', 'balanced']),
    directions_by_source: z
      .array(z.number().int())
      .nullable()
      .describe('Directions taken from each source; null where sources share one eigenproblem and directions mix.'),
    retained_energy: z.number().describe('Σ_{j≤r} σ_j² / Σ σ_j² of the spectrum.'),
    tail_relative_error: z
      .number()
      .describe(
        'sqrt(Σ_{j>r} σ_j² / Σ σ_j²) of the spectrum; for balanced the least error of the whole map at this width.',
      ),
    legality: z.enum(['exact', 'selection', 'approximate']),
    padding_columns: z.number().int(),
    identity_error: z.number().describe('max |E·F − diag(I_k, 0)|; growth: max |F·E − I|.'),
    spectrum: z
      .array(z.number())
      .describe(
        'Singular values, descending. weight: of the writer. balanced: of the map from inputs to outputs. activation: root mean squares of the activations. growth: none.',
      ),
  })
  .meta({ id: 'SpaceMetrics' });
export type SpaceMetrics = z.infer<typeof SpaceMetricsSchema>;

export const TensorMetricsSchema = z
  .strictObject({
    name: z.string(),
    source_shapes: z.array(shape),
    shape,
    mean_abs_error: z
      .number()
      .describe('mean |W − F·E·W|: over the whole concatenated matrix (diag), or the mean of the sources’ (separate).'),
    mean_abs_error_by_source: z.array(z.number()).describe('Over each source’s own matrix.'),
    max_abs_error: z.number(),
    relative_error: z.number().describe('‖W − F·E·W‖_F / ‖W‖_F.'),
    optimal_relative_error: ratio.describe('Eckart–Young bound at this width; null where stored bases do not tell.'),
    optimality_ratio: ratio.describe(
      'relative_error / optimal_relative_error; null where the bound is unknown or below 1e-6.',
    ),
  })
  .meta({ id: 'TensorMetrics' });
export type TensorMetrics = z.infer<typeof TensorMetricsSchema>;

/** As TensorMetrics; several tensors write one space of a transformer, so the bound is the space's. */
export const TransformerTensorMetricsSchema = TensorMetricsSchema.extend({
  mean_abs_error: z
    .number()
    .describe(
      'mean |W − F·E·W| of the sources’ own weights: over the whole concatenated matrix (diag), or the mean of the sources’ (separate). Writers of the residual stream: W as the basis sees it, at the joint stream’s scale, centred where LayerNorm subtracts the mean. Writers of heads, units, transform and pooler: the rows left out. A calibrated merge fits its weights afterwards: then it says how far the sources’ weights lie outside the basis, not how far the result’s do.',
    ),
  relative_error: z.number().describe('‖W − F·E·W‖_F / ‖W‖_F.'),
  optimal_relative_error: z
    .null()
    .describe(
      'Not defined for one of several writers of a space: one basis serves them all. For basis weight, 1 − retained_energy of the residual space is the least possible mean of their squared relative errors.',
    ),
}).meta({ id: 'TransformerTensorMetrics' });
export type TransformerTensorMetrics = z.infer<typeof TransformerTensorMetricsSchema>;

export const EndToEndSchema = z
  .strictObject({
    mean_abs_output: z.number().describe('mean |y|.'),
    mean_abs_error: z.number().describe('mean |y − y′|.'),
    relative_error: z.number().describe('‖y − y′‖ / ‖y‖.'),
    cosine: ratio,
    map_relative_error: ratio.describe('‖M′ − M‖_F / ‖M‖_F of the whole linear map.'),
  })
  .meta({ id: 'EndToEndMetrics' });
export type EndToEnd = z.infer<typeof EndToEndSchema>;

export const EnvironmentSchema = z
  .strictObject({
    backend: z.string(),
    library: z.string(),
    threads: z.number().int(),
    device: z.string().nullable(),
    reason: z.string().describe('Why this backend was taken.'),
    node: z.string(),
    weightfold: z.string(),
  })
  .meta({ id: 'Environment' });

const TimingsSchema = z
  .strictObject({
    read_s: seconds,
    basis_s: seconds,
    fold_s: seconds,
    evaluate_s: seconds,
    write_s: seconds,
    total_s: seconds,
  })
  .meta({ id: 'Timings' });

const losses = z.array(ratio).describe('Per source, nats; null for models without a language-model head.');

export const ProbeMetricsSchema = z
  .strictObject({
    name: z.string(),
    tokens: z.number().int().describe('Padding not counted.'),
    counted: z.number().int().describe('Places whose label counts.'),
    source_losses: losses,
    mean_of_sources_loss: ratio.describe('Of the mean of the sources’ logits, which needs all of them at once.'),
    result_loss: ratio,
    kl_to_mean: ratio.describe('Mean KL(mean of the sources ‖ result), nats.'),
    top1_agreement: ratio.describe('Share of places where result and mean of the sources prefer the same id.'),
    stream_error: z.array(z.number()).describe('Per norm: ‖x − E·n‖ / ‖E·n‖ of the normalised streams.'),
  })
  .meta({ id: 'ProbeMetrics' });

const TransformerSpaceMetricsSchema = z
  .strictObject({
    name: z.string(),
    source_width: z.number().int(),
    width: z.number().int(),
    legality: z.enum(['exact', 'selection', 'approximate']),
    reason: z.string(),
    retained_energy: ratio.describe(
      'Σ_{j≤r} λ_j / Σ λ_j of the residual space (basis balanced: the same share of what its writers write); null for a selection.',
    ),
    directions_by_source: z
      .array(z.number())
      .nullable()
      .describe(
        'Residual space: ‖E_i‖_F², the share of the directions that lies in each source, whole numbers where sources do not mix. Growth: trace(F·E), the source’s own. A selection: what is kept of each. null for a shared space.',
      ),
    identity_error: ratio.describe(
      'max |E·F − I| of the stored bases, less 11ᵀ/r where LayerNorm leaves a hyperplane; growth: max |F·E − I|, likewise less 11ᵀ/d with padding zero; 0 for a selection.',
    ),
  })
  .meta({ id: 'TransformerSpaceMetrics' });

export const TransformerMetricsSchema = z
  .strictObject({
    job_id: jobId,
    kind: z.literal('transformer'),
    fit: z.enum(['calibrated', 'closed_form']).describe('closed_form is an initialisation for further training.'),
    basis: z
      .enum(['weight', 'balanced', 'activation'])
      .optional()
      .describe('What the basis of the residual stream comes from. Absent in results of earlier versions.'),
    end_to_end: z
      .strictObject({
        source_losses: losses,
        mean_of_sources_loss: ratio,
        result_loss: ratio,
      })
      .describe('Means over the probes.'),
    probes: z.array(ProbeMetricsSchema),
    spaces: z.array(TransformerSpaceMetricsSchema),
    tensors: z.array(TransformerTensorMetricsSchema),
    merge: z.strictObject({
      retained_energy: z.number(),
      stream_scales: z
        .array(z.number())
        .describe('What each source’s weights were multiplied with to bring their streams to one scale.'),
      spectrum: z
        .array(z.number())
        .describe(
          'Eigenvalues of the residual space’s second moment, descending; basis balanced: squared singular values of Q·L; empty where it grew.',
        ),
      kept_groups: z
        .array(z.array(z.number().int()))
        .describe('Per layer and source: key-value groups of the result that are its own, copies counted.'),
      kept_units: z.array(z.array(z.number().int())).describe('Per layer and source: feed-forward units likewise.'),
      calibration_stream_error: z.array(z.number()).nullable(),
    }),
    timings: TimingsSchema,
    peak_memory_bytes: z.number().int(),
    environment: EnvironmentSchema,
  })
  .meta({ id: 'TransformerMetrics' });
export type TransformerMetrics = z.infer<typeof TransformerMetricsSchema>;

export const LinearMetricsSchema = z
  .strictObject({
    job_id: jobId,
    kind: z.literal('linear'),
    end_to_end: EndToEndSchema,
    spaces: z.array(SpaceMetricsSchema),
    tensors: z.array(TensorMetricsSchema),
    timings: TimingsSchema,
    peak_memory_bytes: z.number().int().describe('Peak resident memory of the compute process.'),
    environment: EnvironmentSchema,
  })
  .meta({ id: 'LinearMetrics' });
/** Metrics of a chain or an embedding. */
export type Metrics = z.infer<typeof LinearMetricsSchema>;

export const ComparisonRowSchema = z
  .strictObject({
    name: z.string(),
    kind: z.enum(['method', 'baseline']),
    share: z.number().nullable().describe('Width as a share of the sources’ together, where it was given as one.'),
    widths: z.record(z.string(), z.number().int()).nullable().describe('Per space; null for a baseline.'),
    parameters: z.number().int(),
    bytes: z.number().int().describe('Of the weights, in the result’s type.'),
    relative_error: ratio.describe('‖y − y′‖ / ‖y‖ on the probe; of an embedding, of the whole table.'),
    mean_abs_error: ratio.describe('mean |y − y′| on the probe.'),
    map_relative_error: ratio.describe('‖M′ − M‖_F / ‖M‖_F of the whole linear map.'),
    lower_bound: ratio.describe('No network of these widths has a smaller map_relative_error (Eckart–Young).'),
    loss: ratio.describe('Language models: mean loss over the probes, nats.'),
    losses: z.array(ratio).nullable().describe('Language models: per probe.'),
    seconds: ratio.describe('Bases and fold; a decomposition shared by several rows counts in the first.'),
  })
  .meta({ id: 'ComparisonRow' });
export type ComparisonRow = z.infer<typeof ComparisonRowSchema>;

export const ComparisonSchema = z
  .strictObject({
    kind: z.literal('comparison'),
    measure: z
      .enum(['map_relative_error', 'relative_error', 'loss'])
      .describe('The column the plot shows: the first of these that every method has.'),
    probes: z.array(z.string()).describe('Names of the probes in `losses`.'),
    rows: z.array(ComparisonRowSchema),
    left_out: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
  })
  .meta({ id: 'Comparison', description: 'Error against width, per method, with baselines: comparison.json.' });
export type Comparison = z.infer<typeof ComparisonSchema>;

export const ComparisonMetricsSchema = ComparisonSchema.extend({
  job_id: jobId,
  timings: TimingsSchema,
  peak_memory_bytes: z.number().int(),
  environment: EnvironmentSchema,
}).meta({ id: 'ComparisonMetrics' });
export type ComparisonMetrics = z.infer<typeof ComparisonMetricsSchema>;

export const MetricsSchema = z
  .discriminatedUnion('kind', [LinearMetricsSchema, TransformerMetricsSchema, ComparisonMetricsSchema])
  .meta({ id: 'Metrics' });
export type AnyMetrics = z.infer<typeof MetricsSchema>;
