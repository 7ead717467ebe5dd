"""Content codings, undone with a bound: ten kilobytes of gzip can stand for ten megabytes."""

from __future__ import annotations

import zlib

# 16 + MAX_WBITS reads the gzip wrapper, MAX_WBITS the zlib one (RFC 9110 section 8.4.1.2 and 8.4.1.3).
_WBITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}

ACCEPTED = "gzip, deflate"
"""What to offer in Accept-Encoding."""


class BodyError(Exception):
    """The body cannot be used; the text completes "HOST sent ..."."""


class Inflater:
    """Turns the pieces of a body into plain bytes, never more than ``limit_bytes`` of them.

    ``encoding`` is the Content-Encoding header. Raises ``BodyError`` for a coding that was not offered, for broken data
    and for what is too long.
    """

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        coding = encoding.strip().lower()
        if coding not in _WBITS and coding not in ("", "identity"):
            raise BodyError(f"an encoding that was not asked for ({coding[:40]!r})")
        self._stream = zlib.decompressobj(_WBITS[coding]) if coding in _WBITS else None
        self._may_be_bare = coding == "deflate"
        self._limit = limit_bytes
        self._room = limit_bytes

    def feed(self, data: bytes) -> bytes:
        """The plain bytes of one more piece."""
        if self._stream is not None:
            data = self._inflate(self._stream, data)
        self._room -= len(data)
        if self._room < 0:
            raise BodyError(f"more than {self._limit} bytes")
        return data

    def close(self) -> None:
        """The body has ended. Raises ``BodyError`` when compressed data broke off before its end."""
        if self._stream is not None and not self._stream.eof:
            raise BodyError("compressed data that breaks off in the middle")

    def _inflate(self, stream: zlib._Decompress, data: bytes) -> bytes:
        try:
            # One byte above the room tells "too long" from "just fits"; what lies behind the end is ignored.
            plain = b"" if stream.eof else stream.decompress(data, self._room + 1)
        except zlib.error:
            if not self._may_be_bare:
                raise BodyError("broken compressed data") from None
            # Some servers send "deflate" without the zlib wrapper, as old browsers allowed.
            self._may_be_bare = False
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._inflate(self._stream, data)
        self._may_be_bare = self._may_be_bare and not data
        return plain
