"""The section `ingest` of params.yaml: sources of text, and what is kept of them.

No third-party import here, for the reason given in `gptpath.config.sections`.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, get_args, get_type_hints

from gptpath.config.cleaning import Cleaning
from gptpath.config.duplicates import Duplicates
from gptpath.config.sections import FORBID_UNKNOWN, require, require_least
from gptpath.config.web import UNWANTED_DOMAINS, Extraction, Fetch
from gptpath.errors import ConfigError

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledDocs:
    """Docstrings of the Python installation and of installed packages."""

    kind: Literal["installed-docs"] = "installed-docs"
    name: str = "installed-docs"
    """`source` of its documents; unique among the sources."""
    weight: float | None = None
    """Target share of bytes among all sources that have a weight; None keeps everything."""
    packages: tuple[str, ...]
    """Distributions to read; `python` is the standard library."""
    min_chars: int = 200
    """Shorter docstrings are not read at all, nor counted."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        _check(self)
        require(
            bool(self.packages),
            f"source {self.name!r} needs packages; e.g. packages: [python, numpy]",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Text files, plain or packed, below a folder."""

    kind: Literal["files"] = "files"
    name: str = "files"
    weight: float | None = None
    path: str = "."
    """File or folder below `ingest.raw`."""
    part_chars: int = 100_000
    """Longer texts are cut at paragraph ends into parts of at most this size."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        _check(self)
        require(self.part_chars >= 1, f"source {self.name!r}: part_chars must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """What the columns of a table, or the keys of a JSON object, are called."""

    text_column: str = "text"
    location_column: str | None = None
    """Names the document within the source; None takes its URL, else file and line."""
    url_column: str | None = None
    """URL of the page; its registered domain becomes the group. None: the file is the group."""
    licence_column: str | None = None
    metadata_columns: tuple[str, ...] = ()
    """Columns kept with the document, as text."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are named, each once."""
        single = (self.text_column, self.location_column, self.url_column, self.licence_column)
        named = (*single, *self.metadata_columns)
        return tuple(dict.fromkeys(column for column in named if column is not None))


@dataclass(frozen=True, kw_only=True, slots=True)
class Jsonl(Columns):
    """Files of JSON objects, one a line."""

    kind: Literal["jsonl"] = "jsonl"
    name: str = "jsonl"
    weight: float | None = None
    path: str = "."
    """File or folder below `ingest.raw`."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parquet(Columns):
    """Parquet files with a column of texts."""

    kind: Literal["parquet"] = "parquet"
    name: str = "parquet"
    weight: float | None = None
    path: str = "."
    """File or folder below `ingest.raw`."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class HuggingFace(Columns):
    """A data set of the Hugging Face hub at a pinned revision, or a local one in its layout."""

    kind: Literal["huggingface"] = "huggingface"
    name: str = "huggingface"
    weight: float | None = None
    path: str | None = None
    """Folder below `ingest.raw` in the hub's layout; or else:"""
    dataset: str | None = None
    """Name on the hub, `owner/name`."""
    revision: str | None = None
    """Commit of the hub's repository, 40 hex digits: branches and tags move."""
    config: str | None = None
    """Which configuration of the data set; None is its default."""
    split: str = "train"
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        _check(self)
        require(
            (self.path is None) != (self.dataset is None),
            f"source {self.name!r} has path={self.path!r} and dataset={self.dataset!r}; expected "
            "one of them: a folder below ingest.raw, or a name on the hub",
        )
        require(
            self.dataset is None or re.fullmatch("[0-9a-f]{40}", self.revision or "") is not None,
            f"source {self.name!r} has revision={self.revision!r}; expected the 40 hex digits of a "
            f"commit of {self.dataset} (its page on the hub, `History`)",
        )
        require(
            self.path is None or self.revision is None,
            f"source {self.name!r} is a local folder, which has no revision={self.revision!r}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class WebText:
    """Pages behind submitted links, fetched politely (GPT-2 sec. 2.1)."""

    kind: Literal["webtext"] = "webtext"
    name: str = "webtext"
    weight: float | None = None
    path: str = "."
    """Dump of link submissions below `ingest.raw`: a file or a folder."""
    archive: str = "webtext-archive"
    """Folder below `ingest.raw` that keeps everything fetched, as WARC files."""
    min_karma: int = 3
    """Least score of a submission."""
    before: str = "2018-01-01"
    """Links submitted on this day (UTC) or later are left out."""
    blocked_domains: tuple[str, ...] = UNWANTED_DOMAINS
    """Their pages are not fetched, nor those of their sub-domains, nor redirects to them."""
    blocked_subreddits: tuple[str, ...] = ()
    """Submissions to these are left out; OpenAI's list of them was not published."""
    over_18: bool = False
    """Whether submissions marked as unfit for minors are kept."""
    fetch_missing: bool = True
    """`ingest` fetches what the archive lacks; false takes the archive as it is."""
    fetch: Fetch = field(default_factory=Fetch)
    extraction: Extraction = field(default_factory=Extraction)
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        _check(self)
        try:
            date.fromisoformat(self.before)
        except ValueError:
            raise ConfigError(
                f"source {self.name!r} has before={self.before!r}; expected a date like 2018-01-01"
            ) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Warc:
    """Web pages in existing WARC files, such as those of Common Crawl."""

    kind: Literal["warc"] = "warc"
    name: str = "warc"
    weight: float | None = None
    path: str = "."
    """File or folder of .warc and .warc.gz files below `ingest.raw`."""
    blocked_domains: tuple[str, ...] = ()
    """Pages of these domains and their sub-domains are left out."""
    max_page_bytes: int = 5_000_000
    """Larger pages, decompressed, are left out."""
    extraction: Extraction = field(default_factory=Extraction)
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        _check(self)


class _ByKind:
    """Tells pydantic to choose the dataclass by `kind`; the bare union would try them all."""

    def __get_pydantic_core_schema__(self, union: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        choices = {
            get_args(get_type_hints(member)["kind"])[0]: handler.generate_schema(member)
            for member in get_args(union)
        }
        return core_schema.tagged_union_schema(choices, discriminator="kind")


SourceSettings = InstalledDocs | Files | Jsonl | Parquet | HuggingFace | WebText | Warc


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingest:
    """Where text comes from and what is kept of it."""

    raw: str = "data/raw"
    """File or folder that the sources' paths lie below; a dependency, so it must exist."""
    sources: tuple[Annotated[SourceSettings, _ByKind()], ...]
    """Read one after the other; documents that two of them share are kept once."""
    cleaning: Cleaning = field(default_factory=Cleaning)
    duplicates: Duplicates = field(default_factory=Duplicates)
    validation_fraction: float = 0.02
    """Share of documents held out to measure loss."""
    tasks_fraction: float = 0.15
    """Share of documents held out to derive labelled tasks from."""
    task_examples: int = 2000
    """Most items per derived task, all its splits together."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        held_out = self.validation_fraction + self.tasks_fraction
        require(
            self.validation_fraction > 0 and self.tasks_fraction >= 0 and held_out < 0.9,
            f"ingest holds out validation_fraction={self.validation_fraction} + tasks_fraction="
            f"{self.tasks_fraction}; both must be positive and leave at least 10 % for training",
        )
        require_least("ingest", self, task_examples=1)
        require(bool(self.sources), "ingest.sources is empty; name at least one source")
        names = Counter(source.name for source in self.sources)
        twice = sorted(name for name, count in names.items() if count > 1)
        require(
            not twice,
            f"ingest.sources has several sources named {', '.join(map(repr, twice))}; "
            "give each a `name` of its own",
        )


def _check(source: SourceSettings) -> None:
    require(bool(source.name), f"a source of kind {source.kind!r} has an empty name")
    require(
        source.weight is None or source.weight > 0,
        f"source {source.name!r} has weight={source.weight}; expected a positive number, or none "
        "to keep everything",
    )
    for key in ("path", "archive"):
        path = getattr(source, key, None)
        if path is not None:
            given = PurePosixPath(path)
            require(
                not given.is_absolute() and ".." not in given.parts,
                f"source {source.name!r} has {key}={path!r}; expected a path below ingest.raw: "
                "point ingest.raw to the folder that holds all sources",
            )
    for domain in getattr(source, "blocked_domains", ()):
        require(
            _HOST.fullmatch(domain) is not None,
            f"source {source.name!r} has {domain!r} in blocked_domains; expected a host name in "
            "small letters such as example.com (xn--... for those beyond ASCII)",
        )
