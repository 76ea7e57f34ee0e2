"""Tokenizer folders from and to transformers' files; neither library of theirs is needed."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gptpath.errors import TokenError
from gptpath.exchange.byte_level import Merge, ranks_of, tokenizer_json
from gptpath.tokens.bpe import END_OF_TEXT, PATTERN, SETTINGS_FILE, write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.gpt1 import END_OF_WORD, NEWLINE
from gptpath.tokens.published import GPT1_FILES, gpt1_tables, write_gpt1_tokenizer

GPT1_AS = {"encoder_bpe_40000.json": "vocab.json", "vocab_40000.bpe": "merges.txt"}
"""Transformers' names of GPT-1's published files, whose bytes are the same."""


def import_tokenizer(source: Path, target: Path, *, name: str, words: str) -> None:
    """Write our tokenizer folder from transformers' files, or from OpenAI's of GPT-1.

    `words` is GPT-1's way to split words. Raises TokenError if `source` holds no such files, or
    an encoding that ours cannot equal.
    """
    if any((source / f"{file}{end}").is_file() for file in GPT1_FILES for end in ("", ".gz")):
        write_gpt1_tokenizer(target, source, words=words)
        return
    vocab, merges = _read_tables(source)
    if NEWLINE not in vocab:
        write_tokenizer(target, ranks_of(vocab, merges, where=str(source)), name=name)
        return
    with tempfile.TemporaryDirectory() as folder:
        for published, theirs in GPT1_AS.items():
            if not (source / theirs).is_file():
                raise TokenError(
                    f"{source} has GPT-1's vocabulary but no {theirs}; put it there, or name a "
                    "folder of the published files with --tokenizer"
                )
            shutil.copyfile(source / theirs, Path(folder) / published)
        write_gpt1_tokenizer(target, Path(folder), words=words)


def export_tokenizer(folder: Path, target: Path, *, context_length: int, words: str | None) -> bool:
    """Write transformers' files of a tokenizer folder; whether end of text also starts documents.

    Raises:
        TokenError: transformers cannot give the same ids.
    """
    settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",  # takes tokenizer.json as it is written
        "model_max_length": context_length,
        "clean_up_tokenization_spaces": False,
        "padding_side": "left",
    }
    if settings.get("kind") == "gpt1":
        if (words or settings["words"]) != "basic":
            raise TokenError(
                f"{folder} splits words as GPT-1's released code does, by spaCy, which "
                "transformers' files cannot say; with --words basic the export splits them as "
                "transformers' OpenAIGPTTokenizer does, which gives other ids for some words"
            )
        tokenizer = _gpt1_json(folder)
        for published, theirs in GPT1_AS.items():
            shutil.copyfile(folder / published, target / theirs)
    else:
        tokenizer = _byte_level_json(folder, settings)
        config |= dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), END_OF_TEXT)
    write_json(target / "tokenizer.json", tokenizer)
    write_json(target / "tokenizer_config.json", config)
    return settings.get("kind") != "gpt1"


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON as transformers does: readable, letters as they are."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _byte_level_json(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    encoding = load_encoding(folder)
    if settings["pattern"] != PATTERN:
        raise TokenError(
            f"{folder} splits words by {settings['pattern']!r}; only GPT-2's own pattern can be "
            f"exported: {PATTERN!r}"
        )
    special = encoding.eot_token
    return tokenizer_json([encoding.decode_single_token_bytes(rank) for rank in range(special)])


def _gpt1_json(folder: Path) -> dict[str, Any]:
    merges, vocab = gpt1_tables(folder)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],  # as an added token, "<unk>" within a text would be one symbol
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": NEWLINE}, "content": "\n"},
                {"type": "BPEDecoder", "suffix": END_OF_WORD},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": "",
            "end_of_word_suffix": END_OF_WORD,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [list(pair) for pair in merges],
        },
    }


def _read_tables(source: Path) -> tuple[dict[str, int], list[Merge]]:
    """Vocabulary with its added tokens, and merges."""
    whole, vocab_file, merges_file = (
        source / name for name in ("tokenizer.json", "vocab.json", "merges.txt")
    )
    try:
        if whole.is_file():
            return _from_tokenizer_json(json.loads(whole.read_text(encoding="utf-8")), whole)
        vocab = json.loads(vocab_file.read_text(encoding="utf-8"))
        lines = merges_file.read_text(encoding="utf-8").split("\n")
        head = 1 if lines[0].startswith("#version") else 0
        return vocab, [_pair(line) for line in lines[head:] if line]
    except FileNotFoundError as error:
        raise TokenError(
            f"{source} holds no tokenizer ({Path(error.filename).name} is missing); expected "
            "tokenizer.json, or vocab.json and merges.txt; name another folder with --tokenizer"
        ) from None
    except ValueError as error:
        raise TokenError(f"a tokenizer file in {source} is damaged: {error}") from None


def _from_tokenizer_json(values: Any, path: Path) -> tuple[dict[str, int], list[Merge]]:
    try:
        model = values["model"]
        vocab = dict(model["vocab"])
        vocab |= {token["content"]: token["id"] for token in values["added_tokens"]}
        cut = values["pre_tokenizer"]
        plain = (
            cut["type"] == "ByteLevel" and not cut["add_prefix_space"] and cut.get("use_regex", 1)
        )
        gpt1 = model["end_of_word_suffix"] == END_OF_WORD
        if model["type"] != "BPE" or not (gpt1 or (plain and values["normalizer"] is None)):
            raise TokenError(
                f"{path} is no byte-level BPE with GPT-2's split into words, nor GPT-1's; such a "
                "tokenizer cannot be imported"
            )
        return vocab, [_pair(merge) for merge in model["merges"]]
    except (KeyError, TypeError) as error:
        raise TokenError(f"{path} does not describe a BPE tokenizer: {error!r}") from None


def _pair(merge: str | list[str]) -> Merge:
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second
