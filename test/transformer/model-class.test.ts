import { describe, expect, it } from 'vitest';
import type { SourceHeaders, TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { byteLength } from '../../src/safetensors/header.js';
import { type Shapes, STOCK, TIED } from './tiny.js';

const POOLER: Shapes = { 'pooler.dense.weight': [12, 12], 'pooler.dense.bias': [12] };

function source(config: Record<string, unknown>, shapes: Shapes, label = 'a'): SourceHeaders {
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const end = byteLength('F32', shape, name);
    return [name, { name, dtype: 'F32' as const, shape, begin: 0, end }] as const;
  });
  return { label, config, tensors: new Map(tensors) };
}

/** A stock model; tensors renamed to what `rename` gives, those it drops (undefined) left out. */
function stock(
  family: string,
  change: Record<string, unknown> = {},
  rename: (name: string) => string | undefined = (name) => name,
  more: Shapes = {},
): SourceHeaders {
  const { config, shapes } = STOCK[family];
  const entries = Object.entries(shapes).flatMap(([name, shape]) => {
    const renamed = rename(name);
    return renamed === undefined ? [] : [[renamed, shape] as const];
  });
  return source({ ...config, ...change }, { ...Object.fromEntries(entries), ...more });
}

/** Names of the base model alone, as its own class stores them. */
const base = (name: string) => {
  const found = /^(?:transformer|model|bert|roberta)\.(.*)$/.exec(name);
  return found?.[1];
};
const untied = (name: string) => (TIED.includes(name) ? undefined : name);
const plan = (sources: SourceHeaders[], more: Partial<TransformerRequest> = {}) =>
  planTransformer({ sources, target: {}, ...more });
const names = (sources: SourceHeaders[]) => plan(sources).tensors.map(({ name }) => name);
const refusal = (sources: SourceHeaders[], more: Partial<TransformerRequest> = {}) => {
  try {
    plan(sources, more);
  } catch (error) {
    return error as { code: string; message: string; errors: { pointer: string }[] };
  }
  throw new Error('was not refused');
};

