"""The tiny models that the cases are made from: every supported family and the settings of it that change a result."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers as t

Tensors = dict[str, torch.Tensor]

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
    tokenizer: bool = False
    tensors: Callable[[Tensors], Tensors] | None = None
    """What older programs wrote instead of the tensors that the library saves today."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Likewise of config.json; None: without that key."""


def rope(kind: str, **settings: float) -> dict[str, Any]:
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **settings))


def without_prefix(prefix: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


def original_gpt2(tensors: Tensors) -> Tensors:
    """Names without the prefix, the head left out, and each layer's causal mask as a buffer."""
    kept = without_prefix("transformer.")({name: tensor for name, tensor in tensors.items() if name != "lm_head.weight"})
    mask = torch.tril(torch.ones(POSITIONS, POSITIONS)).view(1, 1, POSITIONS, POSITIONS)
    return kept | {f"h.{layer}.attn.bias": mask.clone() for layer in range(2)}


def original_bert(tensors: Tensors) -> Tensors:
    """Gains and biases of norms as gamma and beta, and what the masked model does not use."""
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in tensors.items()
        if not name.startswith("cls.predictions.decoder.")
    }
    return renamed | pooler("bert.", 0.3) | {
        "bert.embeddings.position_ids": torch.arange(POSITIONS + 2).view(1, -1),
        "cls.seq_relationship.weight": torch.full((2, 32), 0.1),
        "cls.seq_relationship.bias": torch.zeros(2),
    }


def original_roberta(tensors: Tensors) -> Tensors:
    ids = torch.arange(POSITIONS + 2).view(1, -1)
    return tensors | pooler("roberta.", 0.3) | {"roberta.embeddings.position_ids": ids}


def original_llama(tensors: Tensors) -> Tensors:
    frequencies = 10000.0 ** (-torch.arange(0, 8, 2) / 8)
    return tensors | {f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": frequencies.clone() for layer in range(2)}


def pooler(prefix: str, value: float) -> Tensors:
    return {
        f"{prefix}pooler.dense.weight": torch.full((32, 32), value),
        f"{prefix}pooler.dense.bias": torch.zeros(32),
    }


OLD = dict(dtype=None, torch_dtype="float32", rope_parameters=None, transformers_version="4.30.0")
"""config.json as transformers 4 wrote it: rotary settings beside the others."""
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
    "bert-original": Model(
        t.BertForMaskedLM, t.BertConfig(**MASKED), tensors=original_bert,
        settings=dict(OLD, gradient_checkpointing=False, position_embedding_type="absolute", tie_word_embeddings=None),
    ),
    "bert-float16": Model(t.BertForMaskedLM, t.BertConfig(**MASKED), dtype="float16", shard_size="20KB"),
    "roberta": Model(t.RobertaForMaskedLM, t.RobertaConfig(**ROBERTA)),
    "roberta-b": Model(t.RobertaForMaskedLM, t.RobertaConfig(**ROBERTA)),
    "roberta-untied": Model(t.RobertaForMaskedLM, t.RobertaConfig(**ROBERTA, tie_word_embeddings=False)),
    "roberta-headless": Model(t.RobertaModel, t.RobertaConfig(**ROBERTA)),
    "xlm-roberta": Model(t.XLMRobertaForMaskedLM, t.XLMRobertaConfig(**ROBERTA)),
    "roberta-original": Model(
        t.RobertaForMaskedLM, t.RobertaConfig(**ROBERTA), tensors=original_roberta, settings=dict(OLD, tie_word_embeddings=None)
    ),
    "gpt2": Model(t.GPT2LMHeadModel, t.GPT2Config(**GPT2)),
    "gpt2-b": Model(t.GPT2LMHeadModel, t.GPT2Config(**GPT2)),
    "gpt2-untied": Model(t.GPT2LMHeadModel, t.GPT2Config(**GPT2, tie_word_embeddings=False)),
    "gpt2-headless": Model(t.GPT2Model, t.GPT2Config(**GPT2)),
    "gpt2-without-prefix": Model(t.GPT2LMHeadModel, t.GPT2Config(**GPT2, tie_word_embeddings=False), tensors=without_prefix("transformer.")),
    "gpt2-settings": Model(
        t.GPT2LMHeadModel,
        t.GPT2Config(**GPT2, n_inner=80, activation_function="relu", layer_norm_epsilon=0.01, initializer_range=1.0),
    ),
    "gpt2-original": Model(
        t.GPT2LMHeadModel, t.GPT2Config(**GPT2), tensors=original_gpt2,
        settings=dict(OLD, n_ctx=POSITIONS, n_inner=None, tie_word_embeddings=None,
                      task_specific_params={"text-generation": {"do_sample": True, "max_length": 50}}),
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
    "llama-original": Model(
        t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL), tensors=original_llama,
        settings=dict(OLD, head_dim=None, num_key_value_heads=None, attention_bias=None, mlp_bias=None, rope_scaling=None,
                      max_sequence_length=64),
    ),
    "llama-old-linear": Model(
        t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL, **rope("linear", factor=2.0)),
        settings=dict(OLD, rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 2.0}),
    ),
    "llama-old-llama3": Model(
        t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL, **LLAMA3),
        settings=dict(OLD, rope_theta=10000.0, rope_scaling={
            key: value for key, value in LLAMA3["rope_parameters"].items() if key != "rope_theta"
        }),
    ),
    "llama-bidirectional": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL, is_causal=False)),
    "llama-two-thetas": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL), settings=dict(rope_theta=500.0)),
    "llama-llama3-default": Model(
        t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL, **LLAMA3),
        settings=dict(rope_parameters={
            key: value for key, value in LLAMA3["rope_parameters"].items() if not key.startswith("original")
        }),
    ),
    "llama-bfloat16": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL), dtype="bfloat16", shard_size="20KB"),
    "llama-bfloat16-b": Model(t.LlamaForCausalLM, t.LlamaConfig(**CAUSAL), dtype="bfloat16"),
    "mistral": Model(t.MistralForCausalLM, t.MistralConfig(**GROUPED, sliding_window=8)),
    "mistral-b": Model(t.MistralForCausalLM, t.MistralConfig(**GROUPED, sliding_window=8)),
    "mistral-no-window": Model(t.MistralForCausalLM, t.MistralConfig(**GROUPED, sliding_window=None, head_dim=16)),
    "mistral-headless": Model(t.MistralModel, t.MistralConfig(**GROUPED, sliding_window=8)),
    "mistral-old": Model(
        t.MistralForCausalLM, t.MistralConfig(**GROUPED, sliding_window=8, rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
        settings=dict(OLD, rope_theta=1000000.0, head_dim=None),
    ),
    "qwen2": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED), shard_size="20KB"),
    "qwen2-b": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED)),
    "qwen2-tied": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED, tie_word_embeddings=True)),
    "qwen2-headless": Model(t.Qwen2Model, t.Qwen2Config(**GROUPED)),
    "qwen2-window": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**QWEN2_WINDOW, max_window_layers=1)),
    "qwen2-layer-types": Model(
        t.Qwen2ForCausalLM, t.Qwen2Config(**QWEN2_WINDOW, layer_types=["sliding_attention", "full_attention"])
    ),
    "qwen2-old": Model(
        t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED, rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
        settings=dict(OLD, rope_theta=1000000.0, rope_scaling=None, layer_types=None, sliding_window=8,
                      use_sliding_window=False, max_window_layers=1),
    ),
    "qwen2-float16": Model(t.Qwen2ForCausalLM, t.Qwen2Config(**GROUPED), dtype="float16"),
}
