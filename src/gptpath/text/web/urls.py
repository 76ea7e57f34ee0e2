"""One spelling for each address of a web page."""

import ipaddress
import re
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

from gptpath.text.web.libraries import web_library

LONGEST_URL = 2048
"""Characters; longer addresses are refused, as most servers do."""

_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = _UNRESERVED | frozenset("!$&'()*+,;=:@/")
_QUERY_SAFE = _PATH_SAFE | frozenset("?")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_TRIPLET = re.compile(r"%[0-9A-Fa-f]{2}")
_TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|igshid"
    r"|mc_[ce]id|mkt_tok|_hs(?:enc|mi)|__hs\w+|vero_(?:conv|id)|oly_(?:anon|enc)_id|wickedid"
    r"|ncid|cmpid|_openstat|ns_(?:mchannel|source|campaign|linkname|fee)",
    re.IGNORECASE,
)


def canonical_url(url: str) -> str | None:
    """The one spelling of a web address, or None if it is no address that could be fetched.

    Scheme and host in lower case, international hosts in their ASCII form (IDNA), default port,
    fragment and tracking parameters dropped, dot segments resolved, percent-encoding in one form
    (RFC 3986 sec. 6.2). Query parameters keep their order, since servers may care. Addresses with
    a user name or password are refused. A canonical address is its own canonical form.
    """
    url = re.sub(r"[\t\r\n]", "", url).strip("".join(map(chr, range(33))))
    if len(url) > LONGEST_URL or "\\" in url.partition("?")[0]:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _canonical_host(parts.hostname or "")
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host or port == 0 or "@" in parts.netloc:
        return None
    place = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    path = _without_dots(_encoded(parts.path, _PATH_SAFE) or "/")
    query = "&".join(
        pair
        for pair in _encoded(parts.query, _QUERY_SAFE).split("&")
        if pair and not _TRACKING.fullmatch(pair.partition("=")[0])
    )
    canonical = f"{parts.scheme}://{place}{path}" + (f"?{query}" if query else "")
    return canonical if len(canonical) <= LONGEST_URL else None


def redirected(canonical: str, location: str) -> str | None:
    """Where a header Location leads from an address; None if that could not be fetched.

    The header stands for Latin-1 bytes; as browsers do, they are read as UTF-8 where they are that.
    """
    with suppress(UnicodeError):
        location = location.encode("latin-1").decode()
    try:
        return canonical_url(urljoin(canonical, location)) if location else None
    except ValueError:  # http://[ and the like
        return None


def host_of(canonical: str) -> str:
    """Host of a canonical address: a name, an IPv4 address, or an IPv6 address without brackets."""
    place = canonical.split("/", 3)[2]
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return place.partition(":")[0]


def origin_of(canonical: str) -> str:
    """Scheme, host and port of a canonical address: what one robots.txt speaks for."""
    return "/".join(canonical.split("/", 3)[:3])


def within(host: str, domains: frozenset[str]) -> bool:
    """Whether a host is one of the domains or lies below one."""
    labels = host.split(".")
    return any(".".join(labels[start:]) in domains for start in range(len(labels)))


def _canonical_host(host: str) -> str:
    """Lower-case ASCII form of a host; empty if it is none. ValueError for bad IPv6 addresses."""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host.partition('%')[0]).compressed}]"
    if not host.isascii():
        idna = web_library("idna")
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return ""
    host = host.lower().removesuffix(".")
    return host if len(host) <= 253 and _HOST.fullmatch(host) else ""


def _encoded(text: str, safe: frozenset[str]) -> str:
    """Percent-encode what must be, decode what need not be, hexadecimal digits in capitals."""
    pieces: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "%" and _TRIPLET.match(text, at):
            decoded = chr(int(text[at + 1 : at + 3], 16))
            pieces.append(decoded if decoded in _UNRESERVED else text[at : at + 3].upper())
            at += 3
            continue
        if character in safe:
            pieces.append(character)
        else:
            # Links in dumps may hold half of a surrogate pair.
            data = character.encode("utf-8", "surrogatepass")
            pieces.append("".join(f"%{byte:02X}" for byte in data))
        at += 1
    return "".join(pieces)


def _without_dots(path: str) -> str:
    """Resolve `.` and `..` of an absolute path (RFC 3986 sec. 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
            continue
        if last:
            kept.append("")
    return "/" + "/".join(kept)
