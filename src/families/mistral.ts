import type { FamilyDescriptionInput } from './description.js';
import { llama } from './llama.js';

/** Jiang et al. 2023: Llama's tensors without biases, a sliding window where the config sets one. */
export const mistral: FamilyDescriptionInput = {
  ...llama,
  family: 'mistral',
  model_types: ['mistral'],
  architectures: { MistralForCausalLM: { head: 'causal' }, MistralModel: { head: 'none' } },
  attention: { kind: 'causal', sliding_window: { key: 'sliding_window', default: 4096 } },
  tensors: llama.tensors.filter(({ part }) => part !== 'bias'),
};
