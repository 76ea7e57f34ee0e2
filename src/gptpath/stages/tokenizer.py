"""Stage `tokenizer`: byte-level BPE of the train split (GPT-2 sec. 2.2), or a published one.

Reads data/corpus/train; writes data/tokenizer and metrics/tokenizer.json.
"""

import shutil
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from gptpath.config.sections import Tokenizer
from gptpath.events import Progress
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.documents import read_texts
from gptpath.text.json_files import write_json
from gptpath.tokens.bpe import take_bytes, train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.published import gpt2_ranks, write_gpt1_tokenizer

MEASURED_TEXTS = 2000
"""Texts of the sample over which bytes per token are measured."""

_STEPS = "steps: tokenizer written, measured"


def run(context: StageContext) -> StageOutcome:
    """Train on the first documents by id, which is a random order, up to `sample_bytes`."""
    settings = context.params.tokenizer
    texts = chain.from_iterable(read_texts(context.path("data", "corpus", "train")))
    sample = _Sample(take_bytes(texts, settings.sample_bytes))
    folder = context.path("data", "tokenizer")
    context.emit(Progress(done=0, total=2, what=_STEPS))
    shutil.rmtree(folder, ignore_errors=True)  # DVC removes it too; a run by hand does not
    if settings.kind == "trained":
        ranks = train_ranks(sample, vocab_size=settings.vocab_size)
        write_tokenizer(folder, ranks, name=f"gptpath-{settings.vocab_size}")
    else:
        _write_published(folder, context.root, settings)
    learned_from = sample.bytes
    context.emit(Progress(done=1, total=2, what=_STEPS))
    measured = sample.first_texts()
    tokens = sum(map(len, load_encoding(folder).encode_ordinary_batch(measured)))
    metrics = {
        "vocab_size": settings.vocab_size,
        "bytes_per_token": sum(len(text.encode()) for text in measured) / tokens,
        "sample_bytes": learned_from,
    }
    write_json(context.path("metrics", "tokenizer.json"), metrics)
    context.emit(Progress(done=2, total=2, what=_STEPS))
    return StageOutcome(metrics={name: float(value) for name, value in metrics.items()})


class _Sample:
    """Texts that are read once, the first of them kept; memory does not grow with the sample."""

    def __init__(self, texts: Iterator[str]) -> None:
        self.bytes = 0
        """UTF-8 bytes read so far."""
        self._texts = texts
        self._first: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.bytes += len(text.encode())
            if len(self._first) < MEASURED_TEXTS:
                self._first.append(text)
            yield text

    def first_texts(self) -> list[str]:
        """The first MEASURED_TEXTS, read now if nobody has read them yet."""
        deque(islice(self, MEASURED_TEXTS - len(self._first)), maxlen=0)
        return self._first


def _write_published(folder: Path, root: Path, settings: Tokenizer) -> None:
    files = None if settings.files is None else root / settings.files
    if settings.kind == "gpt2":
        write_tokenizer(folder, gpt2_ranks(files), name="gpt2")
    else:
        assert files is not None, "checked by the parameters"
        write_gpt1_tokenizer(folder, files, words=settings.words)
