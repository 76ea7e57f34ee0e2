"""Which network addresses may be connected to: the public ones, and those that are allowed by name.

The check is made on the address that the socket is then opened to, so that a name that resolves
differently a moment later (DNS rebinding) reaches nothing else.
"""

import asyncio
import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""From a host name to its addresses, IPv4 or IPv6, as text; OSError if there are none."""

_LOOKUPS_AT_ONCE = 32
_KEPT_HOSTS = 50_000
_KEPT_SECONDS = 300.0

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        # Where clouds tell a machine its secrets. Most lie in private ranges anyway.
        ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IP = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(Exception):
    """A host has no address that may be connected to."""


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet; IPv4 within IPv6 counts as IPv4.

    Private, loopback, link-local, multicast, reserved, unspecified and shared ranges do not, nor
    do the addresses at which clouds serve their metadata.
    """
    ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    return (
        ip.is_global
        and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
        and ip not in _METADATA
    )


def _unwrapped(ip: _IP) -> _IP:
    """The IPv4 address that an IPv6 address stands for, where it stands for one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64 or (int(ip) >> 32 == 0 and int(ip) > 1):  # NAT64; IPv4-compatible
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    if ip.teredo:
        return ip.teredo[1]
    return ip.ipv4_mapped or ip.sixtofour or ip


class Gate:
    """Resolves hosts and lets through only addresses that may be connected to."""

    def __init__(self, *, allow_private: Sequence[str], resolve: Resolve | None = None) -> None:
        """Besides public addresses, let through those in the networks `allow_private` (CIDR)."""
        self._networks = [ipaddress.ip_network(network) for network in allow_private]
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="resolve")
        self._resolve = resolve or self._look_up
        self._kept: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()

    def close(self) -> None:
        """Let go of the threads that look names up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def admits(self, address: str) -> bool:
        """Whether this address may be connected to."""
        if is_public(address):
            return True
        ip = ipaddress.ip_address(address.partition("%")[0])
        mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
        return any((mapped or ip) in network for network in self._networks)

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Addresses of a host that may be connected to; each answer is kept for five minutes.

        Raises AddressRefused if there are only others, OSError if the name does not resolve.
        """
        kept = self._kept.get(host)
        if kept and kept[0] > time.monotonic():
            self._kept.move_to_end(host)
            return kept[1]
        found = await self._resolve(host)
        admitted = tuple(address for address in found if self.admits(address))
        if not admitted:
            raise AddressRefused(f"{host} resolves to {', '.join(found) or 'nothing'}")
        self._kept[host] = (time.monotonic() + _KEPT_SECONDS, admitted)
        self._kept.move_to_end(host)
        while len(self._kept) > _KEPT_HOSTS:
            self._kept.popitem(last=False)
        return admitted

    async def _look_up(self, host: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))
