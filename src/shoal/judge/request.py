"""What a judge makes of a request target and of header fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote_plus

NONCE_LIMIT: Final = 128
"""Characters: four times what a 128-bit nonce in hexadecimal needs."""

_NONCE: Final = re.compile(rf"[!-~]{{1,{NONCE_LIMIT}}}", re.ASCII)


def split_target(target: str) -> tuple[str, str]:
    """Path and query of a request target in origin form or absolute form (RFC 9112 section 3.2).

    Proxies that do not rewrite the absolute form are told apart by what the judge echoes, not by being refused.
    """
    path, _, query = target.partition("?")
    if not path.startswith("/") and "://" in path:
        path = path.split("://", 1)[1]
        slash = path.find("/")
        path = path[slash:] if slash >= 0 else "/"
    return path, query


def query_value(query: str, name: str) -> str | None:
    """The first value of a query parameter, or None."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            return unquote_plus(value) if "%" in value or "+" in value else value
    return None


def header_value(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    """The first value of a header field, or None. ``name`` is in lower case."""
    size = len(name)
    for key, value in headers:
        if len(key) == size and key.lower() == name:
            return value
    return None


def is_nonce(text: str) -> bool:
    """True for 1 to 128 printable ASCII characters without space: what may enter a signature and be echoed."""
    return _NONCE.fullmatch(text) is not None


def canonical_address(text: str) -> str | None:
    """An address in canonical spelling, IPv4-mapped IPv6 as IPv4, or None when it is none."""
    try:
        address = ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def forwarded_address(headers: Sequence[tuple[str, str]]) -> str | None:
    """Whom our own reverse proxy saw: the last entry of the last X-Forwarded-For, or None.

    Entries further left were written by whoever sent the request.
    """
    for name, value in reversed(headers):
        if name.lower() == "x-forwarded-for":
            return canonical_address(value.rpartition(",")[2])
    return None
