"""How pages of the web are fetched, and how their text is taken out of them.

No third-party import here, for the reason given in `gptpath.config.sections`.
"""

import ipaddress
from dataclasses import dataclass
from typing import Literal

from gptpath.config.sections import FORBID_UNKNOWN, require
from gptpath.errors import ConfigError

UNWANTED_DOMAINS = (
    # GPT-2 sec. 2.1: a common source of other data sets, so that test sets would overlap with it.
    "wikipedia.org",
    # Pictures, film and music, without text to extract.
    "flickr.com",
    "gfycat.com",
    "giphy.com",
    "imgur.com",
    "instagram.com",
    "liveleak.com",
    "soundcloud.com",
    "spotify.com",
    "streamable.com",
    "twitch.tv",
    "vid.me",
    "vimeo.com",
    "youtu.be",
    "youtube.com",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetch:
    """Manners and limits of the crawler."""

    contact: str = ""
    """Where owners of sites reach you, a page or a mail address; sent with every request."""
    concurrency: int = 256
    """Most requests at the same time, over all hosts."""
    connections_per_host: int = 1
    """Most requests at the same time to one host."""
    seconds_per_host: float = 1.0
    """Least time between the starts of two requests to one host; robots.txt may ask for more."""
    max_crawl_delay_seconds: float = 30.0
    """Pages of hosts that ask for a longer delay are left out."""
    connect_timeout_seconds: float = 10.0
    """For looking the name up, and for connecting."""
    read_timeout_seconds: float = 20.0
    """For each piece of an answer."""
    total_timeout_seconds: float = 60.0
    """For a request as a whole."""
    max_page_bytes: int = 5_000_000
    """Largest page, as sent and decompressed."""
    max_redirects: int = 5
    attempts: int = 4
    """Requests for one page in all, where the failure may pass: 429, 5xx, time-outs, resets."""
    backoff_seconds: float = 4.0
    """Wait after the first such failure, doubled after each further one, with up to as much again
    by chance."""
    max_backoff_seconds: float = 600.0
    """Longest wait, also where a server asks for more (Retry-After)."""
    host_failures: int = 8
    """Failures to connect in a row after which a host is given up for this run."""
    max_waiting: int = 100_000
    """Links held in memory to have work for many hosts at once; about 1 KB each."""
    archive_file_bytes: int = 1_000_000_000
    """A WARC file that has reached this size is closed, and the next one begun."""
    allow_private: tuple[str, ...] = ()
    """Networks (CIDR) besides the public internet that may be connected to; empty: none."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(
            self.contact.isascii() and self.contact.isprintable(),
            f"fetch.contact={self.contact!r} is sent as a header; expected one line of ASCII",
        )
        for name in (
            "concurrency",
            "connections_per_host",
            "max_page_bytes",
            "attempts",
            "host_failures",
            "max_waiting",
            "archive_file_bytes",
        ):
            value = getattr(self, name)
            require(value >= 1, f"fetch.{name}={value} must be at least 1")
        for name in (
            "seconds_per_host",
            "max_crawl_delay_seconds",
            "max_redirects",
            "backoff_seconds",
            "max_backoff_seconds",
        ):
            value = getattr(self, name)
            require(value >= 0, f"fetch.{name}={value} must not be negative")
        for name in ("connect", "read", "total"):
            value = getattr(self, f"{name}_timeout_seconds")
            require(value > 0, f"fetch.{name}_timeout_seconds={value} must be positive")
        for network in self.allow_private:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ConfigError(
                    f"fetch.allow_private has {network!r}; expected networks like 127.0.0.0/8 "
                    f"({error})"
                ) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Extraction:
    """How trafilatura takes the main text out of a page."""

    favour: Literal["balanced", "precision", "recall"] = "balanced"
    """Where in doubt: leave out (precision) or keep (recall)."""
    tables: bool = False
    """Whether text in tables is kept."""
    comments: bool = False
    """Whether readers' comments are kept."""
    __pydantic_config__ = FORBID_UNKNOWN
