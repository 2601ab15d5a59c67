"""Write src/families/config-keys.ts: the keys of config.json that each model type has in `transformers`.

    python scripts/config-keys.py            # needs transformers, of the version the file names
    python scripts/config-keys.py --check    # fails where the file is not what this version would give

A family's description uses them to tell a key that the library ignores from one that changes what a model computes.
"""
import dataclasses
import json
import re
import sys
import types
import typing
from pathlib import Path

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES

TARGET = Path(__file__).resolve().parent.parent / "src" / "families" / "config-keys.ts"
MODEL_TYPES = ["bert", "roberta", "gpt2", "llama", "mistral", "qwen2"]
# A second model type of a family, whose keys and defaults must be those of the first.
SAME = {"xlm-roberta": "roberta"}
NAMES = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null", list: "array", dict: "object"}


def json_types(annotation):
    """JSON types that an annotation of a config class allows."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return [name for part in typing.get_args(annotation) for name in json_types(part)]
    if origin is typing.Literal:
        return [name for value in typing.get_args(annotation) for name in json_types(type(value))]
    plain = origin or annotation
    if typing.is_typeddict(plain):
        plain = dict
    return [NAMES[plain]] if plain in NAMES else []


def keys_of(config_class, without=()):
    """{key: {default, types}} of a config class."""
    hints = typing.get_type_hints(config_class, localns={"torch": torch})
    keys = {}
    for field in dataclasses.fields(config_class):
        if field.name in without:
            continue
        names = list(dict.fromkeys(json_types(hints[field.name])))
        if "number" in names:
            names = [name for name in names if name != "integer"]
        keys[field.name] = {"default": field.default, "types": names}
    return keys


def shared_reads():
    """Keys that the code shared by all models reads, declared or not: per_layer_config, attention_chunk_size, …"""
    pattern = re.compile(r'config\.([a-z]\w*)|getattr\((?:self\.)?(?:text_)?config, "(\w+)"|kwargs\.pop\("(\w+)"')
    files = [*Path(transformers.__file__).parent.glob("m*_utils.py"), *Path(transformers.__file__).parent.glob("configuration_utils.py"),
             *Path(transformers.__file__).parent.glob("modeling_layers.py"), *Path(transformers.__file__).parent.glob("cache_utils.py")]
    found = {name for file in files for match in pattern.findall(file.read_text()) for name in match if name}
    methods = {name for name in dir(transformers.PreTrainedConfig) if callable(getattr(transformers.PreTrainedConfig, name, None))}
    return found - methods


def literal(value):
    # Biome writes 1e-5 where Python writes 1e-05.
    return "'" + value + "'" if isinstance(value, str) else json.dumps(value).replace("e-0", "e-")


def block(name, keys):
    lines = [
        f"    {key}: {{ default: {literal(entry['default'])}, types: [{', '.join(literal(t) for t in entry['types'])}] }},"
        for key, entry in keys.items()
    ]
    return [f"  {name}: {{", *lines, "  },"]


def main():
    common = keys_of(transformers.PreTrainedConfig)
    classes = transformers.CONFIG_MAPPING
    own = {name: keys_of(classes[name], common) for name in MODEL_TYPES}
    for other, name in SAME.items():
        # The vocabulary's size differs; no config.json leaves it out.
        theirs = {key: value for key, value in keys_of(classes[other], common).items() if key != "vocab_size"}
        assert theirs == {key: value for key, value in own[name].items() if key != "vocab_size"}, other
    text_models = sorted({**MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, **MODEL_FOR_MASKED_LM_MAPPING_NAMES})
    meaningful = sorted({field.name for name in text_models for field in dataclasses.fields(classes[name])} | shared_reads())
    generation = sorted(transformers.GenerationConfig._get_default_generation_params())
    text = "\n".join([
        "import type { ConfigKeys } from './description.js';",
        "",
        "/**",
        f" * Keys of config.json by model type, with default and JSON types, as transformers {transformers.__version__} declares them.",
        " * Written by scripts/config-keys.py; not to be edited.",
        " */",
        "export const CONFIG_KEYS = {",
        *block("common", common),
        *[line for name, keys in own.items() for line in block(name, keys)],
        "} as const satisfies Record<string, ConfigKeys>;",
        "",
        "/** Settings of text generation: older configs hold them, and the library moves them out when it loads a model. */",
        "export const GENERATION_KEYS: readonly string[] = [",
        *[f"  {literal(key)}," for key in generation],
        "];",
        "",
        "/** Every key that a text model of the library declares or that its shared code reads: it means something somewhere. */",
        "export const TEXT_MODEL_KEYS: ReadonlySet<string> = new Set([",
        *[f"  {literal(key)}," for key in meaningful],
        "]);",
        "",
    ])
    if "--check" not in sys.argv:
        TARGET.write_text(text)
    elif TARGET.read_text() != text:
        sys.exit(f"{TARGET.name} is not what transformers {transformers.__version__} declares: run {Path(__file__).name}")


main()
