"""Bytes to text, without guessing: byte-order mark, declared charset, strict UTF-8, else Latin-1.

Addresses are ASCII in every charset met on lists, so a wrong choice spoils names of countries only, never a proxy.
"""

from __future__ import annotations

import codecs
import re

_MARKS = (
    # UTF-32 first: its little-endian mark begins with the one of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UPPER_CONTROLS = dict.fromkeys(range(0x80, 0xA0), "\ufffd")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


def mark_of(data: bytes) -> tuple[str, int] | None:
    """The charset that a byte-order mark names and the mark's length, or None. UTF-16 shows without one."""
    for mark, charset in _MARKS:
        if data.startswith(mark):
            return charset, len(mark)
    return _unmarked(data[:64])


def _unmarked(head: bytes) -> tuple[str, int] | None:
    """UTF-16 without a mark: every second byte of ASCII text is zero in it, and no other text holds a zero byte."""
    pairs = len(head) // 2
    if pairs < 2 or head[0] == head[1]:
        return None
    if not any(head[0 : pairs * 2 : 2]) and all(head[1 : pairs * 2 : 2]):
        return "utf-16-be", 0
    if not any(head[1 : pairs * 2 : 2]) and all(head[0 : pairs * 2 : 2]):
        return "utf-16-le", 0
    return None


def decode(data: bytes, content_type: str | None = None) -> str:
    """The document as text. Never raises: Latin-1 reads every byte."""
    marked = mark_of(data)
    if marked is not None:
        charset, length = marked
        return data[length:].decode(charset, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    declared = _CHARSET.search(content_type) if content_type else None
    try:
        return data.decode(declared[1], "replace") if declared else _any(data)
    except (LookupError, UnicodeError, ValueError):
        # An unknown name, or a codec that is not one of text (``charset=zlib``).
        return _any(data)


def _any(data: bytes) -> str:
    """Any bytes as text: those that Latin-1 would make control characters are letters of some other charset."""
    return data.decode("latin-1").translate(_UPPER_CONTROLS)
