"""One HTTP request at a time: pinned to a checked address, within all limits, no redirect followed.

httpcore connects through a network backend of ours. The backend resolves the name once, checks the
addresses, and connects to one that passed; Host header and TLS keep the name. So what was checked
is what is spoken to. Proxies of the environment are not used.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gptpath import __version__
from gptpath.config.web import Fetch
from gptpath.text.web.addresses import AddressRefused, Gate
from gptpath.text.web.compression import ACCEPTED, TooLarge, Undecodable, Unpacker
from gptpath.text.web.connections import Connections
from gptpath.text.web.libraries import web_library
from gptpath.text.web.outcomes import (
    ADDRESS_REFUSED,
    BROKEN_OFF,
    NAME_UNKNOWN,
    NO_CONNECTION,
    NO_SECURITY,
    NOT_HTTP,
    TIMED_OUT,
    TOO_LARGE,
    UNDECODABLE,
    Failure,
)
from gptpath.text.web.urls import origin_of

PRODUCT = "gptpath"
"""The name that a robots.txt addresses us by."""

_ADDRESSES_TRIED = 2

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    phrase: str
    headers: Headers
    """In the order received; names as received."""
    body: bytes
    """As sent, that is still packed, but without chunks; empty if it was not wanted."""
    text: bytes
    """The body unpacked."""
    request: Headers
    """The headers that we sent."""

    def header(self, name: str) -> str:
        """The first header of this name; empty if there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


Wanted = Callable[[Answer], bool]
"""Judges status and headers before the body is read; raises Failure to end the request."""


class Client:
    """Sends requests for a crawler that says who it is."""

    def __init__(self, settings: Fetch, gate: Gate) -> None:
        """Connect through `gate`, within the limits of `settings`."""
        core = web_library("httpcore")
        self._core = core
        self._settings = settings
        self._headers: Headers = (
            ("User-Agent", f"{PRODUCT}/{__version__} (+{settings.contact})"),
            ("Accept", "text/html,application/xhtml+xml,text/plain;q=0.5"),
            ("Accept-Language", "en"),
            ("Accept-Encoding", ACCEPTED),
        )
        self._connections = Connections(
            _GatedBackend(core.AnyIOBackend(), gate),
            ssl.create_default_context(cafile=web_library("certifi").where()),
            most_idle=settings.concurrency,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

    async def get(self, url: str, wanted: Wanted, limit: int, *, cut: bool = False) -> Answer:
        """Request a canonical address; at most `limit` bytes of body, as sent and unpacked.

        With `cut` a larger body is cut at a line end. Raises Failure for everything else that is
        no whole answer.
        """
        core = self._core
        try:
            async with asyncio.timeout(self._settings.total_timeout_seconds):
                return await self._get(url, wanted, limit, cut)
        except AddressRefused as error:
            raise Failure(ADDRESS_REFUSED, str(error)) from None
        except (core.ConnectError, core.ConnectTimeout) as error:
            secure = isinstance(error.__cause__ or error.__context__, ssl.SSLError)
            raise Failure(NO_SECURITY if secure else NO_CONNECTION, str(error)) from None
        except (TimeoutError, core.TimeoutException) as error:
            raise Failure(TIMED_OUT, type(error).__name__) from None
        except core.RemoteProtocolError as error:
            early = "disconnected" in str(error) or "closed connection" in str(error)
            raise Failure(BROKEN_OFF if early else NOT_HTTP, str(error)) from None
        except core.LocalProtocolError as error:
            raise Failure(NOT_HTTP, str(error)) from None
        except core.NetworkError as error:
            raise Failure(BROKEN_OFF, str(error)) from None
        except TooLarge:
            raise Failure(TOO_LARGE, f"more than {limit} bytes") from None
        except Undecodable as error:
            raise Failure(UNDECODABLE, str(error)) from None
        except (UnicodeError, OSError) as error:  # socket.gaierror among them
            raise Failure(NAME_UNKNOWN, str(error)) from None

    async def _get(self, url: str, wanted: Wanted, limit: int, cut: bool) -> Answer:
        settings = self._settings
        origin = origin_of(url)
        headers = (("Host", origin.partition("//")[2]), *self._headers)
        timeouts = {
            "connect": settings.connect_timeout_seconds,
            "read": settings.read_timeout_seconds,
            "write": settings.read_timeout_seconds,
        }
        request = self._core.Request(
            "GET", url, headers=list(headers), extensions={"timeout": timeouts}
        )
        connection = await self._connections.take(origin)
        try:
            response = await connection.handle_async_request(request)
            try:
                return await self._answer(response, headers, wanted, limit, cut)
            finally:
                await response.aclose()
        finally:
            await self._connections.give_back(origin, connection)

    @staticmethod
    async def _answer(
        response: Any, headers: Headers, wanted: Wanted, limit: int, cut: bool
    ) -> Answer:
        phrase = response.extensions.get("reason_phrase", b"")
        answer = Answer(
            status=response.status,
            phrase=phrase.decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in response.headers
            ),
            body=b"",
            text=b"",
            request=headers,
        )
        if not wanted(answer):
            return answer
        length = answer.header("content-length")
        if length.isdecimal() and int(length) > limit and not cut:
            raise TooLarge
        unpacker = Unpacker(answer.header("content-encoding"), limit)
        body, text = await _read(response, unpacker, limit, cut)
        return replace(answer, body=body, text=text)


async def _read(response: Any, unpacker: Unpacker, limit: int, cut: bool) -> tuple[bytes, bytes]:
    body: list[bytes] = []
    text: list[bytes] = []
    size = 0
    try:
        async for piece in response.aiter_stream():
            size += len(piece)
            if size > limit:
                raise TooLarge
            text.append(unpacker.feed(piece))
            body.append(piece)
        unpacker.finish()
    except TooLarge:
        if not cut:
            raise
        return b"".join(body), b"".join(text).rpartition(b"\n")[0]
    return b"".join(body), b"".join(text)


class _GatedBackend:
    """httpcore's network backend, but for the choice of the address."""

    def __init__(self, inner: Any, gate: Gate) -> None:
        core = web_library("httpcore")
        self._inner = inner
        self._gate = gate
        self._timed_out = core.ConnectTimeout
        self._unreached = (core.ConnectError, core.ConnectTimeout)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> Any:
        """Connect to an address of `host` that may be connected to. Raises AddressRefused."""
        try:
            async with asyncio.timeout(timeout):
                addresses = (await self._gate.addresses(host))[:_ADDRESSES_TRIED]
        except TimeoutError:
            raise self._timed_out(f"no answer for the name {host}") from None
        for number, address in enumerate(addresses, start=1):
            try:
                return await self._inner.connect_tcp(
                    address,
                    port,
                    timeout=timeout and timeout / len(addresses),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except self._unreached:
                if number == len(addresses):
                    raise
        raise AssertionError("the gate raises where it has no address")

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts of httpcore's own; it makes none here."""
        await self._inner.sleep(seconds)
