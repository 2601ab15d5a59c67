"""Hold what the service made against `transformers`: `python check_results.py CASES FOUND`.

CASES is a JSON list, see main.ts; FOUND is written, one entry a case: figures, and problems where it does not hold.
"""

import json
import logging
import math
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer, PreTrainedModel

from library import Loaded, Outputs, Probe, Tensors, evaluation, generate, is_post_norm, load, load_strictly, run

"""Largest difference over the largest value: float32 arithmetic in another order."""
TOLERANCE = 1e-4
"""What rounding the weights of a grown model to half precision may do to its logits."""
HALF_TOLERANCE = {"float16": 5e-3, "bfloat16": 5e-2}
GENERATED = 20
PROMPT = 8


def difference(one: torch.Tensor, other: torch.Tensor, where: torch.Tensor | None = None) -> float:
    if one.shape != other.shape:
        raise ValueError(f"shapes {tuple(one.shape)} and {tuple(other.shape)}")
    delta = one.double() - other.double()
    if where is not None:
        delta = delta * where[..., None]
    return (delta.abs().max() / other.double().abs().max()).item()


class Check:
    """One case: its figures, and what is wrong."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.result = Path(case["result"])
        self.sources = [Path(source) for source in case["sources"]]
        self.probes = [probe_of(probe) for probe in case["probes"]]
        self.problems: list[str] = []
        self.figures: dict[str, float | str] = {}

    def hold(self, figure: str, what: str, value: float, tolerance: float = TOLERANCE) -> None:
        worst = self.figures.get(figure, 0.0)
        self.figures[figure] = max(value, worst) if math.isfinite(value) else str(value)
        if not value <= tolerance:
            self.problems.append(f"{what} differs by {value:.2g}; {tolerance:g} is allowed")

    def equal(self, what: str, one: Any, other: Any) -> None:
        if isinstance(one, torch.Tensor):
            one, other = one.tolist(), other.tolist()
        if one != other:
            self.problems.append(f"{what} differs: {one} and {other}"[:300])

    def run(self) -> None:
        loaded = load_strictly(self.result)
        stored = loaded.model
        # What the library says of a source is no fault of the result, such as the pooler that BertModel was saved without.
        sources = [strict_source(source) for source in self.sources]
        missing = loaded.missing.difference(*(source.missing for source in sources))
        known = [line for source in sources for line in source.warnings]
        self.problems += loaded.problems + [line for line in loaded.warnings if line not in known]
        if missing:
            self.problems.append(f"missing: {sorted(missing)[:4]}")
        self.figures["class"] = type(stored).__name__
        self.equal("type of the parameters", {str(p.dtype) for p in stored.parameters()}, {f"torch.{self.case['dtype']}"})
        model = load(self.result)
        outputs = run(model, self.probes[0])
        self.against_service(outputs)
        self.evaluation(model)
        if self.case["exact"]:
            self.against_source(model, outputs)
        if stored.can_generate():
            made = generate(stored, self.probes[0].ids[:2, :PROMPT], GENERATED)
            self.equal("number of generated tokens", made.shape[1], GENERATED)
        self.reload(loaded)
        self.tokenizer()

    def against_service(self, outputs: Outputs) -> None:
        """Logits and every hidden state, as the service's own forward pass has them."""
        own = load_file(self.case["states"])
        real = self.probes[0].padding
        if outputs.logits is not None:
            self.hold("logits", "logits of the service's forward pass", difference(own["logits"], outputs.logits, real))
        for k, state in enumerate(outputs.hidden):
            self.hold("hidden", f"hidden state {k} of the service", difference(own[f"hidden.{k}"], state, real))

    def evaluation(self, model: PreTrainedModel) -> None:
        if model.get_output_embeddings() is None:
            return
        sources = [load_source(source) for source in self.sources]
        for probe, own in zip(self.probes, self.case["metrics"]["probes"], strict=True):
            for name, value in evaluation(sources, self.case["weights"], model, probe).items():
                pairs = zip(own[name], value, strict=True) if isinstance(value, list) else [(own[name], value)]
                for one, other in pairs:
                    if one is None:
                        self.problems.append(f"{name} is null in metrics.json; it is {other}")
                    else:
                        self.hold("loss", f"{name} of metrics.json", abs(one - other))

    def against_source(self, model: PreTrainedModel, outputs: Outputs) -> None:
        """What a wider model must have in common with the one that it was made from."""
        tolerance = HALF_TOLERANCE.get(self.case["dtype"], TOLERANCE)
        source = load_source(self.sources[0])
        real = self.probes[0].padding
        before = run(source, self.probes[0])
        bases = load_file(self.result / "bases.safetensors")
        if before.logits is not None:
            self.hold("source", "logits of the source", difference(outputs.logits, before.logits, real), tolerance)
        self.streams(source, before, outputs, bases, tolerance)
        if "pooler.0" in bases:
            pooled = before.pooled[:, bases["pooler.0"].long()]
            self.hold("source", "pooled output of the source", difference(outputs.pooled, pooled), tolerance)
        if self.case["dtype"] != "float32":
            return
        if model.can_generate():
            prompt = self.probes[0].ids[:2, :PROMPT]
            tokens = [generate(one, prompt, GENERATED) for one in (model, source)]
            self.equal("generated text", *tokens)
        elif before.logits is not None:
            hidden = self.probes[0].labels != -100
            filled = [out.logits[hidden].argmax(-1) for out in (outputs, before)]
            self.equal("filled masks", *filled)

    def streams(self, source: PreTrainedModel, before: Outputs, after: Outputs, bases: Tensors, tolerance: float) -> None:
        """The result's stream is E times the source's; before a head, the last norm's gain is part of what reads it."""
        expand = bases["residual.expand"].double()
        last = len(before.hidden) - 1
        for k, (old, new) in enumerate(zip(before.hidden, after.hidden, strict=True)):
            if k == last and before.logits is not None and not is_post_norm(source):
                continue
            old = old.double()
            if k < last and source.config.model_type == "gpt2":  # what LayerNorm subtracts is not written
                old = old - old.mean(-1, keepdim=True)
            value = difference(new, old @ expand.T, self.probes[0].padding)
            self.hold("source", f"hidden state {k} of the source", value, tolerance)

    def reload(self, loaded: Loaded) -> None:
        stored = loaded.model
        with tempfile.TemporaryDirectory() as folder:
            stored.save_pretrained(folder)
            again = load_strictly(Path(folder))
            problems = again.problems + [line for line in again.warnings if line not in loaded.warnings]
            self.problems += [f"saved and loaded again: {problem}" for problem in problems]
            one, other = run(stored, self.probes[0]), run(again.model, self.probes[0])
            self.equal("last hidden state, saved and loaded again", one.hidden[-1], other.hidden[-1])
            if one.logits is not None:
                self.equal("logits, saved and loaded again", one.logits, other.logits)

    def tokenizer(self) -> None:
        if not (self.sources[0] / "tokenizer_config.json").exists():
            return
        try:
            own, source = (AutoTokenizer.from_pretrained(folder) for folder in (self.result, self.sources[0]))
        except Exception as error:
            self.problems.append(f"tokenizer: {error!r}"[:300])
            return
        text = "w7 w9 </s> w11 unknown"
        self.equal("tokens of a text", own(text).input_ids, source(text).input_ids)
        self.equal("special tokens", own.special_tokens_map, source.special_tokens_map)
        self.equal("chat template", own.chat_template, source.chat_template)


