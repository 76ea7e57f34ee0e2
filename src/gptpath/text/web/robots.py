"""What sites ask of crawlers in their robots.txt (RFC 9309), remembered for a day."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from gptpath.text.web.client import PRODUCT, Answer, Client
from gptpath.text.web.libraries import web_library
from gptpath.text.web.outcomes import CONNECTING, Failure
from gptpath.text.web.urls import redirected

LARGEST = 500 * 1024
"""Bytes of a robots.txt that count (RFC 9309 sec. 2.5); what follows is not read."""

_REDIRECTS = 5
_DAY = 86_400.0
_KEPT = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Manners:
    """What one origin asks of us."""

    rules: Any
    """Protego's; None allows everything."""
    reachable: bool
    """False after server errors and time-outs: then nothing is allowed for now."""
    detail: str
    """Why it was not reachable."""
    until: float
    """Monotonic seconds until which this counts."""

    def allows(self, url: str) -> bool:
        """Whether we may fetch this address."""
        return self.rules is None or bool(self.rules.can_fetch(url, PRODUCT))

    @property
    def delay(self) -> float:
        """Seconds between two requests that the site asks for; 0 if it says nothing."""
        return float((self.rules and self.rules.crawl_delay(PRODUCT)) or 0.0)


class Robots:
    """The manners of the latest origins."""

    def __init__(self, client: Client, *, again_seconds: float) -> None:
        """Ask through `client`; ask again after `again_seconds` where there was no answer."""
        self._client = client
        self._again = again_seconds
        self._kept: OrderedDict[str, Manners] = OrderedDict()

    def known(self, origin: str) -> Manners | None:
        """What is remembered of an origin, if that still counts."""
        manners = self._kept.get(origin)
        if manners is None or manners.until < time.monotonic():
            return None
        self._kept.move_to_end(origin)
        return manners

    async def ask(self, origin: str) -> Manners:
        """Fetch the robots.txt of an origin; raises Failure if its host cannot be connected to."""
        manners = await self._ask(f"{origin}/robots.txt")
        self._kept[origin] = manners
        self._kept.move_to_end(origin)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return manners

    async def _ask(self, url: str) -> Manners:
        try:
            for _ in range(_REDIRECTS + 1):
                answer = await self._client.get(url, _wanted, LARGEST, cut=True)
                if answer.status not in (301, 302, 303, 307, 308):
                    return self._judged(answer)
                target = redirected(url, answer.header("location"))
                if target is None:
                    break
                url = target
        except Failure as failure:
            if failure.reason in CONNECTING:
                raise
            if failure.may_pass:
                return self._closed(str(failure))
            # No answer that could be understood: unavailable, like "not found".
        return self._open()  # too many redirects are as good as none (sec. 2.3.1.2)

    def _judged(self, answer: Answer) -> Manners:
        if answer.status == 429 or answer.status >= 500:
            return self._closed(f"status {answer.status}")
        if answer.status != 200:
            return self._open()
        text = answer.text.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        rules = web_library("protego").Protego.parse(text)
        return Manners(rules=rules, reachable=True, detail="", until=time.monotonic() + _DAY)

    def _open(self) -> Manners:
        return Manners(rules=None, reachable=True, detail="", until=time.monotonic() + _DAY)

    def _closed(self, detail: str) -> Manners:
        until = time.monotonic() + self._again
        return Manners(rules=None, reachable=False, detail=detail, until=until)


def _wanted(answer: Answer) -> bool:
    return answer.status == 200
