"""Bodies in passing: where one ends, and its bytes in the framing of the next connection. Bytes in, bytes out."""

from __future__ import annotations

from typing import Final

from shoal.wire import Framing, RemoteProtocolError
from shoal.wire.errors import Refusal
from shoal.wire.http_body import BodyPlan
from shoal.wire.http_chunked import ChunkedDecoder

_NO_LIMIT: Final = 1 << 62
_LAST_CHUNK: Final = b"0\r\n\r\n"


class BodyStream:
    """One body. ``feed`` gives what goes out; after ``done``, ``rest`` is what belongs to the next message.

    Chunks are read strictly or not and written anew, so that nobody behind us can read them differently.
    ``chunked_out`` is the framing towards the receiver for bodies that are chunked or end with the connection.
    """

    __slots__ = ("_chunked_out", "_decoder", "_left", "_part", "done", "framing", "rest")

    def __init__(self, plan: BodyPlan, *, strict: bool, chunked_out: bool = True) -> None:
        self.framing = plan.framing
        self._left = plan.length
        self._chunked_out = chunked_out and plan.framing in (Framing.CHUNKED, Framing.CLOSE)
        self._part = bytearray()
        self._decoder = ChunkedDecoder(self._part, _NO_LIMIT, strict) if plan.framing is Framing.CHUNKED else None
        self.done = plan.framing is Framing.NONE or (plan.framing is Framing.LENGTH and plan.length == 0)
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Raises RemoteProtocolError: MALFORMED or LIMIT."""
        if self.done:
            self.rest += data
            return b""
        if self._decoder is not None:
            return self._chunks(self._decoder, data)
        if self.framing is Framing.CLOSE:
            return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked_out and data else data
        if len(data) < self._left:
            self._left -= len(data)
            return data
        self.done = True
        out, self.rest = data[: self._left], data[self._left :]
        return out

    def _chunks(self, decoder: ChunkedDecoder, data: bytes) -> bytes:
        decoder.receive_data(data)
        out = bytes(self._part)
        self._part.clear()
        if self._chunked_out and out:
            out = b"%x\r\n%b\r\n" % (len(out), out)
        if decoder.done:
            self.done = True
            self.rest = decoder.trailing_data
            if self._chunked_out:
                out += _LAST_CHUNK
        return out

    def finish(self) -> bytes:
        """The sender has closed: what still goes out. Raises RemoteProtocolError(EOF) in the middle of a body."""
        if self.done:
            return b""
        if self.framing is not Framing.CLOSE:
            raise RemoteProtocolError(Refusal.EOF, "the peer closed in the middle of the body")
        self.done = True
        return _LAST_CHUNK if self._chunked_out else b""