@cache
def load_source(folder: Path) -> PreTrainedModel:
    return load(folder)


@cache
def strict_source(folder: Path) -> Loaded:
    return load_strictly(folder)


def probe_of(probe: dict[str, Any]) -> Probe:
    tensors = load_file(probe["tokens"])
    ids = tensors[probe["ids"]]
    padding = tensors[probe["attention_mask"]] if "attention_mask" in probe else None
    labels = tensors[probe.get("labels", probe["ids"])]
    counted = tensors[probe["mask"]] if "mask" in probe else padding
    return Probe(ids, padding, labels if counted is None else torch.where(counted == 1, labels, -100))


def main(cases: Path, found: Path) -> None:
    torch.set_num_threads(1)  # the models are so small that threads only wait for each other
    transformers.utils.logging.disable_progress_bar()
    # Warnings about a result are in the table.
    transformers.utils.logging.disable_default_handler()
    transformers.utils.logging.add_handler(logging.NullHandler())
    entries = []
    for case in json.loads(cases.read_text()):
        check = Check(case)
        try:
            check.run()
        except Exception as error:
            check.problems.append(f"{type(error).__name__}: {error}".strip()[:400])
        entries.append({"name": case["name"], "figures": check.figures, "problems": check.problems})
    found.write_text(json.dumps(entries))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
