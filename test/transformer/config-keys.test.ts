import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { architectureOf } from '../../src/families/architecture.js';
import { windowSizes } from '../../src/families/attention-window.js';
import { CONFIG_KEYS } from '../../src/families/config-keys.js';
import { FamilyDescriptionSchema } from '../../src/families/description.js';
import { llama } from '../../src/families/llama.js';
import type { SourceHeaders, TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { FAMILIES, familyOf } from '../../src/families/registry.js';
import { byteLength } from '../../src/safetensors/header.js';
import { FIXTURES } from './support.js';
import { type Shapes, STOCK, TIED } from './tiny.js';

type Change = Record<string, unknown>;

function headers(
  name: string,
  change: Change = {},
  extra: Shapes = {},
  without: readonly string[] = [],
): SourceHeaders {
  const { config, shapes } = STOCK[name];
  const tensors = Object.entries({ ...shapes, ...extra })
    .filter(([tensor]) => !without.includes(tensor))
    .map(([tensor, shape]) => {
      const end = byteLength('F32', shape, tensor);
      return [tensor, { name: tensor, dtype: 'F32' as const, shape, begin: 0, end }] as const;
    });
  return { label: name, config: { tie_word_embeddings: false, ...config, ...change }, tensors: new Map(tensors) };
}

function refusal(source: SourceHeaders, request: Partial<TransformerRequest> = {}) {
  try {
    planTransformer({ sources: [source], target: {}, ...request });
  } catch (error) {
    return error as { code: string; message: string; errors: { pointer: string }[] };
  }
  throw new Error('was not refused');
}

const architecture = (name: string, change: Change = {}) => {
  const config = { ...STOCK[name].config, ...change };
  return architectureOf(familyOf('auto', config), config, '/sources/0');
};
const rotary = (change: Change) => architecture('llama', change).rotary;

describe('a family that is forced on another model type is refused, by name', () => {
  it.each([
    ['mistral', 'llama', 'Use family "mistral" or "auto"'],
    ['roberta', 'bert', 'Use family "roberta" or "auto"'],
    ['llama', 'qwen2', 'Use family "llama" or "auto"'],
  ])('%s as %s', (own, forced, advice) => {
    const error = refusal(headers(own), { family: forced });
    expect(error).toMatchObject({ code: 'family_mismatch', errors: [{ pointer: '/model/family' }] });
    expect(error.message).toContain(`model_type "${own}"`);
    expect(error.message).toContain(advice);
  });

  it.each(['gemma', 'gemma2', 'granite', 'qwen3', 'mixtral'])(
    '%s as llama, and by itself: nothing advises to drop tensors',
    (type) => {
      const source = headers('llama', { model_type: type, architectures: ['OtherForCausalLM'] });
      const forced = refusal(source, { family: 'llama' });
      expect(forced.code).toBe('family_mismatch');
      expect(forced.message).toContain(`"${type}"`);
      const found = refusal(source, { family: 'auto' });
      expect(found.code).toBe('family_unknown');
      for (const { message } of [forced, found]) expect(message).not.toMatch(/extra_tensors|drop/);
    },
  );

  it('a description names the model types it is for', () => {
    const family = FamilyDescriptionSchema.parse({ ...llama, family: 'mine', model_types: ['llama', 'mine'] });
    expect(refusal(headers('llama', { model_type: 'other' }), { family })).toMatchObject({
      code: 'family_mismatch',
      errors: [{ pointer: '/model/description/model_types' }],
    });
    expect(planTransformer({ sources: [headers('llama', { model_type: 'mine' })], family, target: {} }).family).toBe(
      'mine',
    );
  });

  it('a description with a tensor of no slot is refused, not failed on', () => {
    const tensors = [{ ...llama.tensors[0], slots: [] }, ...llama.tensors.slice(1)];
    const { error } = FamilyDescriptionSchema.safeParse({ ...llama, tensors });
    expect(error?.issues.map(({ path }) => path)).toEqual([['tensors', 0, 'slots']]);
  });

  it('a model type that is not stated may be chosen', () => {
    const source = headers('llama', { model_type: undefined, architectures: undefined });
    expect(planTransformer({ sources: [source], family: 'llama', target: {} }).family).toBe('llama');
  });
});

describe('tensors inside the model are neither left out nor copied', () => {
  it.each(['fail', 'drop', 'keep_first'] as const)('extra_tensors %s', (extra_tensors) => {
    for (const name of [
      'model.layers.1.self_attn.q_norm.weight',
      'model.layers.2.mlp.up_proj.weight',
      'model.scale.weight',
    ]) {
      const error = refusal(headers('llama', {}, { [name]: [6] }), { extra_tensors });
      expect(error).toMatchObject({ code: 'extra_tensors', errors: [{ pointer: '/sources/0' }] });
      expect(error.message).toContain(name);
      expect(error.message).not.toContain('"drop"');
    }
    const family = FamilyDescriptionSchema.parse({ ...llama, family: 'mine', config: undefined });
    const error = refusal(headers('llama', {}, { 'layers.0.gate': [6] }), { extra_tensors, family });
    expect(error.message).toContain('inside the model');
  });
});

describe('keys of config.json', () => {
  it.each([
    ['llama', 'embedding_multiplier', 3],
    ['llama', 'residual_multiplier', 0.5],
    ['llama', 'final_logit_softcapping', 30],
    ['llama', 'layer_types', ['full_attention', 'sliding_attention']],
    ['llama', 'sliding_window', 8],
    ['llama', 'per_layer_config', { 0: { head_dim: 4 } }],
    ['mistral', 'layer_types', ['sliding_attention', 'full_attention']],
    ['qwen2', 'use_mrope', true],
    ['llama', 'rope_interleaved', true],
    ['gpt2', 'hidden_size', 24],
    ['gpt2', 'scale_attn_by_inverse_layer_idx', true],
    ['bert', 'embedding_size', 6],
    ['bert', 'position_embedding_type', 'relative_key'],
    ['bert', 'is_decoder', true],
    ['bert', 'is_encoder_decoder', true],
    ['roberta', 'embedding_size', 6],
  ])('%s %s that may change the function is refused', (name, key, value) => {
    const error = refusal(headers(name, { [key]: value }));
    expect(error).toMatchObject({ code: 'config_unsupported', errors: [{ pointer: '/sources/0' }] });
    expect(error.message).toContain(key);
  });

  it.each([
    [
      'llama',
      {
        use_cache: false,
        attention_dropout: 0.1,
        pretraining_tp: 2,
        temperature: 0.6,
        torch_dtype: 'bfloat16',
        unheard_of: null,
      },
    ],
    ['llama', { pad_token_id: -1, eos_token_id: [1, 2], rope_scaling: null, id2label: { 0: 'x' }, _name_or_path: 'a' }],
    ['mistral', { attention_bias: true, quantization_config: { bits: 4 } }],
    ['gpt2', { n_ctx: 1024, summary_type: 'cls_index', task_specific_params: { x: 1 }, reorder_and_upcast_attn: true }],
    [
      'bert',
      { pooler_type: 'first_token_transform', directionality: 'bidi', gradient_checkpointing: false, is_causal: true },
    ],
    ['llama', { is_llama_config: true, rope_interleaved: false, max_sequence_length: 2048 }],
    ['qwen2', { use_mrope: false }],
    ['gpt2', { n_special: 0, predict_special_tokens: true, _num_labels: 1 }],
    ['roberta', { output_past: true, classifier_dropout: 0.2 }],
  ])('%s: those that do not matter pass', (name, change) => {
    expect(architecture(name, change)).toEqual(architecture(name));
  });

  it.each<[string, Change]>([
    ['qwen2', { 'transformers.js_config': { dtype: 'fp32' }, mup: 2 }],
    ['llama', { trained_by: 'somebody', bos_token: '<s>', alibi: false }],
    ['gpt2', { fine_tuned: true, alibi: false }],
    ['bert', { language: 'en', pruned_heads: {}, layer_types: [] }],
  ])('of %s that no text model reads, or that are switched off, give a warning: %o', (name, change) => {
    const { warnings } = planTransformer({ sources: [headers(name, change)], target: {} });
    expect(warnings).toEqual([
      `These keys of source "${name}" have no effect in a ${name} model: ${Object.keys(change).join(', ')} (config.json).`,
    ]);
    expect(planTransformer({ sources: [headers(name)], target: {} }).warnings).toBeUndefined();
  });

  it('of norms with different epsilons give a warning: the result has one', () => {
    const sources = [headers('llama'), { ...headers('llama', { rms_norm_eps: 1e-5 }), label: 'other' }];
    expect(planTransformer({ sources, target: {} }).warnings).toEqual([
      'The norms of source "other" have epsilon 0.00001; the result has that of "llama", 0.000001.',
    ]);
  });

  it('the defaults of each description are those of its class', () => {
    for (const { family, config, norm, activation, tie, attention, require } of FAMILIES.values()) {
      const { keys } = config!;
      expect(keys, family).toEqual({ ...CONFIG_KEYS.common, ...CONFIG_KEYS[family as 'bert'] });
      for (const { key, default: value } of [norm.epsilon, activation, tie]) expect(keys[key].default, key).toBe(value);
      const window = attention.sliding_window;
      if (window) expect(keys[window.key].default).toBe(window.default);
      for (const [key, value] of Object.entries(require)) expect(keys[key]?.default ?? value, key).toBe(value);
    }
  });
});

describe('values of config.json that the library could not use', () => {
  it.each([
    ['llama', { rms_norm_eps: -1e-6 }, 'rms_norm_eps'],
    ['llama', { rms_norm_eps: '1e-6' }, 'rms_norm_eps'],
    ['llama', { rms_norm_eps: null }, 'rms_norm_eps'],
    ['llama', { hidden_size: '12' }, 'hidden_size'],
    ['llama', { num_key_value_heads: 3 }, 'num_key_value_heads'],
    ['llama', { num_key_value_heads: '2' }, 'num_key_value_heads'],
    ['llama', { head_dim: 5 }, 'head_dim'],
    ['llama', { tie_word_embeddings: 'false' }, 'tie_word_embeddings'],
    ['llama', { tie_word_embeddings: null }, 'tie_word_embeddings'],
    ['llama', { attention_bias: 0 }, 'attention_bias'],
    ['llama', { is_causal: 'no' }, 'is_causal'],
    ['llama', { is_causal: null }, 'is_causal'],
    ['llama', { pad_token_id: 37 }, 'pad_token_id'],
    ['llama', { pad_token_id: -38 }, 'pad_token_id'],
    ['llama', { pad_token_id: '0' }, 'pad_token_id'],
    ['llama', { initializer_range: '0.02' }, 'initializer_range'],
    ['llama', { use_cache: 'yes' }, 'use_cache'],
    ['llama', { max_position_embeddings: '64' }, 'max_position_embeddings'],
    ['llama', { rope_theta: 0 }, 'rope_theta'],
    ['llama', { rope_theta: -1 }, 'rope_theta'],
    ['llama', { rope_theta: '10000' }, 'rope_theta'],
    ['llama', { rope_parameters: { rope_type: 'default', rope_theta: 0 } }, 'rope_theta of rope_parameters'],
    ['llama', { rope_parameters: { rope_type: 'default', rope_theta: null } }, 'rope_theta of rope_parameters'],
    ['llama', { rope_parameters: 'linear' }, 'rope_parameters'],
    ['llama', { rope_scaling: [2] }, 'rope_scaling'],
    ['llama', { rope_scaling: { type: 'linear' } }, 'rope_scaling of config.json lacks factor'],
    ['llama', { rope_scaling: { type: 'linear', factor: '4' } }, 'factor'],
    ['llama', { rope_scaling: { type: 'linear', factor: 0 } }, 'factor'],
    ['llama', { rope_scaling: { type: 7, factor: 2 } }, 'type'],
    ['llama', { rope_scaling: { type: 'dynamic' } }, 'factor'],
    ['llama', { rope_scaling: { type: 'llama3', factor: 8, low_freq_factor: 1 } }, 'high_freq_factor'],
    [
      'llama',
      { rope_scaling: { type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 4 } },
      'high_freq_factor',
    ],
    ['llama', { rope_scaling: { type: 'yarn' } }, 'factor'],
    ['llama', { rope_scaling: { type: 'yarn', factor: 4, attention_factor: '1' } }, 'attention_factor'],
    ['llama', { rope_scaling: { type: 'yarn', factor: 4, truncate: 0 } }, 'truncate'],
    ['llama', { rope_theta: 1, rope_scaling: { type: 'yarn', factor: 4 } }, 'rope_theta'],
    ['llama', { rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [1, 2, 3] } }, 'short_factor'],
    ['llama', { rope_scaling: { type: 'longrope', short_factor: [1, 1, 1], long_factor: [1, 2, '3'] } }, 'long_factor'],
    [
      'llama',
      { original_max_position_embeddings: 0, rope_scaling: { type: 'yarn', factor: 4 } },
      'original_max_position_embeddings',
    ],
    ['llama', { partial_rotary_factor: 0.5, rope_scaling: { type: 'linear', factor: 4 } }, 'partial_rotary_factor'],
    ['mistral', { sliding_window: 0 }, 'sliding_window'],
    ['mistral', { sliding_window: -4 }, 'sliding_window'],
    ['mistral', { sliding_window: '8' }, 'sliding_window'],
    ['mistral', { num_key_value_heads: undefined }, 'num_key_value_heads 8'],
    ['qwen2', { use_sliding_window: 1 }, 'use_sliding_window'],
    ['qwen2', { use_sliding_window: true, sliding_window: 0 }, 'sliding_window'],
    ['qwen2', { use_sliding_window: true, max_window_layers: -1 }, 'max_window_layers'],
    ['qwen2', { use_sliding_window: true, layer_types: ['sliding_attention'] }, 'layer_types'],
    ['qwen2', { layer_types: ['sliding_attention', 'full_attention'] }, 'layer_types'],
    ['gpt2', { layer_norm_epsilon: [1e-5] }, 'layer_norm_epsilon'],
    ['gpt2', { n_inner: 'null' }, 'n_inner'],
    ['bert', { layer_norm_eps: -1 }, 'layer_norm_eps'],
    ['bert', { pad_token_id: 37 }, 'pad_token_id'],
    ['roberta', { pad_token_id: -1 }, 'pad_token_id'],
    ['roberta', { pad_token_id: null }, 'pad_token_id'],
    ['roberta', { pad_token_id: 21 }, 'an integer in 0…20'],
  ])('%s %j', (name, change, words) => {
    const error = refusal(headers(name, change as Change, {}, []));
    expect(error).toMatchObject({ code: 'config_invalid', errors: [{ pointer: '/sources/0' }] });
    expect(error.message).toContain(words);
  });

  it.each([
    ['llama', { hidden_act: null }],
    ['gpt2', { activation_function: 3 }],
  ])('%s %j', (name, change) => {
    expect(refusal(headers(name, change))).toMatchObject({ code: 'activation_unsupported' });
  });

  it.each([
    ['llama', { rope_scaling: { type: 'su', factor: 2 } }, 'longrope'],
    ['qwen2', { rope_parameters: { full_attention: { rope_theta: 1e4 } } }, 'full_attention'],
    ['qwen2', { use_sliding_window: true, layer_types: ['linear_attention', 'full_attention'] }, 'linear_attention'],
  ])('%s %j is not supported', (name, change, words) => {
    const error = refusal(headers(name, change));
    expect(error.code).toBe('config_unsupported');
    expect(error.message).toContain(words);
  });
});

