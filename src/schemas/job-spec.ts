import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { FamilyDescriptionSchema } from '../families/description.js';
import { BACKENDS, checkpointName, fileName, jobId, tensorName } from './common.js';
import { WebhookSchema } from './webhook.js';

/** Sources a merge may have. */
const MAX_SOURCES = 16;
/** Layers of a chain: far above any use, low enough that a spec stays small. */
const MAX_LAYERS = 4096;

const range = z
  .tuple([z.number().int().min(0), z.number().int().min(1)])
  .refine(([from, to]) => from < to, 'must be [from, to) with from < to')
  .describe('Half-open range [from, to).');

const slice = {
  columns: range.optional().describe('Columns of the source tensor to use, half-open. Default all.'),
  rows: range.optional().describe('Rows of the source tensor to use, half-open. Default all.'),
};

const CheckpointSourceSchema = z
  .strictObject({ checkpoint: checkpointName, ...slice })
  .meta({ id: 'CheckpointSource', description: 'A model that was uploaded.' });

const UriSourceSchema = z
  .strictObject({
    uri: z
      .string()
      .max(4096)
      .regex(/^(file|https?|hf|s3):\/\//, 'must start with file://, https://, hf:// or s3://')
      .refine(
        (uri) => uri.startsWith('file:') || !/[?#]|\/\/[^/]*@[^/]*(\/|$)/.test(uri.replace(/^hf:\/\/[^@]*@/, 'hf://')),
        {
          error: 'must hold neither credentials nor a query: specs are stored and shown',
        },
      )
      .describe(
        'A folder or .safetensors file: file:///models/b (under one of SOURCE_ROOTS), https://host/folder, ' +
          'hf://org/name@revision, s3://bucket/prefix (under one of S3_SOURCES).',
      ),
    ...slice,
  })
  .meta({ id: 'UriSource', description: 'A model that lies elsewhere.' });

export const SourceSchema = z
  .union([CheckpointSourceSchema, UriSourceSchema], {
    error: 'must be {"checkpoint": NAME} or {"uri": ADDRESS}, with rows or columns for a slice',
  })
  .meta({ id: 'Source', description: 'Where one source model is read from.' });
export type Source = z.infer<typeof SourceSchema>;

const width = z.number().int().min(1).describe('Width of this space in the result.');

const multipleOf = z
  .number()
  .int()
  .min(1)
  .max(65536)
  .optional()
  .describe('Round up to a multiple of this, as far as the sources’ widths reach.');

/** A width, or what it must achieve: the smallest width that does is chosen once the basis is known. */
export const WidthSchema = z
  .union(
    [
      width,
      z
        .strictObject({
          energy: z.number().gt(0).max(1).describe('Fewest directions that retain this share of Σ σ².'),
          multiple_of: multipleOf,
        })
        .meta({ id: 'EnergyGoal' }),
      z
        .strictObject({
          max_relative_error: z
            .number()
            .min(0)
            .lt(1)
            .describe('Fewest directions with sqrt(Σ_{j>r} σ_j² / Σ σ_j²) at most this.'),
          multiple_of: multipleOf,
        })
        .meta({ id: 'ErrorGoal' }),
    ],
    { error: 'must be a number, {"energy": share} or {"max_relative_error": bound}' },
  )
  .meta({ id: 'Width', description: 'Width of a space in the result, or what it must achieve.' });
/** A width that is known only with the basis. */
export type WidthGoal = Exclude<z.infer<typeof WidthSchema>, number>;

const ChainModelSchema = z
  .strictObject({
    family: z.literal('chain'),
    inputs: z.enum(['concatenated', 'shared']).default('concatenated'),
    outputs: z.enum(['concatenated', 'shared']).default('concatenated'),
    layers: z
      .array(
        z.strictObject({
          weight: tensorName.describe('Tensor [out, in] of this layer.'),
          bias: tensorName.optional().describe('Tensor [out].'),
          width: WidthSchema.optional().describe('Width of this layer’s output; every layer but the last has one.'),
        }),
      )
      .min(1)
      .max(MAX_LAYERS),
    width: WidthSchema.optional().describe(
      'Width of every layer but the last that names none. max_relative_error is of the whole map, end to end (basis balanced).',
    ),
  })
  .meta({ id: 'ChainModel', description: 'Linear layers applied one after the other.' });
export type ChainModel = z.infer<typeof ChainModelSchema>;

const EmbeddingModelSchema = z
  .strictObject({
    family: z.literal('embedding'),
    tensor: tensorName.describe('Tensor [vocabulary, width].'),
    width: WidthSchema.optional().describe('Width of the table in the result; in a comparison each point gives it.'),
  })
  .meta({ id: 'EmbeddingModel', description: 'One embedding table; the vocabulary is shared by all sources.' });
export type EmbeddingModel = z.infer<typeof EmbeddingModelSchema>;

const extraTensors = z
  .enum(['fail', 'drop', 'keep_first'])
  .default('fail')
  .describe('Tensors the family does not know: refuse the job, leave them out, or copy source 1’s.');

const TransformerModelSchema = z
  .strictObject({
    family: z
      .enum(['auto', 'bert', 'roberta', 'gpt2', 'llama', 'mistral', 'qwen2'])
      .describe('auto: from the sources’ config.json.'),
    extra_tensors: extraTensors,
  })
  .meta({ id: 'TransformerModel', description: 'A whole transformer of a known family.' });

const CustomModelSchema = z
  .strictObject({ family: z.literal('custom'), description: FamilyDescriptionSchema, extra_tensors: extraTensors })
  .meta({ id: 'CustomModel', description: 'A whole transformer of a family described inline.' });
export type TransformerModel = z.infer<typeof TransformerModelSchema> | z.infer<typeof CustomModelSchema>;

export const TargetSchema = z
  .strictObject({
    hidden_size: width.optional(),
    intermediate_size: width.optional(),
    num_attention_heads: width.optional(),
    num_key_value_heads: width.optional().describe('Default: keeps the sources’ group size.'),
  })
  .meta({
    id: 'Target',
    description:
      'Sizes of the result; what is left out keeps all that the sources have. A single source may grow, up to 64 times.',
  });

const tokenTensor = {
  checkpoint: checkpointName,
  file: fileName,
  attention_mask: tensorName
    .optional()
    .describe('Integers or booleans [rows, tokens]; places that hold 0 are padding and take no part in anything.'),
};

const TensorCalibrationSchema = z
  .strictObject({
    ...tokenTensor,
    tensor: tensorName.describe(
      'Transformers and embeddings: integers [rows, tokens]. Chains: floats [rows, inputs], the sources’ side by side where concatenated.',
    ),
  })
  .meta({ id: 'TensorCalibration' });

const GeneratedCalibrationSchema = z
  .strictObject({
    generate: z.strictObject({
      sequences: z.number().int().min(1).max(65536).optional().describe('In all; default 256 per source.'),
      length: z.number().int().min(2).max(8192).optional().describe('Tokens per sequence; default 64.'),
      seed: z.number().int().min(0).max(0xffffffff).optional(),
      mask_token_id: z
        .number()
        .int()
        .min(0)
        .optional()
        .describe('Masked models; default from config.json, else usual.'),
    }),
  })
  .meta({ id: 'GeneratedCalibration' });

const CalibrationSchema = z
  .union([TensorCalibrationSchema, GeneratedCalibrationSchema], {
    error: 'must be {"checkpoint": NAME, "file": NAME, "tensor": NAME} or {"generate": {}}',
  })
  .meta({
    id: 'Calibration',
    description:
      'What the sources are run on: tokens (a file’s, or sampled from the sources) or, for chains, rows of inputs.',
  });

export const MethodSchema = z
  .strictObject({
    mode: z
      .enum(['diag', 'separate'])
      .default('diag')
      .describe('diag: one PCA of all sources together. separate: one PCA per source, width/N directions each.'),
    basis: z
      .enum(['weight', 'balanced', 'activation'])
      .default('weight')
      .describe(
        'weight: PCA of the writers’ second moment. balanced: writers and readers, the optimum of a chain’s whole map. activation: PCA of the activations on calibration data. Whole transformers: balanced (of the tensors around the stream) and activation in closed form only.',
      ),
    factorization: z
      .enum(['auto', 'weight', 'covariance'])
      .default('auto')
      .describe('weight: E = Uᵀ. covariance: E = diag(σ)·Uᵀ. auto: covariance where min(rows, cols) ≤ width.'),
    solver: z
      .discriminatedUnion('type', [
        z.strictObject({ type: z.literal('exact') }).meta({ id: 'ExactSolver' }),
        z
          .strictObject({
            type: z.literal('randomized'),
            niter: z.number().int().min(0).max(100).default(2).describe('Subspace iterations.'),
            seed: z.number().int().min(0).max(0xffffffff).default(33),
          })
          .meta({ id: 'RandomizedSolver' }),
      ])
      .default({ type: 'exact' }),
    padding: z
      .enum(['orthonormal', 'zero'])
      .default('orthonormal')
      .describe(
        'Fold columns of directions beyond the numerical rank. One source, wider: zero appends units without weights.',
      ),
    calibration: CalibrationSchema.optional().describe(
      'Transformers: what a merge is fitted on. Basis activation: what it is measured on. Basis balanced: the inputs’ second moment (isotropic without).',
    ),
    fit: z
      .enum(['auto', 'calibrated', 'closed_form'])
      .default('auto')
      .describe('Whole transformers: calibrated when calibration is given, else closed_form.'),
  })
  .meta({ id: 'Method' });
export type Method = z.infer<typeof MethodSchema>;

/** Methods times widths of a comparison, the notebook's two included. */
export const MAX_POINTS = 256;

const ComparedMethodSchema = MethodSchema.extend({
  name: z.string().min(1).max(80).optional().describe('What the table calls it. Default: from its settings.'),
}).meta({ id: 'ComparedMethod', description: 'A method as `method` of a merge, with a name.' });

const ComparedWidthsSchema = z
  .union(
    [
      z.number().gt(0).max(1).describe('Share of the sources’ widths together, the same for every space.'),
      z
        .record(z.string(), z.number().int().min(1))
        .describe('Width per space (h0, h1, …; `width` of an embedding), or the sizes of a `target`.'),
    ],
    { error: 'must be a share such as 0.75, or a width per space such as {"h0": 768}' },
  )
  .meta({ id: 'ComparedWidths' });
export type ComparedWidths = z.infer<typeof ComparedWidthsSchema>;

export const BASELINES = ['notebook', 'sources', 'mean_of_outputs', 'mean_of_weights'] as const;

const CompareSchema = z
  .strictObject({
    methods: z
      .array(ComparedMethodSchema)
      .min(1)
      .max(32)
      .optional()
      .describe('Default: the methods weightfold has for the family.'),
    widths: z.array(ComparedWidthsSchema).min(1).max(MAX_POINTS),
    baselines: z
      .array(z.enum(BASELINES))
      .default([...BASELINES])
      .describe(
        'notebook: the randomized weight PCA, diag and separate, at every width. sources: each source alone. ' +
          'mean_of_outputs, mean_of_weights: where the sources’ shapes allow it.',
      ),
  })
  .meta({
    id: 'Compare',
    description: 'Several methods over the same sources, at several widths: the result is one table, no weights.',
  });
export type Compare = z.infer<typeof CompareSchema>;

const TokenProbeSchema = z
  .strictObject({
    name: z.string().min(1).max(100).optional(),
    ...tokenTensor,
    ids: tensorName.describe('Integers [rows, tokens].'),
    labels: tensorName.optional().describe('Integers [rows, tokens]. Default for causal models: the next id.'),
    mask: tensorName.optional().describe('[rows, tokens]; places whose label counts.'),
  })
  .meta({ id: 'TokenProbe', description: 'Tokens on which a language model’s loss is measured.' });
export type TokenProbe = z.infer<typeof TokenProbeSchema>;

const RandomProbeSchema = z
  .strictObject({
    inputs: z.literal('random'),
    rows: z.number().int().min(1).max(65536).default(32),
    seed: z.number().int().min(0).max(0xffffffff).default(33),
  })
  .meta({ id: 'RandomProbe' });

const TensorProbeSchema = z
  .strictObject({ checkpoint: checkpointName, file: fileName, tensor: tensorName })
  .meta({ id: 'TensorProbe', description: 'Floats [rows, inputs].' });

export const ProbeSchema = z
  .union([TokenProbeSchema, z.array(TokenProbeSchema).min(1).max(16), RandomProbeSchema, TensorProbeSchema], {
    error:
      'must be {"inputs": "random"} or {"checkpoint": NAME, "file": NAME, "tensor": NAME}; for language models ' +
      '{"checkpoint": NAME, "file": NAME, "ids": NAME} or a list of those',
  })
  .meta({ id: 'Probe', description: 'Inputs on which the merged network is compared with its sources.' });

const StoredBasesSpecSchema = z
  .strictObject({
    job: jobId.describe('A succeeded job of a chain or an embedding.'),
    spaces: z
      .record(z.string(), z.string())
      .optional()
      .describe('Space of this job → space of that one. Default: the same name.'),
  })
  .meta({
    id: 'StoredBases',
    description:
      'Take the bases of an earlier job instead of computing them: for another width, or for further tensors. basis and mode must be that job’s.',
  });

/** Said of a key that breaks it. */
const LABEL_RULE = 'is no name of a label: up to 63 letters, digits and . _ / -, a letter or digit first';

export const JobSpecSchema = z
  .strictObject({
    name: z.string().min(1).max(200).optional(),
    labels: z
      .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/), z.string().max(256), {
        error: ({ code }) => (code === 'invalid_key' ? LABEL_RULE : undefined),
      })
      .refine((labels) => Object.keys(labels).length <= 32, 'at most 32 labels')
      .default({})
      .describe('Free-form labels, for filtering.'),
    sources: z.array(SourceSchema).min(1).max(MAX_SOURCES),
    source_weights: z
      .array(z.number().min(0).max(1))
      .optional()
      .describe('Weights of the sources in shared outputs, sum 1. Default 1/N each.'),
    model: z.discriminatedUnion('family', [
      ChainModelSchema,
      EmbeddingModelSchema,
      TransformerModelSchema,
      CustomModelSchema,
    ]),
    target: TargetSchema.optional().describe('Whole transformers only: sizes of the result.'),
    method: MethodSchema.prefault({}),
    bases: StoredBasesSpecSchema.optional(),
    compare: CompareSchema.optional(),
    probe: ProbeSchema.prefault({ inputs: 'random' }),
    output: z
      .strictObject({
        dtype: z
          .enum(['float64', 'float32', 'float16', 'bfloat16'])
          .optional()
          .describe('Default: the widest type among the sources’ tensors.'),
        max_shard_size: z
          .union(
            [
              z.number().int().min(1),
              z.string().regex(/^[1-9][0-9]{0,11}(B|KB|MB|GB|KiB|MiB|GiB)$/, 'must look like 5GB or 500MiB'),
            ],
            { error: 'must be bytes, or look like 5GB or 500MiB' },
          )
          .default('5GB')
          .describe('Largest size of one output file; a single tensor larger than this gets a file of its own.'),
        directions: z
          .boolean()
          .default(false)
          .describe(
            'Keep every direction of each basis in directions.safetensors, so that a later job can take any width from it.',
          ),
      })
      .prefault({}),
    compute: z
      .strictObject({
        backend: z
          .enum(BACKENDS)
          .default('auto')
          .describe('cuda and tfjs wait for a worker that has that backend; auto and cpu run on any.'),
      })
      .prefault({}),
    webhook: WebhookSchema.optional(),
    priority: z.number().int().min(0).max(1000).default(0).describe('Higher runs first.'),
    timeout_seconds: z.number().int().min(1).max(604800).default(3600).describe('Of one attempt at one step.'),
    max_attempts: z.number().int().min(1).max(10).default(3).describe('At each step.'),
  })
  .superRefine((spec, context) => {
    const whole = isTransformer(spec.model);
    const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (whole && !spec.target && !spec.compare) refuse(['target'], 'is needed for whole transformers');
    if (!whole && spec.target) refuse(['target'], 'is for whole transformers; chains and embeddings have widths');
    for (const { method, path } of methodsIn(spec))
      for (const { at, message } of contradictions(method, whole, spec.bases !== undefined))
        refuse([...path, at], message);
    if (spec.bases && whole) refuse(['bases'], 'is for chains and embeddings');
    if (spec.bases && spec.compare) refuse(['bases'], 'is for merges; a comparison decomposes once as it is');
    if (spec.bases && spec.method.calibration) refuse(['method', 'calibration'], 'is not used with stored bases');
    if (spec.output.directions && (whole || spec.compare))
      refuse(['output', 'directions'], 'is for merges of chains and embeddings');
    const tokens = Array.isArray(spec.probe) || 'ids' in spec.probe;
    if (!whole && tokens) refuse(['probe'], 'names tokens; chains take inputs: "random" or a tensor of floats');
    if (whole && 'tensor' in spec.probe) refuse(['probe'], 'names a tensor of floats; language models take ids');
    if (spec.compare) {
      if (whole && !tokens) refuse(['probe'], 'is needed to compare language models: tokens on which to take losses');
      if (whole && spec.target) refuse(['target'], 'is given by each of compare.widths');
      if (!isDeepStrictEqual(spec.method, MethodSchema.parse({})))
        refuse(['method'], 'is given by each of compare.methods');
    }
    const weights = spec.source_weights;
    if (!weights) return;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (weights.length !== spec.sources.length || Math.abs(sum - 1) > 1e-6)
      context.addIssue({
        code: 'custom',
        path: ['source_weights'],
        message: `must hold one weight per source (${spec.sources.length}) with sum 1; got ${weights.length} with sum ${sum}`,
      });
  })
  .meta({ id: 'JobSpec', description: 'What to merge, how, and what to report.' });

