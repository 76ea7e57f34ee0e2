"""`gptpath export`: a model folder of ours becomes one that transformers loads."""

import json
from pathlib import Path

from safetensors.torch import save_file

from gptpath.config.model import ModelConfig
from gptpath.errors import CheckpointError
from gptpath.exchange.configs import to_transformers
from gptpath.exchange.target import whole_folder
from gptpath.exchange.tokenizers import export_tokenizer, write_json
from gptpath.model.build import LanguageModel, count_parameters
from gptpath.model.folder import load_config, load_model, published_steps
from gptpath.model.interop import to_gpt2, to_openai_gpt
from gptpath.tokens.encoding import load_encoding


def export_model(
    folder: Path, target: Path, *, step: int | None = None, words: str | None = None
) -> None:
    """Write `target` for AutoModelForCausalLM and AutoTokenizer, from weights after `step`.

    `words="basic"` lets a GPT-1 tokenizer split words in transformers' way.

    Raises:
        CheckpointError: the folder holds no GPT-1 or GPT-2, or `target` is taken.
        TokenError: transformers' files cannot express the tokenizer.
    """
    with whole_folder(target, advice="remove it or export to another folder") as fresh:
        _export(folder, fresh, target.resolve().name, step=step, words=words)


def _export(folder: Path, fresh: Path, name: str, *, step: int | None, words: str | None) -> None:
    config = load_config(folder)
    _refuse(folder, config)
    model = load_model(folder, step=step)
    step = published_steps(folder)[-1] if step is None else step
    _write_weights(fresh / "model.safetensors", model)
    bos = export_tokenizer(
        folder / "tokenizer", fresh, context_length=config.context_length, words=words
    )
    end = load_encoding(folder / "tokenizer").eot_token
    values = to_transformers(
        config,
        end_of_text=end,
        bos=bos,
        extra={"step": step} | ({} if bos else {"words": "basic"}),
    )
    write_json(fresh / "config.json", values)
    kept = ("bos_token_id", "eos_token_id", "pad_token_id")
    write_json(
        fresh / "generation_config.json",
        {name: values[name] for name in kept if values[name] is not None},
    )
    (fresh / "README.md").write_text(_card(folder, name, model, step, bos), encoding="utf-8")


def _refuse(folder: Path, config: ModelConfig) -> None:
    if config.family == "lstm":
        raise CheckpointError(
            f"{folder} holds an LSTM, for which transformers has no class; only GPT-1 and GPT-2 "
            "models can be exported"
        )
    if (folder / "classifier.json").exists():
        raise CheckpointError(
            f"{folder} holds a fine-tuned classifier, whose head transformers does not know; "
            "export the language model that it was made from"
        )


def _write_weights(path: Path, model: LanguageModel) -> None:
    """Write all parameters once; transformers ties the head to the token table itself."""
    post = model.config.norm == "post"
    state = (to_openai_gpt if post else to_gpt2)(model.state_dict())
    del state["lm_head.weight"]
    save_file(state, path, metadata={"format": "pt"})


def _card(folder: Path, name: str, model: LanguageModel, step: int, byte_level: bool) -> str:
    config = model.config
    kind = "GPT-2" if config.norm == "pre" else "GPT-1"
    origin = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("source")
    made = f"Imported from {origin}." if origin else f"Weights after {step:,} optimiser steps."
    tokenizer = (
        "Byte-level BPE; any text comes back as it was. `<|endoftext|>` within a text is the "
        "special token."
        if byte_level
        else "GPT-1's published BPE behind transformers' split into words: text is lower-cased, "
        "and its spacing is lost. The newline ends a text."
    )
    training = folder / "README.md"
    parts = [
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\nlanguage: en\n---",
        f"# {name}",
        f"A language model of {kind}'s architecture with {count_parameters(model):,} parameters: "
        f"{config.n_layer} layers, {config.n_head} heads, width {config.n_embd}, context "
        f"{config.context_length}, vocabulary {config.vocab_size:,}. Made with gptpath. {made}",
        "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n'
        'model = AutoModelForCausalLM.from_pretrained("FOLDER")\n'
        'inputs = tokenizer("The model", return_tensors="pt")\n'
        "print(tokenizer.decode(model.generate(**inputs, max_new_tokens=40)[0]))\n```",
        f"## Tokenizer\n\n{tokenizer}",
        "It was trained on raw text and on nothing else: it repeats what its text says, right or "
        "wrong.",
    ]
    if training.is_file():  # of a registered version
        parts.append(training.read_text(encoding="utf-8").strip())
    return "\n\n".join(parts) + "\n"