describe('as the library reads them', () => {
  it('rotary settings: inside wins, rope_scaling takes the place of rope_parameters', () => {
    expect(rotary({ rope_theta: 500, rope_parameters: { rope_type: 'default', rope_theta: 700 } })?.theta).toBe(700);
    expect(rotary({ rope_theta: 500, rope_parameters: { rope_type: 'default' } })?.theta).toBe(500);
    expect(rotary({})?.theta).toBe(10000);
    const both = { rope_parameters: { rope_theta: 700 }, rope_scaling: { type: 'linear', factor: 2 } };
    expect(rotary(both)).toEqual({ theta: 10000, scaling: { type: 'linear', factor: 2 } });
    expect(rotary({ ...both, rope_scaling: {} })?.theta).toBe(700);
    expect(rotary({ rope_parameters: { partial_rotary_factor: 0.5 } })).toEqual({
      theta: 10000,
      scaling: { type: 'none' },
    });
  });

  it('original_max_position_embeddings: outside, inside, else max_position_embeddings', () => {
    const settings = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    const original = (change: Change) => (rotary(change)!.scaling as { original: number }).original;
    expect(original({ rope_parameters: settings })).toBe(20);
    expect(original({ rope_parameters: { ...settings, original_max_position_embeddings: 7 } })).toBe(7);
    expect(
      original({
        rope_scaling: { ...settings, original_max_position_embeddings: 7 },
        original_max_position_embeddings: 9,
      }),
    ).toBe(9);
  });

  it('windows by layer', () => {
    const sizes = (change: Change) => windowSizes(architecture('qwen2', { sliding_window: 8, ...change }));
    expect(sizes({})).toBeNull();
    expect(sizes({ use_sliding_window: true })).toEqual([null, null]); // max_window_layers is 28
    expect(sizes({ use_sliding_window: true, max_window_layers: 1 })).toEqual([null, 8]);
    expect(sizes({ use_sliding_window: true, layer_types: ['sliding_attention', 'attention'] })).toEqual([8, null]);
    expect(windowSizes(architecture('mistral', { sliding_window: null }))).toBeNull();
    expect(windowSizes(architecture('mistral', { sliding_window: undefined }))).toEqual([4096, 4096]);
  });

  it('the head of RoBERTa opens its units by gelu, whatever hidden_act is', () => {
    expect(architecture('roberta', { hidden_act: 'relu' })).toMatchObject({
      activation: 'relu',
      headActivation: 'gelu',
    });
    expect(architecture('bert', { hidden_act: 'relu' })).toMatchObject({ activation: 'relu', headActivation: 'relu' });
  });

  it.each([
    ['bert', 'cls.predictions.decoder.bias', 'cls.predictions.bias'],
    ['roberta', 'lm_head.decoder.bias', 'lm_head.bias'],
  ])('%s: which bias the decoder adds', (name, decoder, shared) => {
    const bias = (change: Change, without: string[]) => {
      const { sources, left_out, tensors } = planTransformer({
        sources: [headers(name, change, {}, without)],
        target: {},
      });
      expect(tensors.map((tensor) => tensor.name)).toEqual(expect.arrayContaining([decoder, shared]));
      const { name: read } = sources[0].bindings.find(({ slots, part }) => slots[0] === 'decoder' && part === 'bias')!;
      return [read, left_out.flatMap((part) => part.tensors)];
    };
    expect(bias({}, [])).toEqual([decoder, [shared]]);
    const tied = { tie_word_embeddings: true };
    expect(bias(tied, TIED)).toEqual([shared, []]);
    expect(bias(tied, [shared])).toEqual([decoder, []]);
    const error = refusal(headers(name, {}, {}, [decoder]));
    expect(error.code).toBe('tensor_missing');
    expect(error.message).toContain(`${shared} is, but counts only where tie_word_embeddings is true`);
  });

  it('sources agree in them', () => {
    const differing = (name: string, change: Change) => {
      const [one, other] = [headers(name), headers(name, change)];
      try {
        planTransformer({ sources: [one, other], target: {} });
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(differing('llama', { is_causal: false })).toContain('direction of attention');
    expect(differing('llama', { rope_scaling: { type: 'yarn', factor: 4 } })).toContain('rotary');
    expect(differing('qwen2', { use_sliding_window: true, max_window_layers: 1 })).toContain('window');
  });
});

it('the keys of a fixture that transformers saved are all read, known or at their defaults', () => {
  for (const name of ['llama-rope-yarn', 'qwen2-layer-types', 'mistral', 'gpt2', 'roberta', 'bert']) {
    const config = JSON.parse(readFileSync(`${FIXTURES}families/${name}/config.json`, 'utf8'));
    expect(() => architectureOf(familyOf('auto', config), config, '')).not.toThrow();
  }
});
