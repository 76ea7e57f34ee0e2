"""Link submissions of a Reddit dump, one JSON object a line -> the links worth fetching.

WebText took every outbound link with at least 3 karma, submitted until December 2017, without
Wikipedia (GPT-2 sec. 2.1) and without a list of subreddits (its model card).
"""

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath
from typing import Any

from gptpath.config.ingest import WebText
from gptpath.text.sources.streams import DAMAGE, decompressed, lines
from gptpath.text.web.urls import canonical_url, host_of, within

logger = logging.getLogger(__name__)

MALFORMED = "link_malformed"
DAMAGED = "dump_damaged"
LOW_KARMA = "link_low_karma"
NOT_OUTBOUND = "link_not_outbound"
NOT_WEB = "link_not_web"
AFTER_CUTOFF = "link_after_cutoff"
DOMAIN_BLOCKED = "link_domain_blocked"
MEDIA_FILE = "link_media_file"
SUBREDDIT_BLOCKED = "link_subreddit_blocked"
OVER_18 = "link_over_18"

_LONGEST_LINE = 8_000_000
"""Bytes; a submission is a few kilobytes."""

_OWN_HOSTS = frozenset(
    {"reddit.com", "redd.it", "redditmedia.com", "redditstatic.com", "reddituploads.com"}
)
_MEDIA_ENDINGS = re.compile(
    # pictures
    "jpe?g|jpe|jfif|png|gifv?|bmp|tiff?|webp|svg|ico|heic|psd"
    # film and music
    "|mp4|m4v|mov|avi|wmv|flv|webm|mkv|mpe?g|3gp|ogv|mp3|m4a|og[ga]|wav|flac|aac|wma|midi?|swf"
    # documents of other types
    "|pdf|ps|djvu|docx?|xlsx?|pptx?|od[tsp]|epub|mobi|rtf|css|js|json|xml|rss|atom|csv"
    # archives, programs, fonts
    "|zip|t?gz|bz2|xz|7z|rar|tar|jar|exe|msi|dmg|pkg|deb|rpm|apk|iso|img|bin|torrent"
    "|ttf|otf|woff2?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One submission that passed all rules."""

    url: str
    """Canonical."""
    digest: int
    """64 bits of the address: its name in every index."""
    score: int
    """Karma: votes for less votes against."""
    created: int
    """When it was submitted, seconds since 1970 (UTC)."""
    subreddit: str


def url_digest(canonical: str) -> int:
    """64 bits of BLAKE2b of a canonical address."""
    return int.from_bytes(hashlib.blake2b(canonical.encode(), digest_size=8).digest(), "big")


def read_links(dump: Path, settings: WebText, dropped: Counter[str]) -> Iterator[Link]:
    """Yield the links of one dump file (plain, .gz or .zst) in its order; count all others.

    A file that is cut off or damaged yields what comes before, and one `dump_damaged`.
    """
    rules = Rules.of(settings)
    with dump.open("rb") as file:
        try:
            for line in lines(decompressed(file, PurePosixPath(dump.name)), _LONGEST_LINE):
                if line is None or line.strip():
                    link = rules.judge(line or b"")
                    if isinstance(link, str):
                        dropped[link] += 1
                    else:
                        yield link
        except DAMAGE as error:
            logger.warning("%s is damaged, its rest is not read: %s", dump.name, error)
            dropped[DAMAGED] += 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What makes a submission a link of the corpus; prepared once from the settings."""

    min_karma: int
    before: int
    """Seconds since 1970: links submitted at or after this moment are left out."""
    blocked_domains: frozenset[str]
    blocked_subreddits: frozenset[str]
    over_18: bool
    """Whether submissions marked as unfit for minors are kept."""

    @classmethod
    def of(cls, settings: WebText) -> "Rules":
        """Prepare the rules of one source."""
        midnight = datetime.combine(date.fromisoformat(settings.before), time(), tzinfo=UTC)
        return cls(
            min_karma=settings.min_karma,
            before=int(midnight.timestamp()),
            blocked_domains=frozenset(settings.blocked_domains),
            blocked_subreddits=frozenset(name.casefold() for name in settings.blocked_subreddits),
            over_18=settings.over_18,
        )

    def judge(self, line: bytes) -> Link | str:
        """The link of one line of the dump, or the reason why it is none."""
        try:
            entry = json.loads(line)
            url = str(entry["url"])
            score = int(entry["score"])
            created = int(float(entry["created_utc"]))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return MALFORMED
        if score < self.min_karma:
            return LOW_KARMA
        if entry.get("is_self") or url.startswith("/"):
            return NOT_OUTBOUND
        canonical = canonical_url(_without_html(url))
        if canonical is None:
            return NOT_WEB
        subreddit = str(entry.get("subreddit") or "")
        reason = self._reason(entry, canonical, created, subreddit)
        if reason:
            return reason
        return Link(
            url=canonical,
            digest=url_digest(canonical),
            score=score,
            created=created,
            subreddit=subreddit,
        )

    def _reason(
        self, entry: dict[str, Any], canonical: str, created: int, subreddit: str
    ) -> str | None:
        host = host_of(canonical)
        if within(host, _OWN_HOSTS):
            return NOT_OUTBOUND
        if created >= self.before:
            return AFTER_CUTOFF
        if within(host, self.blocked_domains):
            return DOMAIN_BLOCKED
        if is_media(canonical):
            return MEDIA_FILE
        if subreddit.casefold() in self.blocked_subreddits:
            return SUBREDDIT_BLOCKED
        if entry.get("over_18") and not self.over_18:
            return OVER_18
        return None


def _without_html(url: str) -> str:
    """Take back what Reddit's interface escapes; other entities may be query parameters."""
    return url.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def is_media(canonical: str) -> bool:
    """Whether the path of a canonical address ends like a file without text to extract."""
    name = canonical.partition("?")[0].split("/", 3)[3].rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return bool(stem and dot and _MEDIA_ENDINGS.fullmatch(ending))
