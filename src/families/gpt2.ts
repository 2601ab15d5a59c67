import type { FamilyDescriptionInput } from './description.js';
import { linear, norm, table } from './patterns.js';
import { stockConfig } from './stock-config.js';

const layer = '{base}h.{layer}';
/** Conv1D stores [in, out]; c_attn holds q, k and v side by side. */
const conv1d = { layout: 'in_out', bias: 'required' } as const;

/** Radford et al. 2019. Stock classes GPT2LMHeadModel and GPT2Model. */
export const gpt2: FamilyDescriptionInput = {
  family: 'gpt2',
  model_types: ['gpt2'],
  architectures: {
    GPT2LMHeadModel: { head: 'causal' },
    GPT2DoubleHeadsModel: { head: 'causal', as: 'GPT2LMHeadModel' },
    GPT2Model: { head: 'none' },
  },
  base_prefix: 'transformer.',
  norm: { kind: 'layer', placement: 'pre', epsilon: { key: 'layer_norm_epsilon', default: 1e-5 } },
  attention: { kind: 'causal', causal_key: 'is_causal' },
  positions: { kind: 'learned' },
  activation: { key: 'activation_function', default: 'gelu_new' },
  sizes: {
    hidden: 'n_embd',
    layers: 'n_layer',
    heads: 'n_head',
    intermediate: 'n_inner',
    intermediate_times_hidden: 4,
    vocabulary: 'vocab_size',
    positions: 'n_positions',
  },
  tie: { key: 'tie_word_embeddings', default: true },
  require: { scale_attn_weights: true, scale_attn_by_inverse_layer_idx: false, add_cross_attention: false },
  config: stockConfig('gpt2', [
    'n_ctx',
    'n_special',
    'predict_special_tokens',
    // computes the same in another order
    'reorder_and_upcast_attn',
    // of classes with a second head
    'summary_activation',
    'summary_first_dropout',
    'summary_proj_to_labels',
    'summary_type',
    'summary_use_proj',
  ]),
  buffers: [`${layer}.attn.bias`, `${layer}.attn.masked_bias`],
  tensors: [
    table('{base}wte', 'word', 'vocabulary'),
    table('{base}wpe', 'position', 'positions'),
    ...norm(`${layer}.ln_1`, 'attention_norm', 'layer'),
    ...linear(`${layer}.attn.c_attn`, ['q', 'k', 'v'], 'heads', 'residual', conv1d),
    ...linear(`${layer}.attn.c_proj`, 'o', 'residual', 'heads', conv1d),
    ...norm(`${layer}.ln_2`, 'ffn_norm', 'layer'),
    ...linear(`${layer}.mlp.c_fc`, 'up', 'ffn', 'residual', conv1d),
    ...linear(`${layer}.mlp.c_proj`, 'down', 'residual', 'ffn', conv1d),
    ...norm('{base}ln_f', 'final_norm', 'layer'),
    ...linear('lm_head', 'decoder', 'vocabulary', 'residual'),
  ],
};
