"""Pages of listed web sites, found by their addresses."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import polars as pl

from gptpath.text.clean.characters import Flags

WIKIPEDIA = "wikipedia"
"""Stands for WIKIPEDIA_DOMAINS in a list of domains."""

WIKIPEDIA_DOMAINS = (
    # All languages and the mobile pages are sub-domains of the first.
    "wikipedia.org",
    "wikipedia.com",
    "wikipedia.de",
    # Mirrors and forks that republish articles, after Wikipedia's own page "Mirrors and forks".
    "absoluteastronomy.com",
    "alchetron.com",
    "dbpedia.org",
    "en-academic.com",
    "encyclopedia.thefreedictionary.com",
    "encyclopedia2.thefreedictionary.com",
    "infogalactic.com",
    "justapedia.org",
    "wiki2.org",
    "wikimili.com",
    "wikivisually.com",
    "wikiwand.com",
    "wikizero.com",
)

_TRANSLATED = ".translate.goog"


def in_domains(locations: pl.Series, domains: Iterable[str]) -> Flags:
    """Which locations are http(s) addresses at one of `domains` or a sub-domain of it.

    Copies count as well: a page of an archive, a proxy or a translation service whose address
    spells out the original host as a step of its path (`/en.wikipedia.org/wiki/...`).
    """
    listed = {domain.lower().strip(".") for domain in domains if domain != WIKIPEDIA}
    if WIKIPEDIA in domains:
        listed.update(WIKIPEDIA_DOMAINS)
    web = locations.str.contains("^(?i:https?)://")
    addresses = locations.filter(web).unique()
    hits = [a for a in addresses if any(_is_listed(host, listed) for host in _hosts(a))]
    return (web & locations.is_in(hits)).to_numpy()


def _hosts(address: str) -> list[str]:
    """The host of an address, and whatever stands between two slashes in its path."""
    try:
        split = urlsplit(address)
        host = split.hostname or ""
    except ValueError:  # square brackets without an IPv6 address between them
        return []
    if host.endswith(_TRANSLATED):
        # en-m-wikipedia-org.translate.goog; a hyphen of the host itself is doubled.
        host = host.removesuffix(_TRANSLATED).replace("--", "\0").replace("-", ".")
        host = host.replace("\0", "-")
    return [host, *split.path.lower().split("/")[1:-1]]


def _is_listed(host: str, listed: set[str]) -> bool:
    labels = host.rstrip(".").split(".")
    return any(".".join(labels[i:]) in listed for i in range(len(labels) - 1))
