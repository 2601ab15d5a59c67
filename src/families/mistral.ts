import type { FamilyDescriptionInput } from './description.js';
import { llama } from './llama.js';
import { stockConfig } from './stock-config.js';

/** Jiang et al. 2023: Llama's tensors without biases, a sliding window where the config sets one. */
export const mistral: FamilyDescriptionInput = {
  ...llama,
  family: 'mistral',
  model_types: ['mistral'],
  architectures: { MistralForCausalLM: { head: 'causal' }, MistralModel: { head: 'none' } },
  attention: { kind: 'causal', causal_key: 'is_causal', sliding_window: { key: 'sliding_window', default: 4096 } },
  // The class has no biases, whatever these say.
  config: stockConfig('mistral', ['attention_bias', 'mlp_bias']),
  tensors: llama.tensors.filter(({ part }) => part !== 'bias'),
};
