"""The `warc` source: pages in existing WARC files, such as those of Common Crawl."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gptpath.config.ingest import Warc
from gptpath.errors import CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources.listing import batched, list_files, place_of, reason_by_name, root_of
from gptpath.text.sources.source import Dropped, Unit
from gptpath.text.sources.web_pages import page_document
from gptpath.text.web.records import RECORD_DAMAGED, Damage, Page, read_warc

_ENDINGS = (".warc", ".warc.gz")


@dataclass(frozen=True, kw_only=True, slots=True)
class WarcSource:
    """Documents are the main texts of responses with status 200 that are HTML or plain text."""

    settings: Warc
    raw: Path

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`."""
        return self.settings.name

    def units(self) -> Sequence[Unit]:
        """Whole files, small ones together; CorpusError if there are none."""
        place = place_of(self.raw, self.settings.path)
        root = root_of(place)
        files = [
            relative
            for relative in list_files(place, self.name)
            if relative.name.lower().endswith(_ENDINGS) and not reason_by_name(relative)
        ]
        if not files:
            raise CorpusError(
                f"{place} of the source {self.name!r} has no .warc or .warc.gz file; put some "
                "there, or name another folder by ingest.raw and the source's path"
            )
        return list(batched((file.as_posix(), (root / file).stat().st_size) for file in files))

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Stream the pages of some files, one page in memory at a time."""
        settings = self.settings
        root = root_of(place_of(self.raw, settings.path))
        blocked = frozenset(settings.blocked_domains)
        for part in unit.parts:
            path = root / PurePosixPath(part)
            for record in read_warc(path, settings.max_page_bytes, finished=True):
                if isinstance(record, Page):
                    yield page_document(
                        record,
                        name=self.name,
                        kind=settings.kind,
                        location=record.url,
                        blocked_domains=blocked,
                        extraction=settings.extraction,
                        metadata={},
                    )
                elif isinstance(record, Damage):
                    yield Dropped(location=part, reason=RECORD_DAMAGED)
