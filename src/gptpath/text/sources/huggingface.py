"""The `huggingface` source: a data set of the hub, streamed, or a local one in the hub's layout.

A unit is a shard of the data set, in most of them one file. Nothing is stored on this machine, and
nothing but the data set's own requests is sent from it.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gptpath.config.ingest import HuggingFace
from gptpath.errors import ConfigError, CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources.listing import EMPTY, UNREADABLE, place_of
from gptpath.text.sources.records import Reader
from gptpath.text.sources.source import UNIT_BYTES, Dropped, Unit

if TYPE_CHECKING:
    from datasets import IterableDataset

T = TypeVar("T")

logger = logging.getLogger(__name__)

WAITS_SECONDS = (1.0, 4.0, 16.0, 60.0)
"""Pauses before the attempts that follow a failure of the network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HuggingFaceSource:
    """Rows of one split; a unit's parts are the number of a shard and how many there are."""

    settings: HuggingFace
    raw: Path

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`."""
        return self.settings.name

    def units(self) -> Sequence[Unit]:
        """One unit a shard.

        Raises CorpusError if the data set, its configuration, split or a column is missing, or the
        hub cannot be reached after all attempts.
        """
        rows = self._rows()
        names = rows.column_names or list(self._open(lambda: next(iter(rows.take(1)), {})))
        missing = [column for column in self.settings.columns if column not in names]
        if missing and names:
            raise CorpusError(
                f"{self._what} has no column {', '.join(missing)}; it has {', '.join(names)}"
            )
        shards = rows.num_shards
        return [
            Unit(key=self._shard_name(n), parts=(str(n), str(shards)), size=UNIT_BYTES)
            for n in range(shards)
        ]

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Read one shard; `split/shard:row`, the row counted from 1, is a row's place.

        A failure of the network is waited out, and reading goes on where it stopped.
        """
        reader = Reader(columns=self.settings, source=self.name, kind=self.settings.kind)
        group = self.settings.dataset or self.name
        number, shards = map(int, unit.parts)
        rows = self._rows()
        if rows.num_shards != shards:
            raise CorpusError(
                f"{self._what} had {shards} shards and has {rows.num_shards} now; it must not "
                "change while it is read: run `gptpath ingest` again"
            )
        if rows.features is not None:  # pictures and odd dates beside the text are not decoded
            rows = rows.select_columns(list(self.settings.columns))
        shard = rows.shard(num_shards=shards, index=number)
        row = 0
        try:
            for record in self._records(shard):
                row += 1
                place = f"{self._shard_name(number)}:{row}"
                yield reader.document(record, place=place, group=group)
        except _DamagedError as error:
            place = f"{self._shard_name(number)}:{row + 1}"
            logger.warning("%s cannot be read from row %s on: %s", self._what, place, error)
            yield Dropped(location=place, reason=UNREADABLE)
        else:
            if row == 0:
                yield Dropped(location=self._shard_name(number), reason=EMPTY)

    @property
    def _what(self) -> str:
        chosen = self.settings.dataset or self.settings.path
        return f"data set {chosen!r} of the source {self.name!r}"

    def _shard_name(self, number: int) -> str:
        parts = (self.settings.config, self.settings.split, f"{number:05d}")
        return "/".join(part for part in parts if part)

    def _rows(self) -> "IterableDataset":
        settings = self.settings
        if settings.path is None:
            opener, place = _open_once, settings.dataset or ""
        else:
            opener, folder = open_rows, place_of(self.raw, settings.path)
            place = str(folder)
            if not folder.is_dir():
                raise CorpusError(f"{self._what}: there is no folder {folder}")
        key = (place, settings.revision, settings.config, settings.split)
        return self._open(lambda: opener(*key))

    def _open(self, call: Callable[[], T]) -> T:
        try:
            return self._attempt(call)
        except _DamagedError as error:
            raise CorpusError(
                f"{self._what} cannot be opened: {error}; check its dataset or path, revision, "
                "config, split and first file"
            ) from None

    def _records(self, shard: "IterableDataset") -> Iterator[dict[str, Any]]:
        """Yield the rows of a shard; after a failure of the network from the row that failed."""
        done = 0
        ended = object()
        rows = iter(shard)

        def again() -> Any:
            nonlocal rows
            try:
                return next(rows, ended)
            except Exception:
                rows = islice(shard, done, None)
                raise

        while (record := self._attempt(again)) is not ended:
            done += 1
            yield record

    def _attempt(self, call: Callable[[], T]) -> T:
        """Call until it succeeds, with pauses; _DamagedError where that cannot help.

        The hub, `datasets` and file formats raise what they like; of a local folder every error is
        damage, of the hub what speaks of values, types and formats, or of a request refused.
        """
        lasting = (ValueError, TypeError, KeyError, _datasets().exceptions.DatasetsError)
        for wait in (*WAITS_SECONDS, None):
            try:
                return call()
            except Exception as error:
                if self.settings.path is not None or isinstance(error, lasting) or _refused(error):
                    raise _DamagedError(f"{type(error).__name__}: {error}") from error
                if wait is None:
                    raise CorpusError(
                        f"{self._what} cannot be reached after {len(WAITS_SECONDS) + 1} attempts "
                        f"({type(error).__name__}: {error}); check the network and run again, or "
                        "download the data set and name its folder by path"
                    ) from error
                logger.warning("%s: %s; next attempt in %g s", self._what, error, wait)
                time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")


class _DamagedError(Exception):
    """Reading failed in a way that another attempt would not change."""


def _refused(error: Exception) -> bool:
    """Whether a server answered that it will not, or has not; it may yet where it is too busy."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return 400 <= status < 500 and status not in (408, 429)


def open_rows(
    place: str, revision: str | None, config: str | None, split: str
) -> "IterableDataset":
    """The rows of a split, not yet read, of a folder or of a data set of the hub."""
    with tempfile.TemporaryDirectory() as cache:
        builder = _datasets().load_dataset_builder(
            place, name=config, revision=revision, cache_dir=cache
        )
        return builder.as_streaming_dataset(split)


_open_once = lru_cache(maxsize=8)(open_rows)
"""For the hub, which opening asks several times and where a revision never changes."""


def _datasets() -> Any:
    """The package `datasets`, told to be silent here and to report nothing to the hub."""
    try:
        import datasets
        from datasets import config
        from huggingface_hub import constants
    except ImportError:
        raise ConfigError(
            "sources of kind 'huggingface' need datasets, which is not installed; "
            "pip install 'gptpath[hub]'"
        ) from None
    datasets.disable_progress_bars()
    config.HF_UPDATE_DOWNLOAD_COUNTS = False
    constants.HF_HUB_DISABLE_TELEMETRY = True
    return datasets
