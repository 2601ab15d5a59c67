import type { FamilyDescriptionInput } from './description.js';
import { llama } from './llama.js';
import { stockConfig } from './stock-config.js';

/** Yang et al. 2024: Llama's tensors with biases in q, k and v only. Stock class Qwen2ForCausalLM. */
export const qwen2: FamilyDescriptionInput = {
  ...llama,
  family: 'qwen2',
  model_types: ['qwen2'],
  architectures: { Qwen2ForCausalLM: { head: 'causal' }, Qwen2Model: { head: 'none' } },
  attention: {
    kind: 'causal',
    causal_key: 'is_causal',
    sliding_window: {
      key: 'sliding_window',
      default: 4096,
      enabled_key: 'use_sliding_window',
      from_layer_key: 'max_window_layers',
      layer_types_key: 'layer_types',
    },
  },
  require: { ...llama.require, use_mrope: false },
  // Where there are biases is fixed in the class, whatever these say.
  config: stockConfig('qwen2', ['attention_bias', 'mlp_bias']),
  tensors: llama.tensors
    .filter(({ part, slots }) => part !== 'bias' || ['q', 'k', 'v'].includes(slots[0]))
    .map((tensor) => (tensor.part === 'bias' ? { ...tensor, flag: undefined } : tensor)),
};
