"""What a model needs to write the held-out passages, in nats, read with its own tokenizer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gptpath.gate.heldout import Passage
from gptpath.gate.paired import Column
from gptpath.model.device import resolve_device, resolve_precision
from gptpath.model.folder import load_model
from gptpath.tokens.encoding import load_encoding
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.scoring import Scorer


def passage_nats(
    folder: Path, passages: Sequence[Passage], *, device: str, precision: str, batch_size: int
) -> Column:
    """(passages,) negative log-likelihood of each passage after an end of text, nats.

    Raises CheckpointError or TokenError for a folder that is no whole model.
    """
    chosen = resolve_device(device)
    scorer = Scorer(
        load_model(folder, device=chosen),
        load_encoding(folder / "tokenizer"),
        batch_size=batch_size,
        precision=resolve_precision(chosen, precision),
    )
    # An empty context is an end of text; longer passages are read in windows, each token once.
    requests = [Request(context="", continuations=(passage.text,)) for passage in passages]
    found = scorer.log_likelihoods(requests)
    return np.array([-likelihood.total for [likelihood] in found], dtype=np.float64)


def keeps_text(folder: Path, passages: Sequence[Passage]) -> bool:
    """Whether the tokenizer of a model folder gives every passage back as it was.

    One that does not (GPT-1's lower-cases) writes an easier text: bits per byte of the text that
    was given mean nothing beside those of another tokenizer.
    """
    encoding = load_encoding(folder / "tokenizer")
    return all(
        encoding.decode(encoding.encode_ordinary(passage.text)) == passage.text
        for passage in passages
    )


def same_tokenizer(one: Path, other: Path) -> bool:
    """Whether two model folders hold the same tokenizer, byte for byte."""
    files = [
        {path.name: path.read_bytes() for path in (folder / "tokenizer").iterdir()}
        for folder in (one, other)
    ]
    return files[0] == files[1]
