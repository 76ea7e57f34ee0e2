"""Stage `tokenizer`: byte-level BPE trained on the train split (GPT-2 sec. 2.2).

Reads data/corpus/train; writes data/tokenizer and metrics/tokenizer.json.
"""

from itertools import chain

from gptpath.events import Progress
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.documents import read_texts
from gptpath.text.json_files import write_json
from gptpath.tokens.bpe import take_bytes, train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding

MEASURED_TEXTS = 2000
"""Texts of the sample over which bytes per token are measured."""


def run(context: StageContext) -> StageOutcome:
    """Train on the first documents by id, which is a random order, up to `sample_bytes`."""
    settings = context.params.tokenizer
    texts = chain.from_iterable(read_texts(context.path("data", "corpus", "train")))
    sample = list(take_bytes(texts, settings.sample_bytes))
    context.emit(Progress(done=0, total=2, what="steps: merges learned, measured"))
    ranks = train_ranks(sample, vocab_size=settings.vocab_size)
    folder = context.path("data", "tokenizer")
    write_tokenizer(folder, ranks, name=f"gptpath-{settings.vocab_size}")
    context.emit(Progress(done=1, total=2, what="steps: merges learned, measured"))
    measured = sample[:MEASURED_TEXTS]
    tokens = sum(map(len, load_encoding(folder).encode_ordinary_batch(measured)))
    metrics = {
        "vocab_size": settings.vocab_size,
        "bytes_per_token": sum(len(text.encode()) for text in measured) / tokens,
        "sample_bytes": sum(len(text.encode()) for text in sample),
    }
    write_json(context.path("metrics", "tokenizer.json"), metrics)
    context.emit(Progress(done=2, total=2, what="steps: merges learned, measured"))
    return StageOutcome(metrics={name: float(value) for name, value in metrics.items()})
