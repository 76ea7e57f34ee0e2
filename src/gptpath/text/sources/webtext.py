"""The `webtext` source: pages behind submitted links (GPT-2 sec. 2.1), read from their archive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gptpath.config.ingest import WebText
from gptpath.errors import CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources.source import Dropped, Unit
from gptpath.text.sources.web_pages import page_document
from gptpath.text.web.archive import read_index, warc_files
from gptpath.text.web.fetching import archive_folder, round_of
from gptpath.text.web.links import url_digest
from gptpath.text.web.outcomes import FETCHED, PASSING
from gptpath.text.web.records import (
    RECORD_DAMAGED,
    RECORD_TRUNCATED,
    Damage,
    Note,
    Page,
    read_warc,
)
from gptpath.text.web.urls import canonical_url


@dataclass(frozen=True, kw_only=True, slots=True)
class WebTextSource:
    """Documents are the main texts of the pages in the archive; each other link is counted."""

    settings: WebText
    raw: Path

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`."""
        return self.settings.name

    def units(self) -> Sequence[Unit]:
        """The files of the archive; CorpusError if there are none."""
        folder = archive_folder(self.settings, self.raw)
        files = warc_files(folder)
        if not files:
            raise CorpusError(
                f"the archive {folder} of the source {self.name!r} is empty; fill it by: "
                "gptpath fetch"
            )
        return [Unit(key=file.name, parts=(file.name,), size=file.stat().st_size) for file in files]

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Stream the pages of one file; links that were tried anew later are left to that."""
        folder = archive_folder(self.settings, self.raw)
        [part] = unit.parts
        superseded = _tried_after(folder, round_of(Path(part)))
        page: Page | None = None
        # Everything in the archive has kept to the limit of the day on which it was fetched.
        for record in read_warc(folder / part, most_bytes=2**31):
            if isinstance(record, Page):
                page = record
            elif isinstance(record, Damage):
                yield Dropped(location=part, reason=RECORD_DAMAGED)
            elif record.outcome == FETCHED:
                yield self._document(record, page)
                page = None
            elif record.outcome not in PASSING or url_digest(record.link) not in superseded:
                yield Dropped(location=record.link, reason=record.outcome)

    def _document(self, note: Note, page: Page | None) -> Document | Dropped:
        if page is None:
            return Dropped(location=note.link, reason=RECORD_TRUNCATED)
        moved = {} if canonical_url(page.url) == note.link else {"url": page.url}
        return page_document(
            page,
            name=self.name,
            kind=self.settings.kind,
            location=note.link,
            blocked_domains=frozenset(self.settings.blocked_domains),
            extraction=self.settings.extraction,
            metadata=moved,
        )


def _tried_after(folder: Path, attempt: int) -> frozenset[int]:
    """Digests of the links that later rounds of attempts have an outcome for."""
    later = [path for path in warc_files(folder) if round_of(path) > attempt]
    return _digests(tuple((path, path.stat().st_size) for path in later))


@lru_cache(maxsize=4)
def _digests(files: tuple[tuple[Path, int], ...]) -> frozenset[int]:
    """Digests of the links in some WARC files; their sizes tell whether they have grown."""
    return frozenset(digest for path, _ in files for digest, _ in read_index(path))
