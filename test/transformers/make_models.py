"""Write every model, and the tokens they are run on: `python make_models.py FOLDER`.

FOLDER/NAME is a checkpoint as `save_pretrained` leaves it. FOLDER/tokens/tokens.safetensors holds what the service and the
library both read: calibration tokens and, for causal and masked models, a probe with padding.
"""

import json
import sys
import zlib
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from models import FIRST_WORD, MASK, MODELS, VOCABULARY, Model

ROWS, LENGTH = 6, 24
CALIBRATION_ROWS = 64
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<sep>"]
CHAT_TEMPLATE = "{% for m in messages %}<s> {{ m['content'] }} </s> {% endfor %}"


def randomise(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """Draw every parameter: matrices N(0, 0.2²), gains 1 + N(0, 0.2²), biases and other vectors N(0, 0.1²)."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        gain = parameter.ndim == 1 and name.endswith("weight")
        parameter.data = 1 + 0.2 * noise if gain else (0.1 if parameter.ndim == 1 else 0.2) * noise
    model.tie_weights()
    return model.eval()


def tokenizer() -> PreTrainedTokenizerFast:
    words = SPECIAL + [f"w{i}" for i in range(len(SPECIAL), VOCABULARY)]
    fast = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    fast.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=fast, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        chat_template=CHAT_TEMPLATE,
    )


def write_model(model: Model, name: str, folder: Path) -> None:
    made = randomise(model.build(model.config, **model.arguments), zlib.crc32(name.encode()))
    made = made.to(getattr(torch, model.dtype))
    made.save_pretrained(folder, max_shard_size=model.shard_size)
    if model.tensors:
        saved = load_file(folder / "model.safetensors")
        save_file(model.tensors(saved), folder / "model.safetensors", metadata={"format": "pt"})
    if model.settings:
        file = folder / "config.json"
        config = json.loads(file.read_text()) | model.settings
        file.write_text(json.dumps({key: value for key, value in config.items() if value is not None}, indent=2))
    if model.tokenizer:
        tokenizer().save_pretrained(folder)


def tokens() -> dict[str, torch.Tensor]:
    """Rows of unequal length, padded on the right with `padding` 0; `masked` places hold the mask and count."""
    generator = torch.Generator().manual_seed(15)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randint(FIRST_WORD, MASK, shape, generator=generator)

    ids = draw(ROWS, LENGTH)
    lengths = torch.randint(LENGTH // 2, LENGTH + 1, (ROWS, 1), generator=generator)
    padding = (torch.arange(LENGTH) < lengths).long()
    masked = (torch.rand((ROWS, LENGTH), generator=generator) < 0.3).long() * padding
    return {
        "calibration": draw(CALIBRATION_ROWS, LENGTH),
        "ids": ids,
        "padding": padding,
        "masked": masked,
        # pad_token_id of the causal models and BERT is 0, RoBERTa's is 1
        "padded.0": torch.where(padding == 1, ids, 0),
        "masked.0": torch.where(padding == 1, torch.where(masked == 1, MASK, ids), 0),
        "masked.1": torch.where(padding == 1, torch.where(masked == 1, MASK, ids), 1),
    }


def main(folder: Path) -> None:
    torch.set_num_threads(2)
    transformers.utils.logging.disable_progress_bar()
    for name, model in MODELS.items():
        write_model(model, name, folder / name)
    (folder / "tokens").mkdir()
    save_file(tokens(), folder / "tokens" / "tokens.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
