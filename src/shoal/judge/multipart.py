"""multipart/form-data, read as far as a receipt needs: names, file names, lengths and digests of the parts."""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

MAX_PARTS: Final = 256
"""Common form parsers allow a thousand fields; a receipt of an upload test needs a handful."""

_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE)
_PARAMETER: Final = re.compile(r';\s*(name|filename|filename\*)=(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))', re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"^content-disposition:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class Part(Struct, frozen=True, gc=False):
    """The receipt of one part; ``sha256`` is hexadecimal."""

    name: str | None
    filename: str | None
    length: int
    sha256: str


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart content type, or None (RFC 2046 section 5.1.1: 1 to 70 characters)."""
    if not content_type.lstrip().lower().startswith("multipart/"):
        return None
    match = _BOUNDARY.search(content_type)
    return (match[1] or match[2]).encode("latin-1", "replace") if match else None


def read_parts(body: bytes, boundary: bytes) -> tuple[Part, ...] | None:
    """The parts in order, or None when the body is not what its boundary promises or has too many parts."""
    delimiter = b"\r\n--" + boundary
    pieces = (b"\r\n" + body).split(delimiter, MAX_PARTS + 2)
    if not 2 <= len(pieces) <= MAX_PARTS + 2 or not pieces[-1].startswith(b"--"):
        return None
    parts = []
    for piece in pieces[1:-1]:
        # Between the boundary and the line end only transport padding may stand.
        padding, line_end, rest = piece.partition(b"\r\n")
        if not line_end or padding.strip(b" \t"):
            return None
        head, blank, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
        if not blank:
            return None
        name, filename = _names(head)
        parts.append(Part(name, filename, len(content), hashlib.sha256(content).hexdigest()))
    return tuple(parts)


def _names(head: bytes) -> tuple[str | None, str | None]:
    line = _DISPOSITION.search(head)
    if line is None:
        return None, None
    found: dict[str, str] = {}
    for key, quoted, bare in _PARAMETER.findall(line[1].decode("utf-8", "replace")):
        found.setdefault(key.lower(), re.sub(r"\\(.)", r"\1", quoted) or bare)
    extended = found.get("filename*")
    if extended is not None and extended.lower().startswith("utf-8''"):
        return found.get("name"), unquote(extended[7:])
    return found.get("name"), found.get("filename")