/** The method of a merge, or those of a comparison, and where they stand in the spec. */
function methodsIn({ method, compare }: { method: Method; compare?: Compare }) {
  if (!compare) return [{ method, path: ['method'] }];
  return (compare.methods ?? []).map((compared, m) => ({ method: compared, path: ['compare', 'methods', m] }));
}

/** Parts of a method that no sources can make sense of together. */
function contradictions(
  { basis, calibration, fit }: Method,
  whole: boolean,
  stored: boolean,
): { at: string; message: string }[] {
  const found: { at: string; message: string }[] = [];
  if (!whole && calibration && 'generate' in calibration)
    found.push({ at: 'calibration', message: 'text is generated by whole transformers only; name a tensor' });
  if (!whole && calibration && basis === 'weight')
    found.push({ at: 'calibration', message: 'is not used by basis weight; use basis activation or balanced' });
  if (whole && basis === 'balanced' && fit === 'calibrated')
    found.push({ at: 'fit', message: 'must be closed_form for basis balanced of whole transformers' });
  if (whole && basis === 'balanced' && calibration)
    found.push({
      at: 'calibration',
      message: 'is not used by basis balanced of whole transformers, which looks at weights alone; leave it out',
    });
  if (whole && basis === 'activation' && fit !== 'closed_form')
    found.push({
      at: 'fit',
      message:
        'must be closed_form for basis activation of whole transformers; a calibrated fit measures activations anyway',
    });
  if (basis === 'activation' && !calibration && !stored)
    found.push({ at: 'calibration', message: 'is needed for basis activation: what the activations are measured on' });
  return found;
}

/** Whether the model is a whole transformer, which has a config.json and a target of its own. */
export function isTransformer(model: { family: string }): model is TransformerModel {
  return model.family !== 'chain' && model.family !== 'embedding';
}

/** A spec as clients write it, defaults left out. */
export type JobSpecInput = z.input<typeof JobSpecSchema>;
/** A spec with every default filled in: what is stored and run. */
export type JobSpec = z.output<typeof JobSpecSchema>;
