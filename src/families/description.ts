import { z } from 'zod';
import { PRINTABLE, PRINTABLE_RULE } from '../schemas/printable.js';

/**
 * What a tensor does, whatever its family calls it. `q`, `k`, `v`, `o`, `gate`, `up`, `down` and the two layer norms
 * exist once per layer.
 */
export const SLOTS = [
  'word',
  'position',
  'type',
  'embedding_norm',
  'attention_norm',
  'ffn_norm',
  'final_norm',
  'q',
  'k',
  'v',
  'o',
  'gate',
  'up',
  'down',
  'transform',
  'transform_norm',
  'decoder',
  'pooler',
] as const;
export type Slot = (typeof SLOTS)[number];

/** Slots of a language-model head. */
export const HEAD_SLOTS: readonly Slot[] = ['transform', 'transform_norm', 'decoder'];

/** Activation axes that tensors share. `heads` holds heads · head_dim, `kv_heads` kv heads · head_dim. */
export const SPACES = [
  'residual',
  'heads',
  'kv_heads',
  'ffn',
  'vocabulary',
  'positions',
  'types',
  'transform',
  'pooler',
] as const;
export type Space = (typeof SPACES)[number];

export const ACTIVATIONS = ['gelu', 'gelu_new', 'silu', 'relu'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/** Entries of each list of a description: far above any family, low enough that a description stays small. */
const MOST_PATTERNS = 256;
const MOST_NAMES = 16;
const MOST_TYPES = 64;

const configKey = z.string().min(1).max(64).describe('Key of config.json.');
const name = z.string().min(1).max(256).regex(PRINTABLE, PRINTABLE_RULE);

const TensorPatternSchema = z
  .strictObject({
    name: name.describe('{base} stands for the optional prefix of the base model, {layer} for the layer index.'),
    aliases: z
      .array(name)
      .max(MOST_NAMES)
      .default([])
      .describe('Older names of the same tensor; the result uses `name`.'),
    also: z
      .array(name)
      .max(MOST_NAMES)
      .default([])
      .describe(
        'Further names under which the result stores the same values. Where the embeddings of a source are tied, and ' +
          '`name` is absent, its values are read from there.',
      ),
    slots: z
      .array(z.enum(SLOTS))
      .min(1)
      .max(SLOTS.length)
      .describe('More than one: equal sections along the output axis (fused q, k, v).'),
    part: z.enum(['weight', 'bias']).default('weight'),
    axes: z.array(z.enum(SPACES)).min(1).max(2).describe('Spaces of the axes, in the order of the file.'),
    layout: z
      .enum(['out_in', 'in_out'])
      .default('out_in')
      .describe('in_out: embeddings and Conv1D, whose columns write.'),
    optional: z.boolean().default(false),
    flag: z
      .strictObject({ key: configKey, default: z.boolean() })
      .optional()
      .describe('Boolean key of config.json: the stock class has the tensor only where it is true.'),
  })
  .refine(({ part, axes, slots }) => axes.length === (part === 'bias' || slots[0]?.endsWith('_norm') ? 1 : 2), {
    message: 'weights have two axes, biases and norms one',
    path: ['axes'],
  })
  .meta({ id: 'TensorPattern' });
export type TensorPattern = z.output<typeof TensorPatternSchema>;

const JSON_TYPES = ['integer', 'number', 'string', 'boolean', 'null', 'array', 'object'] as const;

const ConfigKeysSchema = z.record(
  configKey,
  z.strictObject({
    default: z.union([z.string(), z.number(), z.boolean(), z.null()]).describe('Value where the key is absent.'),
    types: z.array(z.enum(JSON_TYPES)).min(1).max(JSON_TYPES.length).readonly(),
  }),
);
export type ConfigKeys = z.input<typeof ConfigKeysSchema>;

const PositionsSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('learned'),
    offset: z
      .enum(['none', 'padding'])
      .default('none')
      .describe('padding: row pad_token_id + 1 is the first place, and padding has a row of its own (RoBERTa).'),
  }),
  z.strictObject({
    kind: z.literal('rotary'),
    theta: z.strictObject({ key: configKey, default: z.number().positive() }),
  }),
]);

