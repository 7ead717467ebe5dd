"""Proxy auto-configuration: what ``FindProxyForURL`` returns. Its other addresses are networks and targets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from shoal.domain import Candidate, Scheme
from shoal.sources.extract.entry import Reading, read_token

_DIRECTIVE = re.compile(r"\b(PROXY|HTTPS?|SOCKS[45]?)\s+([^\s;\"'`]{3,300})")
# Here HTTPS does mean TLS to the proxy; SOCKS alone means version 4 to some browsers and 5 to others.
_SCHEMES = {
    "PROXY": Scheme.HTTP,
    "HTTP": Scheme.HTTP,
    "HTTPS": Scheme.HTTPS,
    "SOCKS4": Scheme.SOCKS4,
    "SOCKS5": Scheme.SOCKS5,
}


def is_pac(head: str) -> bool:
    """True for a script that decides on proxies."""
    return "FindProxyForURL" in head


def read_pac(text: str, scheme: Scheme | None) -> Iterator[Reading]:
    """The readings of every directive, in order."""
    for match in _DIRECTIVE.finditer(text):
        claim = _SCHEMES.get(match[1], scheme if scheme is not None and scheme.is_socks else None)
        reading = read_token(match[2], None, text=match[0])
        yield replace(reading, scheme=claim) if isinstance(reading, Candidate) else reading
