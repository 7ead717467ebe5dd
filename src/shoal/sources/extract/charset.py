"""Bytes to text, without guessing: byte-order mark, strict UTF-8, declared charset, else Latin-1.

Addresses are ASCII in every charset met on lists, but the heads of their columns are not.
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
_INSIDE = re.compile(
    rb"<meta\b[^>]{0,200}?\bcharset\s*=\s*[\"']?([\w.:-]{1,40})|<\?xml\b[^>]{0,100}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})",
    re.IGNORECASE,
)
DECLARATION_BYTES = 1024
"""Where a document may declare its charset: the HTML standard, section 13.2.3.2, looks no further."""


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
    declared = _declared(data, content_type)
    try:
        return data.decode(declared, "replace") if declared else _any(data)
    except (LookupError, UnicodeError, ValueError):
        # An unknown name, or a codec that is not one of text (``charset=zlib``).
        return _any(data)


def _declared(data: bytes, content_type: str | None) -> str | None:
    """The charset that the answer's head names, else the one that the document itself names."""
    if content_type and (match := _CHARSET.search(content_type)):
        return match[1]
    inside = _INSIDE.search(data[:DECLARATION_BYTES])
    name = (inside[1] or inside[2]).decode("ascii") if inside else ""
    # Gb2312 is declared by pages that use the letters of its successors, too.
    return "gb18030" if name.lower() in ("gb2312", "gbk") else name or None


def _any(data: bytes) -> str:
    """Any bytes as text: those that Latin-1 would make control characters are letters of some other charset."""
    return data.decode("latin-1").translate(_UPPER_CONTROLS)
