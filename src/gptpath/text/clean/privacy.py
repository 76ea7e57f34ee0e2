"""E-mail and IP addresses in texts, replaced by placeholders that belong to nobody.

The placeholders are addresses reserved for documentation (RFC 2606, 5737 and 3849), so texts read
on naturally, and masking twice changes nothing more.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import polars as pl

from gptpath.config.cleaning import Masked

EMAIL = "email@example.com"
IPV4 = "192.0.2.1"
IPV6 = "2001:db8::1"

_EMAIL = re.compile(
    r"(?<![\w%+])[\w%+][\w.%+'-]{0,63}"
    r"@(?P<domain>(?:[^\W_](?:[\w-]{0,62})\.)+[^\W\d_]{2,24})(?![\w@])"
)
# Reserved by RFC 2606, and image files such as icon@2x.png.
_NOBODYS = re.compile(
    r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)|\dx\.[a-z]+",
    re.IGNORECASE,
)

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(
    r"(?P<version>\b(?:v|ver|version|release|rel|build|revision|rev|firmware|sections?|sec|chapter"
    r"|clause|article|figure|fig|table)[.:]?[ ]{0,2}|§[ ]?)?"
    rf"(?<![\w.-])(?P<address>{_OCTET}(?:\.{_OCTET}){{3}})(?![\w-]|\.\d)",
    re.IGNORECASE | re.ASCII,
)
_IPV6 = re.compile(
    r"(?<![\w:.])[23][0-9a-f]{3}(?::{1,2}[0-9a-f]{1,4}){1,7}(?:::)?(?![\w:])", re.IGNORECASE
)
# Rows without any of these are passed over at the speed of one linear scan.
_CANDIDATES: dict[Masked, str] = {
    "email": r"[\w%+.'-]@[^\W_]",
    "ip": r"\d\.\d{1,3}\.\d{1,3}\.\d|(?i:[23][0-9a-f]{3}:[0-9a-f:])",
}

# Private, loopback, link-local, documentation, multicast and reserved networks (RFC 6890 and 5737;
# the standard library's own notion changes between Python versions).
_SPECIAL_V4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# Of IPv6 only 2000::/3 is given out to the public; these parts of it are for documentation.
_SPECIAL_V6 = (ip_network("2001:db8::/32"), ip_network("3fff::/20"))


def mask(texts: pl.Series, what: Sequence[Masked]) -> pl.Series:
    """Replace personal data of the given kinds in all texts."""
    for kind in what:
        rows = texts.str.contains(_CANDIDATES[kind]).arg_true()
        if len(rows):
            replace = mask_emails if kind == "email" else mask_addresses
            texts = texts.scatter(rows, [replace(text) for text in texts.gather(rows)])
    return texts


def mask_emails(text: str) -> str:
    """Replace e-mail addresses, but for those at names reserved for examples and tests."""

    def placeholder(match: re.Match[str]) -> str:
        return match[0] if _NOBODYS.fullmatch(match["domain"]) else EMAIL

    return _EMAIL.sub(placeholder, text)


def mask_addresses(text: str) -> str:
    """Replace public IPv4 and IPv6 addresses.

    What looks like an IPv4 address is taken for a version or a section number, and left, if a word
    such as `version` or `section` stands before it, or if all four numbers have one digit. Part of
    a longer number or word (1.2.3.4.5, v10.20.30.40, 10.20.30.40-rc1) is no address either.
    """
    return _IPV6.sub(_ipv6_placeholder, _IPV4.sub(_ipv4_placeholder, text))


def _ipv4_placeholder(match: re.Match[str]) -> str:
    written = match["address"]
    if match["version"] or len(written) == len("1.2.3.4"):
        return match[0]
    address = IPv4Address(written)
    return match[0] if any(address in network for network in _SPECIAL_V4) else IPV4


def _ipv6_placeholder(match: re.Match[str]) -> str:
    try:
        address = ip_address(match[0])
    except ValueError:  # a time, a verse, a ratio
        return match[0]
    public = isinstance(address, IPv6Address) and not any(address in n for n in _SPECIAL_V6)
    return IPV6 if public else match[0]
