"""Addresses written so that a plain search does not see them: base64, percent, hexadecimal and Unicode escapes."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{2,400}={0,2}")
_BODY = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BACKSLASH = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u\{?([0-9A-Fa-f]{4})\}?)")
_WORTH = re.compile(r"(?:[a-z0-9]+://)?[\w.\-@:\[\]]*\d+[.:][\w.:\]]*\d")
_NUMBER = re.compile(r"\d{1,5}")


def from_base64(text: str) -> str | None:
    """The text inside, or None. URL-safe letters and missing padding are accepted."""
    body = text.strip()
    if not _BASE64.fullmatch(body):
        return None
    body = body.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def packed_document(text: str) -> str | None:
    """The list inside a document that is base64 from end to end, as subscriptions are served, or None."""
    body = "".join(text.split())
    if len(body) < 16 or not _BODY.fullmatch(body):
        return None
    try:
        inner = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_" if "-" in body or "_" in body else None)
        return inner.decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def unpacked(text: str) -> str:
    """What a cell or attribute means: itself, or the address or port number packed in it."""
    value = text.strip()
    if not value or len(value) > 600:
        return value
    if "\\" in value:
        value = _BACKSLASH.sub(lambda match: chr(int(match[1] or match[2], 16)), value)
    if "%" in value:
        value = unquote(value)
    if value.isdigit() or "." in value or ":" in value:
        return value
    inner = from_base64(value)
    if inner is not None and (_WORTH.fullmatch(inner.strip()) or _NUMBER.fullmatch(inner.strip())):
        return inner.strip()
    return value


def unescape_backslashes(text: str) -> str:
    """``\\x31`` and ``\\u0031`` as the letters they stand for."""
    return _BACKSLASH.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
