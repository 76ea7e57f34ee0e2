"""Section `corpus`: token shards to train on, carried along or made on the spot."""

import sysconfig
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu_check.child import Findings
from benchmarks.gpu_check.settings import Settings
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.published import byte_letters
from gptpath.tokens.shards import SplitWriter, open_split, write_index

_SUFFIXES = {".txt", ".md", ".py", ".rst"}
_HELD_OUT = 50
"""Every so manieth text is held out."""


def run(settings: Settings, findings: Findings, item: str) -> None:
    tokens, tokenizer = settings.token_folders
    if settings.tokens is None:
        folder = Path(settings.texts or sysconfig.get_paths()["stdlib"])
        make_tokens(
            folder,
            tokens.parent,
            most_bytes=300_000 if settings.small else 60_000_000,
            vocab_size=512 if settings.small else 16_384,
        )
        findings.note(source="text files below a folder" if settings.texts else "Python's library")
    else:
        findings.note(source="token shards carried along")
    splits = {name: open_split(tokens, name, verify=True) for name in ("train", "validation")}
    encoding = load_encoding(tokenizer)
    findings.note(
        vocab_size=encoding.n_vocab,
        **{f"{name}_tokens": len(split) for name, split in splits.items()},
    )
    first = splits["train"].read(0, min(64, len(splits["train"])))
    findings.check(
        "shards and tokenizer belong together",
        all(split.vocab_size == encoding.n_vocab for split in splits.values()),
        repr(encoding.decode(first.tolist())[:60]),
    )


def make_tokens(texts: Path, data: Path, *, most_bytes: int, vocab_size: int) -> None:
    """Write `data`/tokens and `data`/tokenizer, a small byte-level BPE, from text files."""
    documents = list(_read(texts, most_bytes))
    write_tokenizer(
        data / "tokenizer", _train(documents, most_bytes // 4, vocab_size), name="gpu-check"
    )
    encoding = load_encoding(data / "tokenizer")
    writers = {
        split: SplitWriter(
            data / "tokens", split, vocab_size=encoding.n_vocab, shard_tokens=100_000_000
        )
        for split in ("train", "validation")
    }
    for place, (text, ids) in enumerate(
        zip(documents, encoding.encode_ordinary_batch(documents), strict=True)
    ):
        split = "train" if place % _HELD_OUT else "validation"
        writers[split].append([*ids, encoding.eot_token], text_bytes=len(text.encode()))
    splits = {split: writer.finish() for split, writer in writers.items()}
    write_index(data / "tokens", vocab_size=encoding.n_vocab, splits=splits)


def _read(folder: Path, most_bytes: int) -> Iterator[str]:
    taken = 0
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _SUFFIXES or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        taken += len(text.encode())
        if taken > most_bytes:
            return
        if text.strip():
            yield text


def _train(documents: list[str], most_bytes: int, vocab_size: int) -> list[bytes]:
    """Tokens in the order of their ids, learned by `tokenizers`, which transformers brings."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,  # the last id is end of text
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    sample = documents[: max(1, most_bytes * len(documents) // sum(map(len, documents)))]
    tokenizer.train_from_iterator(sample, trainer)
    byte_of = {letter: byte for byte, letter in byte_letters().items()}
    ids = tokenizer.get_vocab()
    return [bytes(byte_of[c] for c in token) for token in sorted(ids, key=lambda token: ids[token])]
