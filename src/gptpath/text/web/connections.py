"""Open connections, kept for the next request to the same host for a little while.

httpcore has a pool for this; with hundreds of connections it looks at all of them for each request,
which took nine tenths of a crawl's time. Here each origin has its own few.
"""

from collections import OrderedDict
from typing import Any

from gptpath.text.web.libraries import web_library

_KEEP_ALIVE_SECONDS = 15.0


class Connections:
    """Connections of httpcore by origin; each serves one request at a time."""

    def __init__(self, backend: Any, ssl_context: Any, *, most_idle: int) -> None:
        """Connect through a network backend; keep up to `most_idle` that are not in use."""
        self._core = web_library("httpcore")
        self._backend = backend
        self._ssl_context = ssl_context
        self._most_idle = most_idle
        self._idle: OrderedDict[int, tuple[str, Any]] = OrderedDict()
        self._by_origin: dict[str, list[int]] = {}
        self._given = 0

    async def take(self, origin: str) -> Any:
        """Give a connection to an origin, an open one if there is one. `give_back` must follow."""
        while numbers := self._by_origin.get(origin):
            connection = self._remove(numbers[-1])
            if connection.is_available() and not connection.has_expired():
                return connection
            await connection.aclose()
        return self._core.AsyncHTTPConnection(
            self._core.URL(origin).origin,
            ssl_context=self._ssl_context,
            keepalive_expiry=_KEEP_ALIVE_SECONDS,
            network_backend=self._backend,
        )

    async def give_back(self, origin: str, connection: Any) -> None:
        """Keep a connection whose answer was read to its end; close any other."""
        if not connection.is_idle() or connection.is_closed():
            await connection.aclose()
            return
        self._given += 1
        self._idle[self._given] = (origin, connection)
        self._by_origin.setdefault(origin, []).append(self._given)
        while len(self._idle) > self._most_idle:
            await self._remove(next(iter(self._idle))).aclose()

    async def close(self) -> None:
        """Close all that are kept."""
        while self._idle:
            await self._remove(next(iter(self._idle))).aclose()

    def _remove(self, number: int) -> Any:
        origin, connection = self._idle.pop(number)
        numbers = self._by_origin[origin]
        numbers.remove(number)
        if not numbers:
            del self._by_origin[origin]
        return connection
