"""First flight: may what a client has sent into a tunnel be sent again through another one?"""

from __future__ import annotations

import re
from typing import Final

FLIGHT_LIMIT_BYTES: Final = 65_536
"""A ClientHello with post-quantum key shares has under 2 KiB; the rest is room for a long plain request."""

_CHANGE_CIPHER_SPEC: Final = 20
_HANDSHAKE: Final = 22
_SAFE_REQUEST: Final = re.compile(rb"(?:GET|HEAD|OPTIONS) [!-~]+ HTTP/1\.[01]\r\n")
_SAFE_BEGIN: Final = (b"GET ", b"HEAD ", b"OPTIONS ")
_HAS_BODY: Final = re.compile(rb"\r\n(?:content-length|transfer-encoding|upgrade)[ \t]*:", re.IGNORECASE)


def is_repeatable(flight: bytes | bytearray) -> bool:
    """Whether a second target could be shown the same bytes without anything happening twice.

    True for nothing at all, for TLS handshake records (early data is not: RFC 8446 section 8), and for one plain
    request by a safe method without a body (RFC 9110 section 9.2.1), also incomplete.
    """
    if not flight:
        return True
    if len(flight) > FLIGHT_LIMIT_BYTES:
        return False
    if flight[0] == _HANDSHAKE:
        return _only_handshake(flight)
    if any(flight.startswith(begin) or begin.startswith(flight) for begin in _SAFE_BEGIN):
        return _one_safe_request(flight)
    return False


def _only_handshake(flight: bytes | bytearray) -> bool:
    place = 0
    while place < len(flight):
        if flight[place] not in (_HANDSHAKE, _CHANGE_CIPHER_SPEC):
            return False
        if place + 5 > len(flight):
            return True
        place += 5 + int.from_bytes(flight[place + 3 : place + 5], "big")
    return True


def _one_safe_request(flight: bytes | bytearray) -> bool:
    if b"\n" not in flight:
        return True
    end = flight.find(b"\r\n\r\n")
    if _SAFE_REQUEST.match(flight) is None or _HAS_BODY.search(flight):
        return False
    return end < 0 or end + 4 == len(flight)
