"""Addresses and host names: canonical spelling and which of them are ours to dial."""

from __future__ import annotations

import ipaddress
import re
import socket

from shoal.domain.refusal import Refused

_V4_LIKE = re.compile(r"[0-9.]+|0[xX][0-9a-fA-F.xX]*")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "metadata")
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet", ".localdomain")

# IANA special-purpose registries (RFC 6890 and successors), keyed by first octet: most addresses cost one look-up.
_SPECIAL_V4: dict[int, tuple[tuple[int, int, Refused], ...]] = {}


def _special(network: str, why: Refused) -> None:
    net = ipaddress.IPv4Network(network)
    low, mask = int(net.network_address), int(net.netmask)
    first, last = low >> 24, int(net.broadcast_address) >> 24
    for octet in range(first, last + 1):
        _SPECIAL_V4[octet] = (*_SPECIAL_V4.get(octet, ()), (low, mask, why))


for _network, _why in (
    ("0.0.0.0/8", Refused.RESERVED),
    ("10.0.0.0/8", Refused.PRIVATE),
    ("100.64.0.0/10", Refused.PRIVATE),
    ("127.0.0.0/8", Refused.LOOPBACK),
    ("169.254.0.0/16", Refused.LINK_LOCAL),
    ("172.16.0.0/12", Refused.PRIVATE),
    ("192.0.0.0/24", Refused.RESERVED),
    ("192.0.2.0/24", Refused.RESERVED),
    ("192.88.99.0/24", Refused.RESERVED),
    ("192.168.0.0/16", Refused.PRIVATE),
    ("198.18.0.0/15", Refused.RESERVED),
    ("198.51.100.0/24", Refused.RESERVED),
    ("203.0.113.0/24", Refused.RESERVED),
    ("224.0.0.0/4", Refused.MULTICAST),
    ("240.0.0.0/4", Refused.RESERVED),
):
    _special(_network, _why)

_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6: tuple[tuple[ipaddress.IPv6Network, Refused], ...] = tuple(
    (ipaddress.IPv6Network(network), why)
    for network, why in (
        ("::1/128", Refused.LOOPBACK),
        ("fc00::/7", Refused.PRIVATE),
        ("fec0::/10", Refused.PRIVATE),
        ("fe80::/10", Refused.LINK_LOCAL),
        ("ff00::/8", Refused.MULTICAST),
        ("2001:db8::/32", Refused.RESERVED),
        ("3fff::/20", Refused.RESERVED),
        ("2001::/23", Refused.RESERVED),
        # 6to4 and NAT64 carry an IPv4 address inside, which would pass by every IPv4 rule.
        ("2002::/16", Refused.RESERVED),
        ("64:ff9b::/96", Refused.RESERVED),
        ("64:ff9b:1::/48", Refused.RESERVED),
    )
)


def ipv4_number(text: str) -> int | None:
    """The 32-bit number of a dotted-decimal IPv4 address in its only canonical spelling, or None.

    Octal, hexadecimal, short and zero-padded spellings are None: RFC 6943 section 3.1.1 tells why guessing is unsafe.
    """
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except (OSError, ValueError):
        return None


def canonical_host(text: str) -> str | Refused:
    """A host as we keep it: dotted IPv4, compressed lower-case IPv6 without brackets, or a lower-case name.

    Returns ``Refused.BAD_ADDRESS`` or ``Refused.MALFORMED`` when the text is no host.
    """
    if ipv4_number(text) is not None:
        return text
    if ":" in text:
        inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        try:
            address = ipaddress.IPv6Address(inner)
        except ValueError:
            return Refused.BAD_ADDRESS
        # A scope (fe80::1%eth0) names an interface of some other machine.
        return Refused.BAD_ADDRESS if address.scope_id else address.compressed
    if _V4_LIKE.fullmatch(text):
        return Refused.BAD_ADDRESS
    return _canonical_name(text)


def _canonical_name(text: str) -> str | Refused:
    try:
        name = text.rstrip(".").encode("ascii").decode().lower() if text.isascii() else _idna(text)
    except (UnicodeError, ValueError):
        return Refused.MALFORMED
    labels = name.split(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return Refused.MALFORMED
    # RFC 1123 section 2.1 and the WHATWG URL rule: a name that ends in a number is meant as an address.
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        return Refused.BAD_ADDRESS
    return name


def _idna(text: str) -> str:
    return text.rstrip(".").encode("idna").decode("ascii").lower()


def is_ip(host: str) -> bool:
    """True when a canonical host is an address literal."""
    return ":" in host or ipv4_number(host) is not None


def special_use(host: str) -> Refused | None:
    """Why a canonical host must not be dialled on a list's word, or None when it is global.

    Names are judged by their spelling alone; nothing is looked up.
    """
    number = ipv4_number(host)
    if number is not None:
        return special_v4(number)
    if ":" in host:
        return _special_v6(ipaddress.IPv6Address(host))
    if host in _LOCAL_NAMES or host.endswith(_LOCAL_SUFFIXES) or "." not in host:
        return Refused.PRIVATE
    return None


def special_v4(number: int) -> Refused | None:
    """The same for the number of an IPv4 address."""
    for low, mask, why in _SPECIAL_V4.get(number >> 24, ()):
        if number & mask == low:
            return why
    return None


def _special_v6(address: ipaddress.IPv6Address) -> Refused | None:
    if address.ipv4_mapped is not None:
        return special_use(str(address.ipv4_mapped)) or Refused.RESERVED
    for network, why in _SPECIAL_V6:
        if address in network:
            return why
    return None if address in _GLOBAL_V6 else Refused.RESERVED


def network_of(host: str) -> str:
    """The block a host is counted in: the /24 of an IPv4 address, the /48 of an IPv6 one, else the name itself."""
    if ipv4_number(host) is not None:
        return host[: host.rindex(".")]
    if ":" in host:
        return str(ipaddress.IPv6Network((host, 48), strict=False).network_address)
    return host
