import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Mt19937 } from '../../src/random/mt19937.js';
import { encodeFloats } from '../../src/safetensors/dtype.js';
import { SafetensorsWriter } from '../../src/safetensors/writer.js';

export type Shapes = Record<string, number[]>;
const V = 37;

/** Names and shapes as the stock classes have them: [config, tensors], 2 layers, as their state_dict lists them. */
export const STOCK: Record<string, { config: Record<string, unknown>; shapes: Shapes }> = {
  gpt2: {
    config: {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      n_embd: 12,
      n_layer: 2,
      n_head: 3,
      n_positions: 20,
      vocab_size: V,
      activation_function: 'gelu_new',
    },
    shapes: {
      'transformer.wte.weight': [V, 12],
      'transformer.wpe.weight': [20, 12],
      ...perLayer((l) => ({
        [`transformer.h.${l}.ln_1.weight`]: [12],
        [`transformer.h.${l}.ln_1.bias`]: [12],
        [`transformer.h.${l}.attn.c_attn.weight`]: [12, 36],
        [`transformer.h.${l}.attn.c_attn.bias`]: [36],
        [`transformer.h.${l}.attn.c_proj.weight`]: [12, 12],
        [`transformer.h.${l}.attn.c_proj.bias`]: [12],
        [`transformer.h.${l}.ln_2.weight`]: [12],
        [`transformer.h.${l}.ln_2.bias`]: [12],
        [`transformer.h.${l}.mlp.c_fc.weight`]: [12, 48],
        [`transformer.h.${l}.mlp.c_fc.bias`]: [48],
        [`transformer.h.${l}.mlp.c_proj.weight`]: [48, 12],
        [`transformer.h.${l}.mlp.c_proj.bias`]: [12],
      })),
      'transformer.ln_f.weight': [12],
      'transformer.ln_f.bias': [12],
      'lm_head.weight': [V, 12],
    },
  },
  mistral: {
    config: { model_type: 'mistral', architectures: ['MistralForCausalLM'], ...gated(), sliding_window: 5 },
    shapes: gatedShapes(false),
  },
  qwen2: {
    config: { model_type: 'qwen2', architectures: ['Qwen2ForCausalLM'], ...gated() },
    shapes: gatedShapes(true),
  },
  llama: {
    config: { model_type: 'llama', architectures: ['LlamaForCausalLM'], ...gated() },
    shapes: gatedShapes(false),
  },
  bert: {
    config: { model_type: 'bert', architectures: ['BertForMaskedLM'], ...encoder(20) },
    shapes: {
      ...encoderShapes('bert.', 20),
      'cls.predictions.transform.dense.weight': [12, 12],
      'cls.predictions.transform.dense.bias': [12],
      'cls.predictions.transform.LayerNorm.weight': [12],
      'cls.predictions.transform.LayerNorm.bias': [12],
      'cls.predictions.decoder.weight': [V, 12],
      'cls.predictions.decoder.bias': [V],
      'cls.predictions.bias': [V],
    },
  },
  roberta: {
    config: { model_type: 'roberta', architectures: ['RobertaForMaskedLM'], ...encoder(22), pad_token_id: 1 },
    shapes: {
      ...encoderShapes('roberta.', 22),
      'lm_head.dense.weight': [12, 12],
      'lm_head.dense.bias': [12],
      'lm_head.layer_norm.weight': [12],
      'lm_head.layer_norm.bias': [12],
      'lm_head.decoder.weight': [V, 12],
      'lm_head.decoder.bias': [V],
      'lm_head.bias': [V],
    },
  },
};

/** What a checkpoint with tied embeddings leaves out. */
export const TIED = [
  'lm_head.weight',
  'cls.predictions.decoder.weight',
  'cls.predictions.decoder.bias',
  'lm_head.decoder.weight',
  'lm_head.decoder.bias',
];

function perLayer(of: (layer: number) => Shapes): Shapes {
  return { ...of(0), ...of(1) };
}

