"""The chunked transfer coding of RFC 9112 section 7.1, with a bound on everything a peer can add to it."""

from __future__ import annotations

import re
from typing import Final

from shoal.wire.errors import Refusal, RemoteProtocolError

SIZE_LINE_LIMIT_BYTES: Final = 1024
"""A chunk's size line with its extensions. Nobody uses extensions; the bound is room for signatures."""

OVERHEAD_LIMIT_BYTES: Final = 16_384
"""All extensions of one body together (RFC 9112 section 7.1.1 asks for such a bound)."""

TRAILER_LIMIT_BYTES: Final = 8192
"""The whole trailer section: a small head."""

_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?")


class ChunkedDecoder:
    """Takes chunked bytes, appends what they carry to ``body``.

    ``strict`` refuses line ends in a bare LF (a server must: request smuggling), otherwise they set ``bare_lf``.
    """

    __slots__ = (
        "_body", "_buffer", "_expected", "_limit", "_overhead", "_state", "_strict", "_trailer", "bare_lf",
    )  # fmt: skip

    def __init__(self, body: bytearray, limit_bytes: int, strict: bool) -> None:
        self._body = body
        self._limit = limit_bytes
        self._strict = strict
        self._buffer = bytearray()
        self._state = "size"
        self._expected = 0
        self._overhead = 0
        self._trailer = 0
        self.bare_lf = False

    @property
    def done(self) -> bool:
        """The last chunk and the trailer section have been read."""
        return self._state == "done"

    @property
    def trailing_data(self) -> bytes:
        """What arrived after the end of the body."""
        return bytes(self._buffer) if self._state == "done" else b""

    def receive_data(self, data: bytes) -> None:
        """Take bytes in any pieces. Raises RemoteProtocolError: MALFORMED or LIMIT."""
        buffer = self._buffer
        buffer += data
        position = 0
        try:
            while self._state != "done":
                if self._state == "data":
                    part = buffer[position : position + self._expected]
                    self._body += part
                    position += len(part)
                    self._expected -= len(part)
                    if self._expected:
                        return
                    self._state = "data_end"
                after = self._read_line(position)
                if after < 0:
                    return
                position = after
        finally:
            # Also after an error: what has been taken must not be taken twice.
            del buffer[:position]

    def _read_line(self, start: int) -> int:
        """Read the size, end or trailer line at ``start``; the index after it, or -1 when it is not complete."""
        if self._state == "data_end":
            limit = 2
            if len(self._buffer) > start and self._buffer[start] not in b"\r\n":
                raise RemoteProtocolError(Refusal.MALFORMED, "a chunk is longer than its size")
        elif self._state == "size":
            limit = SIZE_LINE_LIMIT_BYTES
        else:
            limit = TRAILER_LIMIT_BYTES - self._trailer
        end = self._buffer.find(b"\n", start, start + limit)
        if end < 0:
            if len(self._buffer) - start >= limit:
                refusal = Refusal.MALFORMED if self._state == "data_end" else Refusal.LIMIT
                raise RemoteProtocolError(refusal, f"a line of the chunked body is longer than {limit} bytes")
            return -1
        line = bytes(self._buffer[start:end])
        if line.endswith(b"\r"):
            line = line[:-1]
        elif self._strict:
            raise RemoteProtocolError(Refusal.MALFORMED, "a line of the chunked body ends in a bare LF")
        else:
            self.bare_lf = True
        if self._state == "size":
            self._read_size(line)
        elif self._state == "data_end":
            self._state = "size"
        elif line:
            self._trailer += end + 1 - start
        else:
            self._state = "done"
        return end + 1

    def _read_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError(Refusal.MALFORMED, "a chunk size is not a hexadecimal number")
        digits, extension = match.groups()
        size = int(digits, 16)
        self._overhead += len(extension or b"")
        if self._overhead > OVERHEAD_LIMIT_BYTES:
            raise RemoteProtocolError(Refusal.LIMIT, f"chunk extensions of more than {OVERHEAD_LIMIT_BYTES} bytes")
        if size > self._limit - len(self._body):
            raise RemoteProtocolError(Refusal.LIMIT, f"the body is longer than {self._limit} bytes")
        self._expected = size
        self._state = "data" if size else "trailer"
