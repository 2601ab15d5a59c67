import { CONFIG_KEYS, GENERATION_KEYS } from './config-keys.js';
import type { FamilyDescriptionInput } from './description.js';

/**
 * Keys that change nothing a forward pass computes, in any model type: what training, text generation, tokenizers and
 * loading use, what names things, and what older versions of the library or other programs left in the file.
 */
const IGNORED = [
  ...GENERATION_KEYS,
  // where it comes from, and how it is loaded
  '_name_or_path',
  'name_or_path',
  '_commit_hash',
  'transformers_version',
  'dtype',
  'torch_dtype',
  'auto_map',
  'custom_pipelines',
  'quantization_config',
  'compression_config',
  'torchscript',
  'use_bfloat16',
  'tf_legacy_loss',
  'attn_implementation',
  '_attn_implementation',
  '_attn_implementation_autoset',
  '_attn_implementation_internal',
  '_flash_attn_2_enabled',
  'is_llama_config',
  'max_sequence_length',
  'unsloth_fixed',
  'unsloth_version',
  // outputs
  'output_hidden_states',
  'output_attentions',
  'output_past',
  'return_dict',
  'use_return_dict',
  'tie_last_hidden_states',
  // how it is computed, but not what
  'chunk_size_feed_forward',
  'gradient_checkpointing',
  'pretraining_tp',
  // training
  'initializer_range',
  'attention_dropout',
  'attention_probs_dropout_prob',
  'attn_pdrop',
  'classifier_dropout',
  'embd_pdrop',
  'hidden_dropout_prob',
  'neftune_noise_alpha',
  'resid_pdrop',
  // tasks
  'finetuning_task',
  'id2label',
  'label2id',
  'num_labels',
  '_num_labels',
  'prefix',
  'problem_type',
  'task_specific_params',
  // tokens
  'bos_token_id',
  'eos_token_id',
  'eos_token_ids',
  'cls_token_id',
  'sep_token_id',
  'mask_token_id',
  'decoder_start_token_id',
  'model_max_length',
  'tokenizer_class',
];

type Known = Exclude<keyof typeof CONFIG_KEYS, 'common'>;

/** The keys of a model type of transformers, and which of them do not matter: those above and `ignored`. */
export const stockConfig = (type: Known, ignored: string[] = []): FamilyDescriptionInput['config'] => ({
  keys: { ...CONFIG_KEYS.common, ...CONFIG_KEYS[type] },
  ignored: [...IGNORED, ...ignored],
});
