"""The registered domain of a URL: `bbc.co.uk` of `https://news.bbc.co.uk/1`."""

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gptpath.errors import ConfigError

if TYPE_CHECKING:
    from tldextract import TLDExtract


def registered_domain(url: str) -> str:
    """Public suffix and the label before it, in lower case; the host itself where it has none.

    By the list of suffixes that tldextract carries, so that the answer depends on its version
    alone; nothing is downloaded. Empty for what is no URL with a host. Raises ConfigError where
    tldextract is not installed.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return _domain_of_host(host)


@lru_cache(maxsize=65_536)
def _domain_of_host(host: str) -> str:
    return _suffixes()(host).top_domain_under_public_suffix.lower() or host


@lru_cache(maxsize=1)
def _suffixes() -> "TLDExtract":
    try:
        from tldextract import TLDExtract
    except ImportError:
        raise ConfigError(
            "domains of URLs need tldextract, which is not installed; "
            "pip install 'gptpath[web]', or leave url_column out"
        ) from None
    return TLDExtract(cache_dir=None, suffix_list_urls=())
