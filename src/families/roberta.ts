import { bert, ENCODER_IGNORED } from './bert.js';
import type { FamilyDescriptionInput } from './description.js';
import { linear, norm } from './patterns.js';
import { stockConfig } from './stock-config.js';

const required = { bias: 'required' } as const;

/** Liu et al. 2019: BERT's encoder, places counted from pad_token_id + 1. Stock class RobertaForMaskedLM. */
export const roberta: FamilyDescriptionInput = {
  ...bert,
  family: 'roberta',
  model_types: ['roberta', 'xlm-roberta'],
  architectures: {
    RobertaForMaskedLM: { head: 'masked' },
    XLMRobertaForMaskedLM: { head: 'masked', model_type: 'xlm-roberta' },
    RobertaModel: { head: 'none' },
    XLMRobertaModel: { head: 'none', model_type: 'xlm-roberta' },
  },
  base_prefix: 'roberta.',
  // The head's activation is fixed in the class, whatever hidden_act is.
  activation: { ...bert.activation, head: 'gelu' },
  config: stockConfig('roberta', ENCODER_IGNORED),
  positions: { kind: 'learned', offset: 'padding' },
  norm: { ...bert.norm, epsilon: { key: 'layer_norm_eps', default: 1e-12 } },
  tensors: [
    ...bert.tensors.filter(({ name }) => name.startsWith('{base}')),
    ...linear('lm_head.dense', 'transform', 'transform', 'residual', required),
    ...norm('lm_head.layer_norm', 'transform_norm', 'layer', 'transform'),
    ...linear('lm_head.decoder', 'decoder', 'vocabulary', 'transform'),
    {
      name: 'lm_head.decoder.bias',
      also: ['lm_head.bias'],
      slots: ['decoder'],
      part: 'bias',
      axes: ['vocabulary'],
    },
  ],
};
