import { z } from 'zod';
import { FamilyDescriptionSchema } from '../families/description.js';
import { tensorName } from './common.js';
import { WidthSchema, width } from './width.js';

/** Layers of a chain: far above any use, low enough that a spec stays small. */
const MAX_LAYERS = 4096;

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
  .describe(
    'Tensors the family does not know: refuse the job, leave them out, or copy source 1’s. Inside the model they are always refused.',
  );

const TransformerModelSchema = z
  .strictObject({
    family: z
      .enum(['auto', 'bert', 'roberta', 'gpt2', 'llama', 'mistral', 'qwen2'])
      .describe('auto: from the sources’ config.json. Any other must be the family of their model_type.'),
    extra_tensors: extraTensors,
  })
  .meta({ id: 'TransformerModel', description: 'A whole transformer of a known family.' });

const CustomModelSchema = z
  .strictObject({ family: z.literal('custom'), description: FamilyDescriptionSchema, extra_tensors: extraTensors })
  .meta({ id: 'CustomModel', description: 'A whole transformer of a family described inline.' });
export type TransformerModel = z.infer<typeof TransformerModelSchema> | z.infer<typeof CustomModelSchema>;

export const ModelSchema = z.discriminatedUnion('family', [
  ChainModelSchema,
  EmbeddingModelSchema,
  TransformerModelSchema,
  CustomModelSchema,
]);

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

/** Whether the model is a whole transformer, which has a config.json and a target of its own. */
export function isTransformer(model: { family: string }): model is TransformerModel {
  return model.family !== 'chain' && model.family !== 'embedding';
}