/** A model family as data: everything the planner and the forward pass need to know, and nothing to execute. */
export const FamilyDescriptionSchema = z
  .strictObject({
    family: z.string().min(1).max(64).regex(PRINTABLE, PRINTABLE_RULE),
    model_types: z.array(z.string()).min(1).max(MOST_TYPES).describe('Values of config.json model_type.'),
    architectures: z
      .record(
        z.string(),
        z.strictObject({
          head: z.enum(['none', 'causal', 'masked']),
          model_type: z.string().optional().describe('Where the classes of two model types share a family.'),
          as: z
            .string()
            .optional()
            .describe('Class of the result, where this one has a further head that is not merged.'),
        }),
      )
      .describe('Stock classes and the head each carries. Where config.json names none, the tensors decide.'),
    base_prefix: z.string().describe('Prefix of the base model inside a model with a head; files may lack it.'),
    norm: z.strictObject({
      kind: z.enum(['layer', 'rms']),
      placement: z.enum(['pre', 'post']),
      epsilon: z.strictObject({ key: configKey, default: z.number().positive() }),
    }),
    attention: z.strictObject({
      kind: z.enum(['causal', 'bidirectional']),
      causal_key: configKey.optional().describe('Boolean key; where it is false, a causal model looks both ways.'),
      sliding_window: z
        .strictObject({
          key: configKey,
          default: z.number().int().nullable(),
          enabled_key: configKey.optional().describe('Boolean key; the window counts only when it is true.'),
          from_layer_key: configKey.optional().describe('First layer with a window.'),
          layer_types_key: configKey
            .optional()
            .describe('List of "sliding_attention" or "full_attention" for each layer; instead of the first layer.'),
        })
        .optional(),
    }),
    positions: PositionsSchema,
    activation: z.strictObject({
      key: configKey,
      default: z.string(),
      head: z.enum(ACTIVATIONS).optional().describe('Of the transform before the decoder. Absent: the key’s.'),
    }),
    sizes: z.strictObject({
      hidden: configKey,
      layers: configKey,
      heads: configKey,
      kv_heads: configKey.optional().describe('Absent: as many as heads.'),
      head_dim: configKey.optional().describe('Absent: hidden / heads, which then must divide.'),
      intermediate: configKey,
      intermediate_times_hidden: z
        .number()
        .positive()
        .max(64)
        .optional()
        .describe('Where the key is null: this times hidden.'),
      vocabulary: configKey,
      positions: configKey.optional(),
      types: configKey.optional(),
    }),
    tie: z
      .strictObject({ key: configKey, default: z.boolean() })
      .describe('Whether the decoder is the word embedding.'),
    require: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .default({})
      .describe('Config keys that, where present, must hold this value.'),
    config: z
      .strictObject({
        keys: ConfigKeysSchema.describe('Keys that a config.json of the family may have.'),
        ignored: z
          .array(configKey)
          .max(MOST_PATTERNS)
          .describe('Keys that do not change what the model computes, whatever they hold.'),
      })
      .optional()
      .describe(
        'Where given, a key of config.json that this description neither reads nor ignores must hold its default, and ' +
          'every value must have its type. A key that `keys` lacks is refused where it means something in another text ' +
          'model; other such keys give a warning. Absent: such keys are not looked at.',
      ),
    buffers: z.array(name).max(MOST_PATTERNS).default([]).describe('Tensors that hold no weights; left out silently.'),
    tensors: z.array(TensorPatternSchema).min(1).max(MOST_PATTERNS),
  })
  .meta({ id: 'FamilyDescription', description: 'A transformer family, as data.' });
export type FamilyDescription = z.output<typeof FamilyDescriptionSchema>;
export type FamilyDescriptionInput = z.input<typeof FamilyDescriptionSchema>;
