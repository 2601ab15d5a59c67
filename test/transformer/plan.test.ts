import { describe, expect, it } from 'vitest';
import { FamilyDescriptionSchema } from '../../src/families/description.js';
import { llama } from '../../src/families/llama.js';
import type { SourceHeaders, TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { byteLength } from '../../src/safetensors/header.js';
import { type Shapes, STOCK, TIED } from './tiny.js';

function headers(name: string, change: Record<string, unknown> = {}, extra: Shapes = {}): SourceHeaders {
  const { config, shapes } = STOCK[name];
  const drop = name === 'llama' || name === 'mistral' || name === 'qwen2' ? [] : TIED;
  const all = { ...Object.fromEntries(Object.entries(shapes).filter(([tensor]) => !drop.includes(tensor))), ...extra };
  const tensors = Object.entries(all).map(([tensor, shape]) => {
    const end = byteLength('F32', shape, tensor);
    return [tensor, { name: tensor, dtype: 'F32' as const, shape, begin: 0, end }] as const;
  });
  return { label: name, config: { ...config, ...change }, tensors: new Map(tensors) };
}

const pair = (name: string, request: Partial<TransformerRequest> = {}): TransformerRequest => ({
  sources: [headers(name), headers(name)],
  target: {},
  ...request,
});
const refusal = (request: TransformerRequest) => {
  try {
    planTransformer(request);
  } catch (error) {
    return error as { code: string; message: string; errors: { pointer: string }[] };
  }
  throw new Error('was not refused');
};

describe('refusals', () => {
  it.each([
    ['llama', { hidden_size: 25 }, 'width_out_of_range', '/target/hidden_size', '1…24'],
    ['llama', { num_attention_heads: 3 }, 'kv_heads_illegal', '/target/num_attention_heads', '2 or 4'],
    ['llama', { hidden_size: 20, num_attention_heads: 6 }, 'heads_illegal', '/target/num_attention_heads', '4'],
    [
      'llama',
      { num_attention_heads: 4, num_key_value_heads: 4 },
      'kv_heads_illegal',
      '/target/num_key_value_heads',
      'must be 2',
    ],
    ['bert', { hidden_size: 18 }, 'hidden_size_illegal', '/target/hidden_size', '16 or 20'],
    ['gpt2', { hidden_size: 16, num_attention_heads: 3 }, 'hidden_size_illegal', '/target/hidden_size', 'head_dim 4'],
    ['gpt2', { intermediate_size: 0 }, 'width_out_of_range', '/target/intermediate_size', '1…96'],
  ])('%s %j: %s', (name, target, code, pointer, words) => {
    const error = refusal(pair(name, { target }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.errors[0].pointer).toBe(pointer);
  });

  it.each([
    ['bert', { hidden_size: 18 }, 'hidden_size_illegal', '/target/hidden_size', '12 or 24'],
    ['gpt2', { hidden_size: 18 }, 'hidden_size_illegal', '/target/hidden_size', '16 or 20'],
    ['llama', { num_attention_heads: 7 }, 'kv_heads_illegal', '/target/num_attention_heads', '6 or 8'],
    ['llama', { hidden_size: 18 }, 'heads_illegal', '/target/num_attention_heads', '2 or 6'],
    ['llama', { intermediate_size: 1281 }, 'width_out_of_range', '/target/intermediate_size', '64 times'],
  ])('%s alone, wider, %j: %s', (name, target, code, pointer, words) => {
    const error = refusal({ sources: [headers(name)], target });
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.errors[0].pointer).toBe(pointer);
  });

  it('calibration of a model that grows', () => {
    const calibration = { rows: 8, length: 8 };
    const error = refusal({ sources: [headers('llama')], target: { intermediate_size: 30 }, calibration });
    expect(error).toMatchObject({ code: 'width_out_of_range', message: expect.stringContaining('leave out') });
  });

  it('names everything sources differ in', () => {
    const other = headers('llama', { hidden_act: 'gelu', rope_theta: 500000 });
    const error = refusal({ sources: [headers('llama'), other], target: {} });
    expect(error.code).toBe('sources_differ');
    expect(error.message).toMatch(/activation .*rotary/);
    expect(refusal({ sources: [headers('llama'), headers('qwen2')], target: {} }).message).toMatch(
      /family \(llama and qwen2\)/,
    );
  });

  it('names tensors it does not know, unless told what to do with them', () => {
    const sources = [headers('bert', {}, { 'temperature.weight': [5] }), headers('bert')];
    expect(refusal({ sources, target: {} })).toMatchObject({
      code: 'extra_tensors',
      message: expect.stringContaining('temperature.weight'),
    });
    expect(planTransformer({ sources, target: {}, extra_tensors: 'drop' }).extra_tensors.dropped).toEqual([
      'temperature.weight',
    ]);
    const kept = planTransformer({ sources, target: {}, extra_tensors: 'keep_first' });
    expect(kept.tensors.at(-1)).toMatchObject({ name: 'temperature.weight', slots: null });
  });

  it('a tensor of another shape than config.json says, and a missing one', () => {
    expect(refusal({ sources: [headers('llama', { intermediate_size: 21 })], target: {} }).code).toBe('tensor_shape');
    const without = headers('llama');
    (without.tensors as Map<string, unknown>).delete('model.norm.weight');
    expect(refusal({ sources: [without], target: {} })).toMatchObject({ code: 'tensor_missing' });
  });

  it('an unknown family, and calibration that is not there', () => {
    expect(refusal({ sources: [headers('llama', { model_type: 't5', architectures: [] })], target: {} }).code).toBe(
      'family_unknown',
    );
    expect(refusal(pair('llama', { fit: 'calibrated' })).code).toBe('calibration_missing');
  });
});

describe('numbers of a config.json beyond what the file holds are refused before anything of that size is made', () => {
  it.each([
    ['num_hidden_layers', 1e8],
    ['num_hidden_layers', Number.MAX_SAFE_INTEGER],
    ['num_hidden_layers', 22],
  ])('%s %d', (key, value) => {
    const error = refusal({ sources: [headers('llama', { [key]: value })], target: {} });
    expect(error).toMatchObject({ code: 'config_invalid', errors: [{ pointer: '/sources/0' }] });
    expect(error.message).toContain(`${key} of config.json is ${value}, but the checkpoint holds 21 tensors`);
  });

  it.each(['hidden_size', 'intermediate_size', 'num_attention_heads', 'num_key_value_heads', 'vocab_size', 'head_dim'])(
    '%s',
    (key) => {
      const error = refusal({ sources: [headers('llama', { [key]: 1e12 })], target: {} });
      expect(['tensor_shape', 'config_invalid']).toContain(error.code);
      expect(error.errors[0].pointer).toBe('/sources/0');
    },
  );

  /** Describes the word table alone: nothing holds the other sizes against a tensor. */
  const wordsOnly = (change: object = {}) =>
    FamilyDescriptionSchema.parse({
      ...llama,
      tensors: llama.tensors.filter(({ slots }) => slots[0] === 'word'),
      ...change,
    });

  it.each(['intermediate_size', 'num_attention_heads', 'head_dim'])('%s that no tensor of a description has', (key) => {
    const sources = [headers('llama', { [key]: 3e12 })];
    const error = refusal({ sources, family: wordsOnly(), target: {}, extra_tensors: 'drop' });
    expect(error.code).toBe('config_invalid');
    expect(error.message).toMatch(/makes an axis of \d+, which no tensor of the checkpoint has: the longest has 37/);
  });

  it('a description that lists more names than could be looked up', () => {
    const aliases = Array.from({ length: 16 }, (_, i) => `{base}layers.{layer}.old${i}`);
    const optional = Array.from({ length: 250 }, (_, i) => ({
      name: `{base}layers.{layer}.${i}`,
      aliases,
      slots: ['q' as const],
      part: 'bias' as const,
      axes: ['heads' as const],
      optional: true,
    }));
    const family = wordsOnly({ tensors: [...wordsOnly().tensors, ...optional] });
    expect(refusal({ sources: [headers('llama')], family, target: {} }).message).toMatch(
      /lists 4251 names per layer, and num_hidden_layers of config.json is 2: 8502 names for the 21 tensors/,
    );
    const repeated = { ...llama, tensors: Array.from({ length: 257 }, () => llama.tensors[0]) };
    expect(FamilyDescriptionSchema.safeParse(repeated).success).toBe(false);
    expect(
      FamilyDescriptionSchema.safeParse({ ...llama, tensors: [{ ...optional[0], aliases: [...aliases, 'x'] }] })
        .success,
    ).toBe(false);
  });
});

describe('legality', () => {
  const of = (name: string, target = {}) =>
    Object.fromEntries(planTransformer(pair(name, { target })).spaces.map((s) => [s.name, s.legality]));
  it('says what each space allows', () => {
    expect(of('llama')).toMatchObject({ residual: 'exact', 'layer.0.ffn': 'exact', vocabulary: 'exact' });
    expect(of('llama', { intermediate_size: 30, num_attention_heads: 4 })).toMatchObject({
      'layer.1.ffn': 'selection',
      'layer.1.heads': 'selection',
    });
    expect(of('bert', { hidden_size: 16, num_attention_heads: 4 })).toMatchObject({
      residual: 'approximate',
      transform: 'selection',
    });
  });
  it('lists writers and readers', () => {
    const [residual] = planTransformer(pair('gpt2')).spaces;
    expect(residual.writers).toEqual(
      expect.arrayContaining(['transformer.wte.weight', 'transformer.h.1.mlp.c_proj.weight']),
    );
    expect(residual.readers).toEqual(expect.arrayContaining(['transformer.h.0.attn.c_attn.weight']));
  });
});

it('takes a description of its own, and refuses unknown keys in it', () => {
  const family = FamilyDescriptionSchema.parse({ ...llama, family: 'mine' });
  expect(planTransformer(pair('llama', { family })).family).toBe('mine');
  expect(FamilyDescriptionSchema.safeParse({ ...llama, colour: 'blue' }).success).toBe(false);
});

it('finds tensors without the base model’s prefix, and old names', () => {
  const bare = headers('gpt2');
  const renamed = [...bare.tensors].map(
    ([name, info]) => [name.replace('transformer.', ''), { ...info, name: name.replace('transformer.', '') }] as const,
  );
  const plan = planTransformer({ sources: [{ ...bare, tensors: new Map(renamed) }], target: {} });
  expect(plan.tensors.map((t) => t.name)).toContain('transformer.h.0.attn.c_attn.weight');
  const old = headers('bert');
  const gamma = [...old.tensors].map(([name, info]) => {
    const other = name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta');
    return [other, { ...info, name: other }] as const;
  });
  expect(
    planTransformer({ sources: [{ ...old, tensors: new Map(gamma) }], target: {} }).tensors.map((t) => t.name),
  ).toContain('bert.embeddings.LayerNorm.weight');
});

it('says the memory of a BERT-base pair in closed form as it was seen, 540 to 650 MB', () => {
  const [d, ffn, vocabulary] = [768, 3072, 30522];
  const wide = (shape: number[]) => shape.map((n) => ({ 12: d, 20: ffn, 37: vocabulary })[n] ?? n);
  const config = {
    ...STOCK.bert.config,
    hidden_size: d,
    num_attention_heads: 12,
    intermediate_size: ffn,
    vocab_size: vocabulary,
    max_position_embeddings: ffn,
  };
  const base = headers('bert', config);
  for (const [name, info] of base.tensors) {
    const shape = wide(info.shape);
    (base.tensors as Map<string, typeof info>).set(name, { ...info, shape, end: byteLength('F32', shape, name) });
  }
  const { costs } = planTransformer({
    sources: [base, base],
    target: { hidden_size: 1152, num_attention_heads: 18, intermediate_size: 4608 },
  });
  for (const seen of [540e6, 650e6]) {
    expect(costs.peak_memory_bytes).toBeGreaterThan(seen / 1.5);
    expect(costs.peak_memory_bytes).toBeLessThan(seen * 1.5);
  }
});
