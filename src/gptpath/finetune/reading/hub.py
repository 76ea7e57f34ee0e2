"""Data sets of the Hugging Face hub, at a pinned revision."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gptpath.errors import CorpusError
from gptpath.finetune.reading.raw import Raw

logger = logging.getLogger(__name__)

Load = Callable[[str, str | None, str, str], Iterable[Mapping[str, Any]]]
"""(data set, configuration, revision, split) -> its rows."""


def load_split(
    data_set: str, config: str | None, revision: str, split: str
) -> Iterable[Mapping[str, Any]]:
    """Rows of one split, through `datasets`, which keeps them in its own cache.

    Raises:
        CorpusError: `datasets` is not installed, or the data set cannot be loaded.
    """
    try:
        import datasets
    except ImportError:
        raise CorpusError(
            f"{data_set} of the hub needs the package datasets: install gptpath[hub], or put the "
            "files into zeroshot.benchmarks_dir"
        ) from None
    try:
        rows: Any = datasets.load_dataset(data_set, config, revision=revision, split=split)
        return rows
    except Exception as error:  # the hub, the network and file formats raise what they like
        raise CorpusError(
            f"{data_set} ({config or 'no configuration'}, revision {revision}, split {split}) "
            f"cannot be loaded from the hub: {type(error).__name__}: {error}"
        ) from error


def read_hub(
    data_set: str, config: str | None, revision: str, split: str, load: Load = load_split
) -> Iterator[Raw]:
    """Yield the rows of one split as they are there, numbered from 1."""
    logger.info("loading %s %s of the hub at %s", data_set, split, revision)
    for number, values in enumerate(load(data_set, config, revision, split), start=1):
        yield Raw(file=split, number=number, unit="row", values=values)
