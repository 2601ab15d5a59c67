import type { FamilyDescriptionInput } from './description.js';
import { linear, norm, table } from './patterns.js';
import { stockConfig } from './stock-config.js';

const layer = '{base}encoder.layer.{layer}';
/** Keys that an encoder does not read: `is_causal` matters in decoders, the others to poolers that no class has any more. */
export const ENCODER_IGNORED = [
  'is_causal',
  'directionality',
  'pooler_fc_size',
  'pooler_num_attention_heads',
  'pooler_num_fc_layers',
  'pooler_size_per_head',
  'pooler_type',
];
const required = { bias: 'required' } as const;

/** Devlin et al. 2019. Stock classes BertForMaskedLM and BertModel. */
export const bert: FamilyDescriptionInput = {
  family: 'bert',
  model_types: ['bert'],
  architectures: {
    BertForMaskedLM: { head: 'masked' },
    BertForPreTraining: { head: 'masked', as: 'BertForMaskedLM' },
    BertModel: { head: 'none' },
  },
  base_prefix: 'bert.',
  norm: { kind: 'layer', placement: 'post', epsilon: { key: 'layer_norm_eps', default: 1e-12 } },
  attention: { kind: 'bidirectional' },
  positions: { kind: 'learned' },
  activation: { key: 'hidden_act', default: 'gelu' },
  sizes: {
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_attention_heads',
    intermediate: 'intermediate_size',
    vocabulary: 'vocab_size',
    positions: 'max_position_embeddings',
    types: 'type_vocab_size',
  },
  tie: { key: 'tie_word_embeddings', default: true },
  require: { position_embedding_type: 'absolute', is_decoder: false, add_cross_attention: false },
  config: stockConfig('bert', ENCODER_IGNORED),
  buffers: ['{base}embeddings.position_ids', '{base}embeddings.token_type_ids'],
  tensors: [
    table('{base}embeddings.word_embeddings', 'word', 'vocabulary'),
    table('{base}embeddings.position_embeddings', 'position', 'positions'),
    table('{base}embeddings.token_type_embeddings', 'type', 'types'),
    ...norm('{base}embeddings.LayerNorm', 'embedding_norm', 'layer'),
    ...linear(`${layer}.attention.self.query`, 'q', 'heads', 'residual', required),
    ...linear(`${layer}.attention.self.key`, 'k', 'heads', 'residual', required),
    ...linear(`${layer}.attention.self.value`, 'v', 'heads', 'residual', required),
    ...linear(`${layer}.attention.output.dense`, 'o', 'residual', 'heads', required),
    ...norm(`${layer}.attention.output.LayerNorm`, 'attention_norm', 'layer'),
    ...linear(`${layer}.intermediate.dense`, 'up', 'ffn', 'residual', required),
    ...linear(`${layer}.output.dense`, 'down', 'residual', 'ffn', required),
    ...norm(`${layer}.output.LayerNorm`, 'ffn_norm', 'layer'),
    ...linear('{base}pooler.dense', 'pooler', 'pooler', 'residual', { ...required, optional: true }),
    ...linear('cls.predictions.transform.dense', 'transform', 'transform', 'residual', required),
    ...norm('cls.predictions.transform.LayerNorm', 'transform_norm', 'layer', 'transform'),
    ...linear('cls.predictions.decoder', 'decoder', 'vocabulary', 'transform'),
    // One parameter under two names where the embeddings are tied. Untied, the decoder adds its own; nothing reads the other.
    {
      name: 'cls.predictions.decoder.bias',
      also: ['cls.predictions.bias'],
      slots: ['decoder'],
      part: 'bias',
      axes: ['vocabulary'],
    },
  ],
};
