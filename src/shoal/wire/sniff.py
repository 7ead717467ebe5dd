"""Which protocol a connection speaks, from its first bytes."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Protocol(StrEnum):
    """What the first bytes look like."""

    TLS = "tls"
    SOCKS4 = "socks4"
    SOCKS5 = "socks5"
    HTTP = "http"
    UNKNOWN = "unknown"


SNIFF_LIMIT_BYTES: Final = 32
"""``sniff`` always decides within this many bytes."""

# Registered methods hold letters and hyphens only (IANA), the longest (UPDATEREDIRECTREF) 17. Without digits and
# slashes an SSH banner is not taken for a method. Answers begin with "HTTP/".
_METHOD: Final = re.compile(rb"[A-Za-z][A-Za-z_-]{0,30} ")
_METHOD_BEGIN: Final = re.compile(rb"[A-Za-z][A-Za-z_-]{0,30}")
_ANSWER: Final = b"HTTP/"


def sniff(first: bytes) -> Protocol | None:
    """The protocol, or None when more bytes are needed. A decision never changes when more bytes are added."""
    if not first:
        return None
    kind = first[0]
    if kind in (0x04, 0x05, 0x16):
        if len(first) < 2:
            return None
        second = first[1]
        if kind == 0x16:
            return Protocol.TLS if second == 0x03 else Protocol.UNKNOWN
        if kind == 0x05:
            return Protocol.SOCKS5 if second > 0 else Protocol.UNKNOWN
        return Protocol.SOCKS4 if second in (1, 2) else Protocol.UNKNOWN
    if _METHOD.match(first) or first[:5].upper() == _ANSWER:
        return Protocol.HTTP
    if len(first) < SNIFF_LIMIT_BYTES and _METHOD_BEGIN.fullmatch(first):
        return None
    return Protocol.UNKNOWN
