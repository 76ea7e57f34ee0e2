"""From the settings of a source to the source itself."""

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
from gptpath.errors import ConfigError
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
        case Jsonl():
            from gptpath.text.sources.jsonl import JsonlSource

            return JsonlSource(settings=settings, raw=raw)
        case Parquet():
            from gptpath.text.sources.parquet import ParquetSource

            return ParquetSource(settings=settings, raw=raw)
        case HuggingFace():
            from gptpath.text.sources.huggingface import HuggingFaceSource

            return HuggingFaceSource(settings=settings, raw=raw)
        case WebText() | Warc():
            raise ConfigError(f"sources of kind {settings.kind!r} cannot be read yet")
