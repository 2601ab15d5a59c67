"""The tiny models that the cases are made from: every supported family and the settings of it that change a result."""

from dataclasses import dataclass, field
from typing import Any

import transformers as t

VOCABULARY = 97
POSITIONS = 64
"""Ids from here on mean nothing special in any of the models."""
FIRST_WORD = 5
MASK = VOCABULARY - 1

CAUSAL: dict[str, Any] = dict(
    vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=POSITIONS, bos_token_id=1, eos_token_id=2, pad_token_id=0,
)
GROUPED = dict(CAUSAL, num_key_value_heads=2)
MASKED: dict[str, Any] = dict(
    vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=POSITIONS + 2, pad_token_id=0,
)
ROBERTA = dict(MASKED, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1, layer_norm_eps=1e-5)
GPT2: dict[str, Any] = dict(
    vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=POSITIONS, bos_token_id=1, eos_token_id=2,
)
QWEN2_WINDOW = dict(GROUPED, use_sliding_window=True, sliding_window=8)


@dataclass(frozen=True)
class Model:
    """One checkpoint: the class that is saved, its config, and how it is saved."""

    build: type[t.PreTrainedModel]
    config: t.PreTrainedConfig
    arguments: dict[str, Any] = field(default_factory=dict)
    """Of the class, beside the config."""
    dtype: str = "float32"
    shard_size: str = "1GB"
    without_prefix: bool = False
    """Save the base model's tensors without their prefix, as old checkpoints have them."""
    tokenizer: bool = False


def rope(kind: str, **settings: float) -> dict[str, Any]:
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **settings))


LLAMA3 = rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)

MODELS: dict[str, Model] = {
    "bert": Model(t.BertForMaskedLM, t.BertConfig(**MASKED)),
    "bert-b": Model(t.BertForMaskedLM, t.BertConfig(**MASKED)),
    "bert-untied": Model(t.BertForMaskedLM, t.BertConfig(**MASKED, tie_word_embeddings=False)),
    "bert-headless": Model(t.BertModel, t.BertConfig(**MASKED)),
    "bert-headless-b": Model(t.BertModel, t.BertConfig(**MASKED)),
    "bert-no-pooler": Model(t.BertModel, t.BertConfig(**MASKED), arguments=dict(add_pooling_layer=False)),
    "bert-settings": Model(
        t.BertForMaskedLM, t.BertConfig(**MASKED, hidden_act="gelu_new", layer_norm_eps=0.01, initializer_range=1.0)
    ),
    "bert-float16": Model(t.BertForMaskedLM, t.BertConfig(**MASKED), dtype="float16", shard_size="20KB"),
    "roberta": Model(t.RobertaForMaskedLM, t.RobertaConfig(**ROBERTA)),
    "roberta-b": Model(t.RobertaForMaskedLM, t.RobertaConfig(**ROBERTA)),
    "roberta-untied": Model(t.RobertaForMaskedLM, t.RobertaConfig(**ROBERTA, tie_word_embeddings=False)),
    "roberta-headless": Model(t.RobertaModel, t.RobertaConfig(**ROBERTA)),
    "xlm-roberta": Model(t.XLMRobertaForMaskedLM, t.XLMRobertaConfig(**ROBERTA)),
    "gpt2": Model(t.GPT2LMHeadModel, t.GPT2Config(**GPT2)),
    "gpt2-b": Model(t.GPT2LMHeadModel, t.GPT2Config(**GPT2)),
    "gpt2-untied": Model(t.GPT2LMHeadModel, t.GPT2Config(**GPT2, tie_word_embeddings=False)),
    "gpt2-headless": Model(t.GPT2Model, t.GPT2Config(**GPT2)),
    "gpt2-without-prefix": Model(t.GPT2LMHeadModel, t.GPT2Config(**GPT2, tie_word_embeddings=False), without_prefix=True),
    "gpt2-settings": Model(
        t.GPT2LMHeadModel,
        t.GPT2Config(**GPT2, n_inner=80, activation_function="relu", layer_norm_epsilon=0.01, initializer_range=1.0),
    ),
    "llama": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL), tokenizer=True),
    "llama-b": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL), tokenizer=True),
    "llama-tied": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL, tie_word_embeddings=True)),
    "llama-headless": Model(t.LlamaModel, t.LlamaConfig(**CAUSAL)),
    "llama-grouped": Model(t.LlamaForCausalLM, t.LlamaConfig(**GROUPED, head_dim=16)),
    "llama-biases": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL, attention_bias=True, mlp_bias=True)),
    "llama-rope-llama3": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL, **LLAMA3)),
    "llama-rope-linear": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL, **rope("linear", factor=4.0))),
    "llama-settings": Model(
        t.LlamaForCausalLM,
        t.LlamaConfig(**CAUSAL, hidden_act="gelu", rms_norm_eps=0.01, initializer_range=1.0,
                      rope_parameters=dict(rope_type="default", rope_theta=500000.0)),
    ),
    "llama-bfloat16": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL), dtype="bfloat16", shard_size="20KB"),
    "llama-bfloat16-b": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL), dtype="bfloat16"),
    "mistral": Model(t.MistralForCausalLM, t.MistralConfig(**GROUPED, sliding_window=8)),
    "mistral-b": Model(t.MistralForCausalLM, t.MistralConfig(**GROUPED, sliding_window=8)),
    "mistral-no-window": Model(t.MistralForCausalLM, t.MistralConfig(**GROUPED, sliding_window=None, head_dim=16)),
    "mistral-headless": Model(t.MistralModel, t.MistralConfig(**GROUPED, sliding_window=8)),
    "qwen2": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED), shard_size="20KB"),
    "qwen2-b": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED)),
    "qwen2-tied": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED, tie_word_embeddings=True)),
    "qwen2-headless": Model(t.Qwen2Model, t.Qwen2Config(**GROUPED)),
    "qwen2-window": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**QWEN2_WINDOW, max_window_layers=1)),
    "qwen2-layer-types": Model(
        t.Qwen2ForCausalLM, t.Qwen2Config(**QWEN2_WINDOW, layer_types=["sliding_attention", "full_attention"])
    ),
    "qwen2-float16": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED), dtype="float16"),
}