describe('the class of the result', () => {
  it.each([
    ['llama', 'LlamaForSequenceClassification', 'LlamaForCausalLM, LlamaModel'],
    ['llama', 'LlamaForTokenClassification', 'LlamaForCausalLM'],
    ['llama', 'MyLlamaForCausalLM', 'LlamaForCausalLM'],
    ['llama', 'MistralForCausalLM', 'LlamaForCausalLM'],
    ['mistral', 'MistralForQuestionAnswering', 'MistralForCausalLM'],
    ['qwen2', 'Qwen2ForSequenceClassification', 'Qwen2ForCausalLM'],
    ['gpt2', 'GPT2ForSequenceClassification', 'GPT2LMHeadModel'],
    ['bert', 'BertForSequenceClassification', 'BertForMaskedLM'],
    ['bert', 'BertLMHeadModel', 'BertForMaskedLM'],
    ['roberta', 'RobertaForTokenClassification', 'RobertaForMaskedLM'],
    ['roberta', 'RobertaForQuestionAnswering', 'RobertaForMaskedLM'],
  ])('%s refuses %s by name and lists what it can make', (family, name, supported) => {
    const error = refusal([stock(family), stock(family, { architectures: [name] })]);
    expect(error).toMatchObject({ code: 'class_unsupported', errors: [{ pointer: '/sources/1' }] });
    expect(error.message).toContain(name);
    expect(error.message).toContain(supported);
  });

  it('with a language-model head and another, it is the class with the former alone, once the latter is dropped', () => {
    const heads = { 'cls.seq_relationship.weight': [2, 12], 'cls.seq_relationship.bias': [2] };
    const bert = stock('bert', { architectures: ['BertForPreTraining'] }, untied, {
      ...heads,
      'bert.pooler.dense.weight': [12, 12],
      'bert.pooler.dense.bias': [12],
    });
    expect(refusal([bert])).toMatchObject({ code: 'extra_tensors' });
    const made = plan([bert], { extra_tensors: 'drop' });
    expect(made.config.architectures).toEqual(['BertForMaskedLM']);
    expect(made.tensors.filter(({ name }) => /pooler|seq_relationship/.test(name))).toEqual([]);
    expect(made.left_out).toMatchObject([
      { source: 'a', tensors: ['bert.pooler.dense.weight', 'bert.pooler.dense.bias'] },
    ]);
    const gpt2 = stock('gpt2', { architectures: ['GPT2DoubleHeadsModel'] }, untied, {
      'multiple_choice_head.summary.weight': [1, 12],
      'multiple_choice_head.summary.bias': [1],
    });
    expect(plan([gpt2], { extra_tensors: 'drop' }).config.architectures).toEqual(['GPT2LMHeadModel']);
  });

  it.each([
    ['gpt2', {}, base, 'GPT2Model'],
    ['gpt2', {}, untied, 'GPT2LMHeadModel'],
    ['llama', {}, base, 'LlamaModel'],
    ['llama', {}, (name: string) => untied(name), 'LlamaModel'],
    ['llama', {}, (name: string) => name, 'LlamaForCausalLM'],
    ['llama', { tie_word_embeddings: true }, untied, 'LlamaForCausalLM'],
    ['mistral', {}, base, 'MistralModel'],
    ['qwen2', {}, base, 'Qwen2Model'],
    ['bert', {}, base, 'BertModel'],
    ['bert', {}, (name: string) => (base(name) ? name : undefined), 'BertModel'],
    ['bert', {}, untied, 'BertForMaskedLM'],
    ['roberta', {}, base, 'RobertaModel'],
    ['roberta', { model_type: 'xlm-roberta' }, base, 'XLMRobertaModel'],
    ['roberta', { model_type: 'xlm-roberta' }, untied, 'XLMRobertaForMaskedLM'],
  ])('%s %j without architectures is told by its tensors (%#): %s', (family, change, rename, expected) => {
    const { config } = plan([stock(family, { ...change, architectures: undefined }, rename)]);
    expect(config.architectures).toEqual([expected]);
  });

  it('what says how source 1 was made, loaded or quantized is not said of the result', () => {
    const foreign = {
      auto_map: { AutoModel: 'modeling_mine.MyLlama' },
      quantization_config: { quant_method: 'bitsandbytes' },
      _name_or_path: '/home/me',
      architectures: ['LlamaForCausalLM', 'MyLlama'],
    };
    const { config } = plan([stock('llama', foreign)]);
    expect(Object.keys(config)).not.toEqual(expect.arrayContaining(['auto_map']));
    expect(config).not.toHaveProperty('quantization_config');
    expect(config).not.toHaveProperty('_name_or_path');
    expect(config.architectures).toEqual(['LlamaForCausalLM']);
  });
});

describe('names of the result', () => {
  it('a base model without its prefix beside a head gets the prefix', () => {
    const bare = stock('gpt2', {}, (name) => base(name) ?? name);
    expect(names([bare])).toEqual(names([stock('gpt2')]));
    expect(names([stock('gpt2'), bare])).toEqual(names([stock('gpt2'), stock('gpt2')]));
  });
  it('a base model with the prefix of a head that it has not is stored without', () => {
    const prefixed = stock('llama', { architectures: ['LlamaModel'] }, untied);
    expect(names([prefixed])).toEqual(names([stock('llama', { architectures: ['LlamaModel'] }, base)]));
    expect(names([prefixed])).toContain('layers.0.self_attn.q_proj.weight');
  });
});

