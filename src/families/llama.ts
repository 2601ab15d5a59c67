import type { FamilyDescriptionInput } from './description.js';
import { linear, norm, table } from './patterns.js';
import { stockConfig } from './stock-config.js';

const layer = '{base}layers.{layer}';
const attention = { bias: 'required', biasFlag: 'attention_bias' } as const;
const mlp = { bias: 'required', biasFlag: 'mlp_bias' } as const;

/** Touvron et al. 2023. Stock classes LlamaForCausalLM and LlamaModel. */
export const llama: FamilyDescriptionInput = {
  family: 'llama',
  model_types: ['llama'],
  architectures: { LlamaForCausalLM: { head: 'causal' }, LlamaModel: { head: 'none' } },
  base_prefix: 'model.',
  norm: { kind: 'rms', placement: 'pre', epsilon: { key: 'rms_norm_eps', default: 1e-6 } },
  attention: { kind: 'causal', causal_key: 'is_causal' },
  positions: { kind: 'rotary', theta: { key: 'rope_theta', default: 10000 } },
  activation: { key: 'hidden_act', default: 'silu' },
  sizes: {
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_attention_heads',
    kv_heads: 'num_key_value_heads',
    head_dim: 'head_dim',
    intermediate: 'intermediate_size',
    vocabulary: 'vocab_size',
    positions: 'max_position_embeddings',
  },
  tie: { key: 'tie_word_embeddings', default: false },
  require: { rope_interleaved: false },
  config: stockConfig('llama'),
  buffers: [`${layer}.self_attn.rotary_emb.inv_freq`, '{base}rotary_emb.inv_freq'],
  tensors: [
    table('{base}embed_tokens', 'word', 'vocabulary'),
    ...norm(`${layer}.input_layernorm`, 'attention_norm', 'rms'),
    ...linear(`${layer}.self_attn.q_proj`, 'q', 'heads', 'residual', attention),
    ...linear(`${layer}.self_attn.k_proj`, 'k', 'kv_heads', 'residual', attention),
    ...linear(`${layer}.self_attn.v_proj`, 'v', 'kv_heads', 'residual', attention),
    ...linear(`${layer}.self_attn.o_proj`, 'o', 'residual', 'heads', attention),
    ...norm(`${layer}.post_attention_layernorm`, 'ffn_norm', 'rms'),
    ...linear(`${layer}.mlp.gate_proj`, 'gate', 'ffn', 'residual', mlp),
    ...linear(`${layer}.mlp.up_proj`, 'up', 'ffn', 'residual', mlp),
    ...linear(`${layer}.mlp.down_proj`, 'down', 'residual', 'ffn', mlp),
    ...norm('{base}norm', 'final_norm', 'rms'),
    ...linear('lm_head', 'decoder', 'vocabulary', 'residual'),
  ],
};
