"""The main text of an HTML page, without menus, advertisements and footers."""

from dataclasses import dataclass

from gptpath.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a reader of a page reads."""

    text: str
    title: str
    """Empty where the page has none."""


def main_text(html: str) -> Page | None:
    """Extract with trafilatura; None where a page has no main text.

    Raises ConfigError where trafilatura is not installed.
    """
    try:
        import trafilatura
    except ImportError:
        raise ConfigError(
            "HTML files need trafilatura, which is not installed; pip install 'gptpath[web]', or "
            "take the .html files out"
        ) from None
    try:
        found = trafilatura.bare_extraction(html, with_metadata=True, include_comments=False)
    except (ValueError, RecursionError):  # lxml on markup that is nested beyond all measure
        return None
    if found is None or isinstance(found, dict) or not (found.text or "").strip():
        return None
    return Page(text=found.text or "", title=found.title or "")
