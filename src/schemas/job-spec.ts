import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { BACKENDS, jobId } from './common.js';
import { type Compare, CompareSchema } from './compare.js';
import { contradictions } from './contradictions.js';
import { type Method, MethodSchema } from './method.js';
import { isTransformer, ModelSchema, TargetSchema } from './model.js';
import { PRINTABLE, PRINTABLE_RULE } from './printable.js';
import { ProbeSchema } from './probe.js';
import { SourceSchema } from './source.js';
import { WebhookSchema } from './webhook.js';

/** Sources a merge may have. */
const MAX_SOURCES = 16;

const printable = z.string().max(512).regex(PRINTABLE, PRINTABLE_RULE);

const StoredBasesSpecSchema = z
  .strictObject({
    job: jobId.describe('A succeeded job of a chain or an embedding.'),
    spaces: z
      .record(printable, printable)
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
    name: z.string().min(1).max(200).regex(PRINTABLE, PRINTABLE_RULE).optional(),
    labels: z
      .record(
        z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/),
        z.string().max(256).regex(PRINTABLE, PRINTABLE_RULE),
        {
          error: ({ code }) => (code === 'invalid_key' ? LABEL_RULE : undefined),
        },
      )
      .refine((labels) => Object.keys(labels).length <= 32, 'at most 32 labels')
      .default({})
      .describe('Free-form labels, for filtering.'),
    sources: z.array(SourceSchema).min(1).max(MAX_SOURCES),
    source_weights: z
      .array(z.number().min(0).max(1))
      .optional()
      .describe('Weights of the sources in shared outputs, sum 1. Default 1/N each.'),
    model: ModelSchema,
    target: TargetSchema.optional().describe('Whole transformers only: sizes of the result.'),
    method: MethodSchema.prefault({}),
    bases: StoredBasesSpecSchema.optional(),
    compare: CompareSchema.optional(),
    probe: ProbeSchema.optional(),
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
    const { probe } = spec;
    const tokens = probe !== undefined && (Array.isArray(probe) || 'ids' in probe);
    if (!whole && tokens) refuse(['probe'], 'names tokens; chains take inputs: "random" or a tensor of floats');
    if (whole && probe && 'tensor' in probe) refuse(['probe'], 'names a tensor of floats; language models take ids');
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

/** A spec as clients write it, defaults left out. */
export type JobSpecInput = z.input<typeof JobSpecSchema>;
/** A spec with every default filled in: what is stored and run. */
export type JobSpec = z.output<typeof JobSpecSchema>;
