"""Stage `encode`: documents -> token shards; unigram and bigram baselines.

Reads data/corpus/{train,validation} and data/tokenizer; writes data/tokens and
metrics/encode.json.
"""

from dataclasses import asdict
from pathlib import Path

import tiktoken

from gptpath.events import Emit, Progress
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.documents import count_documents, read_texts
from gptpath.text.json_files import write_json
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.ngram_baselines import measure_baselines
from gptpath.tokens.shards import SplitSummary, SplitWriter, open_split, write_index

THREADS = 2
"""Threads of the encoder; changes no result."""


def run(context: StageContext) -> StageOutcome:
    """Encode the two splits that language models see; every document ends with end of text."""
    encoding = load_encoding(context.path("data", "tokenizer"))
    folder = context.path("data", "tokens")
    shard_tokens = context.params.encode.shard_tokens
    splits = {
        split: encode_split(
            context.path("data", "corpus", split),
            SplitWriter(folder, split, vocab_size=encoding.n_vocab, shard_tokens=shard_tokens),
            encoding,
            context.emit,
        )
        for split in ("train", "validation")
    }
    write_index(folder, vocab_size=encoding.n_vocab, splits=splits)
    baselines = measure_baselines(
        open_split(folder, "train"),
        open_split(folder, "validation"),
        end_of_text=encoding.eot_token,
    )
    sizes = {
        split: {"tokens": s.tokens, "documents": s.documents, "bytes": s.bytes}
        for split, s in splits.items()
    }
    scores = {name: asdict(score) for name, score in baselines.items()}
    write_json(context.path("metrics", "encode.json"), {**sizes, "baselines": scores})
    flat = {
        f"{split}/{name}": float(n) for split, size in sizes.items() for name, n in size.items()
    }
    flat |= {f"{name}/{unit}": x for name, score in scores.items() for unit, x in score.items()}
    return StageOutcome(metrics=flat)


def encode_split(
    corpus: Path, writer: SplitWriter, encoding: tiktoken.Encoding, emit: Emit
) -> SplitSummary:
    """Encode a split of the corpus in id order."""
    total = count_documents(corpus)
    done = 0
    for texts in read_texts(corpus):
        # Ordinary: the characters of a special token within a text are but text.
        for text, ids in zip(
            texts, encoding.encode_ordinary_batch(texts, num_threads=THREADS), strict=True
        ):
            writer.append([*ids, encoding.eot_token], text_bytes=len(text.encode()))
        done += len(texts)
        emit(Progress(done=done, total=total, what="documents"))
    return writer.finish()