function gated() {
  return {
    hidden_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    intermediate_size: 20,
    vocab_size: V,
    max_position_embeddings: 20,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
  };
}

function gatedShapes(bias: boolean): Shapes {
  return {
    'model.embed_tokens.weight': [V, 12],
    ...perLayer((l) => ({
      [`model.layers.${l}.input_layernorm.weight`]: [12],
      [`model.layers.${l}.self_attn.q_proj.weight`]: [24, 12],
      [`model.layers.${l}.self_attn.k_proj.weight`]: [12, 12],
      [`model.layers.${l}.self_attn.v_proj.weight`]: [12, 12],
      ...(bias
        ? {
            [`model.layers.${l}.self_attn.q_proj.bias`]: [24],
            [`model.layers.${l}.self_attn.k_proj.bias`]: [12],
            [`model.layers.${l}.self_attn.v_proj.bias`]: [12],
          }
        : {}),
      [`model.layers.${l}.self_attn.o_proj.weight`]: [12, 24],
      [`model.layers.${l}.post_attention_layernorm.weight`]: [12],
      [`model.layers.${l}.mlp.gate_proj.weight`]: [20, 12],
      [`model.layers.${l}.mlp.up_proj.weight`]: [20, 12],
      [`model.layers.${l}.mlp.down_proj.weight`]: [12, 20],
    })),
    'model.norm.weight': [12],
    'lm_head.weight': [V, 12],
  };
}

function encoder(positions: number) {
  return {
    hidden_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    intermediate_size: 20,
    vocab_size: V,
    max_position_embeddings: positions,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    hidden_act: 'gelu',
  };
}

function encoderShapes(base: string, positions: number): Shapes {
  const dense = (name: string, out: number, input: number): Shapes => ({
    [`${name}.weight`]: [out, input],
    [`${name}.bias`]: [out],
  });
  const norm = (name: string): Shapes => ({ [`${name}.weight`]: [12], [`${name}.bias`]: [12] });
  return {
    [`${base}embeddings.word_embeddings.weight`]: [V, 12],
    [`${base}embeddings.position_embeddings.weight`]: [positions, 12],
    [`${base}embeddings.token_type_embeddings.weight`]: [2, 12],
    ...norm(`${base}embeddings.LayerNorm`),
    ...perLayer((l) => {
      const p = `${base}encoder.layer.${l}`;
      return {
        ...dense(`${p}.attention.self.query`, 12, 12),
        ...dense(`${p}.attention.self.key`, 12, 12),
        ...dense(`${p}.attention.self.value`, 12, 12),
        ...dense(`${p}.attention.output.dense`, 12, 12),
        ...norm(`${p}.attention.output.LayerNorm`),
        ...dense(`${p}.intermediate.dense`, 20, 12),
        ...dense(`${p}.output.dense`, 12, 20),
        ...norm(`${p}.output.LayerNorm`),
      };
    }),
  };
}

/** A folder with random weights: gains near 1 and everything else large enough to matter, each tensor times `factor`. */
export async function writeTiny(
  config: Record<string, unknown>,
  shapes: Shapes,
  seed: number,
  factor: (name: string) => number = () => 1,
): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tiny-'));
  const random = new Mt19937(seed);
  const tensors = Object.entries(shapes).map(([name, shape]) => ({ name, shape, dtype: 'F32' as const }));
  const writer = await SafetensorsWriter.create(path.join(folder, 'model.safetensors'), tensors);
  for (const { name, shape } of tensors) {
    const gain = /norm|ln_|LayerNorm/.test(name) && name.endsWith('weight') ? 1 : 0;
    const size = shape.reduce((a, b) => a * b, 1);
    await writer.write(
      encodeFloats(
        Float32Array.from({ length: size }, () => factor(name) * (gain + (random.uniform() - 0.5) * 0.8)),
        'F32',
      ),
    );
  }
  await writer.finish();
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}