describe('flags that say whether tensors exist', () => {
  const biases: Shapes = {};
  for (const l of [0, 1]) {
    for (const [slot, width] of Object.entries({ q: 24, k: 12, v: 12, o: 12 }))
      biases[`model.layers.${l}.self_attn.${slot}_proj.bias`] = [width];
    for (const [slot, width] of Object.entries({ gate: 20, up: 20, down: 12 }))
      biases[`model.layers.${l}.mlp.${slot}_proj.bias`] = [width];
  }
  const plain = () => stock('llama');
  const biased = (change: Record<string, unknown>) => stock('llama', change, undefined, biases);
  const both = { attention_bias: true, mlp_bias: true };

  it.each([
    ['first', () => [biased(both), plain()]],
    ['last', () => [plain(), biased(both)]],
  ])('biases in the %s source only: the result has them and says so', (_, sources) => {
    const { config, tensors } = plan(sources());
    expect(config).toMatchObject(both);
    expect(tensors.filter(({ part }) => part === 'bias')).toHaveLength(14);
  });

  it('one flag of two', () => {
    const { config, tensors } = plan([plain(), biased({ attention_bias: true })]);
    expect(config).toMatchObject({ attention_bias: true });
    expect(config.mlp_bias ?? false).toBe(false);
    expect(tensors.filter(({ part }) => part === 'bias').every(({ name }) => name.includes('self_attn'))).toBe(true);
  });

  it('biases that config.json does not announce are ignored, as the library ignores them, and reported', () => {
    const made = plan([biased({ attention_bias: false })]);
    expect(made.tensors.filter(({ part }) => part === 'bias')).toEqual([]);
    expect(made.left_out[0].tensors).toHaveLength(14);
    expect(made.sources[0].bindings.filter(({ part }) => part === 'bias')).toEqual([]);
  });

  it('announced biases that are not there are refused, and a flag that is no boolean', () => {
    expect(refusal([stock('llama', { mlp_bias: true })])).toMatchObject({ code: 'tensor_missing' });
    expect(refusal([stock('llama', { mlp_bias: 'no' })])).toMatchObject({ code: 'config_invalid' });
  });

  it('a decoder that is stored counts, whatever tie_word_embeddings says; alone, it is the word embedding too', () => {
    const tied = stock('llama', { tie_word_embeddings: true });
    const [{ architecture, bindings }] = plan([tied]).sources;
    expect(architecture.tied).toBe(false);
    expect(bindings.some(({ name }) => name === 'lm_head.weight')).toBe(true);
    const alone = stock('llama', { tie_word_embeddings: true }, (name) =>
      name === 'model.embed_tokens.weight' ? undefined : name,
    );
    const word = plan([alone]).sources[0].bindings.find(({ slots }) => slots[0] === 'word');
    expect(word).toMatchObject({ name: 'lm_head.weight', canonical: 'model.embed_tokens.weight' });
    expect(plan([alone]).config.tie_word_embeddings).toBe(false);
  });

  it('a base model keeps what its source says of a decoder that neither has', () => {
    expect(plan([stock('gpt2', { architectures: ['GPT2Model'] }, base)]).config).not.toHaveProperty(
      'tie_word_embeddings',
    );
  });
});

describe('an optional part', () => {
  const headless = (more: Shapes = {}) => stock('bert', { architectures: ['BertModel'] }, base, more);
  it.each([
    ['first', [headless(POOLER), headless()]],
    ['last', [headless(), headless(POOLER)]],
  ])('that the %s source only has is left out when the job is planned, with its bias, and reported', (_, sources) => {
    const made = plan(sources);
    expect(made.tensors.filter(({ name }) => name.includes('pooler'))).toEqual([]);
    expect(made.spaces.some(({ name }) => name === 'pooler')).toBe(false);
    expect(made.sources.flatMap(({ bindings }) => bindings.filter(({ name }) => name.includes('pooler')))).toEqual([]);
    expect(made.left_out).toMatchObject([
      { source: 'a', tensors: Object.keys(POOLER) },
      { source: null, tensors: ['pooler.dense.weight'] },
    ]);
  });
  it('that all have is merged', () => {
    const made = plan([headless(POOLER), headless(POOLER)]);
    expect(made.tensors.find(({ name }) => name === 'pooler.dense.weight')).toMatchObject({ shape: [24, 24] });
    expect(made.left_out).toEqual([]);
  });
});

describe('keep_first', () => {
  const keep = { extra_tensors: 'keep_first' as const };
  const extra = (shape: number[]) => stock('bert', {}, untied, { 'cls.seq_relationship.weight': shape });
  it('is refused for a tensor on a space that changes', () => {
    const error = refusal([extra([2, 12]), stock('bert', {}, untied)], keep);
    expect(error).toMatchObject({ code: 'extra_tensors', errors: [{ pointer: '/model/extra_tensors' }] });
    expect(error.message).toMatch(/seq_relationship.*\[2, 12\].*24 wide/);
    expect(refusal([extra([20])], { ...keep, target: { intermediate_size: 10 } }).message).toContain('ffn');
  });
  it('keeps it where the space stays the source’s own', () => {
    expect(plan([extra([2, 12])], keep).extra_tensors.kept).toEqual(['cls.seq_relationship.weight']);
    expect(refusal([stock('llama', {}, undefined, { 'score.weight': [2, 12] })], keep).message).toContain(
      'other units',
    );
  });
});
