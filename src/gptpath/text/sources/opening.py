"""From the settings of a source to the source itself."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from gptpath.config.ingest import (
    Files,
    HuggingFace,
    InstalledDocs,
    Jsonl,
    Parquet,
    SourceSettings,
    Warc,
    WebText,
)
from gptpath.events import Emit
from gptpath.text.sources.source import Source


def open_source(settings: SourceSettings, raw: Path) -> Source:
    """Open one entry of `ingest.sources`; `raw` is the folder (or single file) `ingest.raw`.

    Nothing is read yet. Each kind is imported only when it is asked for.
    """
    match settings:
        case InstalledDocs():
            from gptpath.text.sources.installed_docs import InstalledDocsSource

            return InstalledDocsSource(settings=settings)
        case Files():
            from gptpath.text.sources.files import FilesSource

            return FilesSource(settings=settings, raw=raw)
        case WebText():
            from gptpath.text.sources.webtext import WebTextSource

            return WebTextSource(settings=settings, raw=raw)
        case Warc():
            from gptpath.text.sources.warc import WarcSource

            return WarcSource(settings=settings, raw=raw)
        case Jsonl():
            from gptpath.text.sources.jsonl import JsonlSource

            return JsonlSource(settings=settings, raw=raw)
        case Parquet():
            from gptpath.text.sources.parquet import ParquetSource

            return ParquetSource(settings=settings, raw=raw)
        case HuggingFace():
            from gptpath.text.sources.huggingface import HuggingFaceSource

            return HuggingFaceSource(settings=settings, raw=raw)


def prepare_sources(
    sources: Sequence[SourceSettings], raw: Path, *, executor: Executor, emit: Emit
) -> None:
    """Do what sources need before they have units: `webtext` fetches what its archive lacks."""
    for settings in sources:
        if isinstance(settings, WebText) and settings.fetch_missing:
            from gptpath.text.web.fetching import fetch

            fetch(settings, raw, executor=executor, emit=emit)
