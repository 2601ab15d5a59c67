"""What `transformers` computes for a folder: loading, forward passes, losses, generation."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import transformers
from safetensors import safe_open
from transformers import PreTrainedModel

Tensors = dict[str, torch.Tensor]


@dataclass
class Probe:
    """Tokens [rows, length], which of them are padding (0), and the label of every place (−100: not counted)."""

    ids: torch.Tensor
    padding: torch.Tensor | None
    labels: torch.Tensor


@dataclass
class Outputs:
    logits: torch.Tensor | None
    """Stream after the embeddings and after each layer; what the class returns as the last is after the last norm."""
    hidden: list[torch.Tensor]
    pooled: torch.Tensor | None


class Warnings(logging.Handler):
    """Warnings of the library while a model is loaded: each says that a file is not what it should be."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage().splitlines()[0]
        if "LOAD REPORT" not in line:  # its keys are in the loading info
            self.lines.append(line)


def class_of(folder: Path) -> type[PreTrainedModel]:
    config = json.loads((folder / "config.json").read_text())
    return getattr(transformers, config["architectures"][0])


def stored_tensors(folder: Path) -> set[str]:
    index = folder / "model.safetensors.index.json"
    files = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {"model.safetensors"}
    names: set[str] = set()
    for file in files:
        with safe_open(folder / file, "pt") as opened:
            names |= set(opened.keys())
    return names


@dataclass
class Loaded:
    model: PreTrainedModel
    """Parameters of the class that the files do not hold."""
    missing: set[str]
    """Everything else that is not as it should be."""
    problems: list[str]
    warnings: list[str]


def load_strictly(folder: Path) -> Loaded:
    """The model by the class that its config names, in the type that it is stored in."""
    warnings = Warnings()
    logger = logging.getLogger("transformers")
    logger.addHandler(warnings)
    try:
        model, info = class_of(folder).from_pretrained(folder, output_loading_info=True)
    finally:
        logger.removeHandler(warnings)
    missing = set(info.pop("missing_keys"))
    problems = [f"{what}: {sorted(map(str, keys))[:4]}" for what, keys in info.items() if keys]
    # A class leaves some keys out of that list.
    unread = stored_tensors(folder) - set(model.state_dict())
    if unread and not info["unexpected_keys"]:
        problems.append(f"tensors under names that {type(model).__name__} does not have: {sorted(unread)[:4]}")
    return Loaded(model.eval(), missing, problems, [f"warning: {line}" for line in warnings.lines])


def load(folder: Path) -> PreTrainedModel:
    """In float32, with the plain attention."""
    return class_of(folder).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


@torch.no_grad()
def run(model: PreTrainedModel, probe: Probe) -> Outputs:
    out = model(input_ids=probe.ids, attention_mask=probe.padding, output_hidden_states=True)
    return Outputs(out.get("logits"), list(out.hidden_states), out.get("pooler_output"))


def is_post_norm(model: PreTrainedModel) -> bool:
    """Whether the stream after a layer is normed: BERT and what is built like it."""
    return "bert" in model.config.model_type


@torch.no_grad()
def score(model: PreTrainedModel, probe: Probe) -> tuple[float, torch.Tensor, torch.Tensor]:
    """The class's own loss; logits [places, vocabulary] and labels [places] of the places that count."""
    out = model(input_ids=probe.ids, attention_mask=probe.padding, labels=probe.labels)
    causal = not type(model).__name__.endswith("MaskedLM")
    logits, labels = (out.logits[:, :-1], probe.labels[:, 1:]) if causal else (out.logits, probe.labels)
    kept = labels != -100
    return out.loss.item(), logits[kept].double(), labels[kept]


def evaluation(
    sources: list[PreTrainedModel], weights: list[float], result: PreTrainedModel, probe: Probe
) -> dict[str, Any]:
    """The figures that the service's metrics.json has for a probe, under the same names."""
    scores = [score(model, probe) for model in sources]
    loss, last, labels = score(result, probe)
    mean = sum(weight * logits for weight, (_, logits, _) in zip(weights, scores, strict=True))
    divergence = (mean.softmax(-1) * (mean.log_softmax(-1) - last.log_softmax(-1))).sum(-1).mean()
    return {
        "counted": len(labels),
        "source_losses": [own for own, _, _ in scores],
        "mean_of_sources_loss": F.cross_entropy(mean, labels).item(),
        "result_loss": loss,
        "kl_to_mean": divergence.item(),
        "top1_agreement": (mean.argmax(-1) == last.argmax(-1)).double().mean().item(),
    }


def generate(model: PreTrainedModel, prompt: torch.Tensor, tokens: int) -> torch.Tensor:
    """The likeliest next token, again and again: [rows, tokens]."""
    made = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), do_sample=False, pad_token_id=0,
        max_new_tokens=tokens, min_new_tokens=tokens,
    )
    return made[:, prompt.shape[1]:]
