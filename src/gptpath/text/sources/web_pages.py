"""From a page of a WARC file to a document, or to the reason why it is none."""

from collections.abc import Mapping

from gptpath.config.web import Extraction
from gptpath.text.documents import Document
from gptpath.text.sources.domains import registered_domain
from gptpath.text.sources.source import Dropped
from gptpath.text.web.extraction import extract, is_wanted
from gptpath.text.web.records import Page
from gptpath.text.web.urls import canonical_url, host_of, within

STATUS = "page_status_"
"""Followed by the status code."""
CONTENT_TYPE = "page_content_type"
DOMAIN_BLOCKED = "page_domain_blocked"


def page_document(
    page: Page,
    *,
    name: str,
    kind: str,
    location: str,
    blocked_domains: frozenset[str],
    extraction: Extraction,
    metadata: Mapping[str, str],
) -> Document | Dropped:
    """The main text of a page with status 200 as a document; its group is the registered domain."""
    reason = _reason(page, blocked_domains)
    if reason:
        return Dropped(location=location, reason=reason)
    assert isinstance(page.body, bytes), "a body that cannot be read has a reason"
    extracted = extract(page.body, page.content_type, extraction)
    if isinstance(extracted, str):
        return Dropped(location=location, reason=extracted)
    return Document(
        text=extracted.text,
        source=name,
        kind=kind,
        location=location,
        group=registered_domain(page.url),
        metadata={"encoding": extracted.encoding, **metadata},
    )


def _reason(page: Page, blocked_domains: frozenset[str]) -> str | None:
    if page.status != "200":
        return f"{STATUS}{page.status}"
    if not is_wanted(page.content_type):
        return CONTENT_TYPE
    canonical = canonical_url(page.url)
    if canonical is not None and within(host_of(canonical), blocked_domains):
        return DOMAIN_BLOCKED
    return page.body if isinstance(page.body, str) else None
