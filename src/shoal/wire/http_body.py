"""Where the body of an HTTP/1 message ends (RFC 9112 section 6), and the body itself up to a limit."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from shoal.wire.errors import Refusal, RemoteProtocolError
from shoal.wire.http_chunked import ChunkedDecoder
from shoal.wire.http_fields import BARE_LF, FieldLookup
from shoal.wire.http_head import RequestHead, ResponseHead

DUPLICATE_LENGTH: Final = "duplicate-content-length"
LENGTH_AND_CODING: Final = "length-and-transfer-coding"
TRANSFER_CODING: Final = "transfer-coding"

# 18 digits are more than any body and fewer than would make int() slow.
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class Framing(StrEnum):
    """What ends a body."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


class BodyPlan(NamedTuple):
    """How a body ends; ``length`` only counts for LENGTH; ``quirks`` names what was odd in saying so."""

    framing: Framing
    length: int = 0
    quirks: tuple[str, ...] = ()


_NO_BODY: Final = BodyPlan(Framing.NONE)


def response_body_plan(head: ResponseHead, request_method: str) -> BodyPlan:
    """RFC 9112 section 6.3 for an answer. Raises RemoteProtocolError(MALFORMED) for lengths that conflict."""
    status = head.status
    if request_method == "HEAD" or status < 200 or status in (204, 304):
        return _NO_BODY
    if request_method == "CONNECT" and status < 300:
        return _NO_BODY
    codings = _codings(head)
    if codings:
        quirks = (LENGTH_AND_CODING,) if head.get("content-length") is not None else ()
        if codings != ["chunked"]:
            # The body stays as the other codings left it.
            quirks = (*quirks, TRANSFER_CODING)
        return BodyPlan(Framing.CHUNKED if codings[-1] == "chunked" else Framing.CLOSE, 0, quirks)
    return _length_plan(head) or BodyPlan(Framing.CLOSE)


def request_body_plan(head: RequestHead) -> BodyPlan:
    """The same for a request, strictly: both kinds of framing at once are refused, as a smuggler's mark."""
    codings = _codings(head)
    if codings:
        if codings[-1] != "chunked" or head.get("content-length") is not None or head.version == "1.0":
            raise RemoteProtocolError(Refusal.MALFORMED, "the request's framing is ambiguous")
        return BodyPlan(Framing.CHUNKED)
    return _length_plan(head) or _NO_BODY


def _codings(head: FieldLookup) -> list[str]:
    values = head.get_all("transfer-encoding")
    if not values:
        return []
    codings = [coding.strip(" \t").lower() for value in values for coding in value.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if codings.count("chunked") > 1:
        raise RemoteProtocolError(Refusal.MALFORMED, "chunked is applied twice")
    return codings


def _length_plan(head: FieldLookup) -> BodyPlan | None:
    values = head.get_all("content-length")
    if not values:
        return None
    lengths = [length.strip(" \t") for value in values for length in value.split(",")]
    for length in lengths:
        if _LENGTH.fullmatch(length) is None:
            raise RemoteProtocolError(Refusal.MALFORMED, "Content-Length is not a number")
    if len(set(map(int, lengths))) > 1:
        raise RemoteProtocolError(Refusal.MALFORMED, "two Content-Length values differ")
    return BodyPlan(Framing.LENGTH, int(lengths[0]), (DUPLICATE_LENGTH,) if len(lengths) > 1 else ())


class BodyReader:
    """Collects the body of an answer to ``request_method`` until its framing, or ``limit_bytes``, ends it.

    The constructor raises RemoteProtocolError as well: MALFORMED for framing that contradicts itself, LIMIT for a
    declared length beyond the limit. ``body`` keeps what came before an error.
    """

    __slots__ = ("_body", "_chunked", "_done", "_limit", "_plan", "_trailing")

    def __init__(self, head: ResponseHead, request_method: str, limit_bytes: int) -> None:
        self._begin(response_body_plan(head, request_method), limit_bytes, strict=False)

    def _begin(self, plan: BodyPlan, limit_bytes: int, strict: bool) -> None:
        self._plan = plan
        self._limit = limit_bytes
        self._body = bytearray()
        self._trailing = bytearray()
        self._chunked: ChunkedDecoder | None = None
        self._done = plan.framing is Framing.NONE
        if plan.framing is Framing.CHUNKED:
            self._chunked = ChunkedDecoder(self._body, limit_bytes, strict)
        elif plan.framing is Framing.LENGTH:
            self._done = plan.length == 0
            if plan.length > limit_bytes:
                self._over_limit()

    @property
    def framing(self) -> Framing:
        """What ends this body."""
        return self._plan.framing

    @property
    def quirks(self) -> tuple[str, ...]:
        """What was odd about the framing so far."""
        if self._chunked is not None and self._chunked.bare_lf:
            return (*self._plan.quirks, BARE_LF)
        return self._plan.quirks

    @property
    def done(self) -> bool:
        """The whole body is here."""
        return self._done

    @property
    def body(self) -> bytes:
        """The body so far, without its transfer framing. Each call copies it."""
        return bytes(self._body)

    @property
    def trailing_data(self) -> bytes:
        """What arrived after the end of the body. Empty until ``done``."""
        return bytes(self._trailing)

    def receive_data(self, data: bytes) -> None:
        """Take bytes in any pieces. Raises RemoteProtocolError: MALFORMED or LIMIT."""
        if self._done:
            self._trailing += data
        elif self._chunked is not None:
            self._chunked.receive_data(data)
            if self._chunked.done:
                self._done = True
                self._trailing += self._chunked.trailing_data
        elif self._plan.framing is Framing.LENGTH:
            missing = self._plan.length - len(self._body)
            self._body += data[:missing]
            if len(data) >= missing:
                self._done = True
                self._trailing += data[missing:]
        else:
            room = self._limit - len(self._body)
            self._body += data[:room]
            if len(data) > room:
                self._over_limit()

    def receive_eof(self) -> None:
        """The peer has closed: the end of a body framed so; otherwise raises RemoteProtocolError(EOF) unless done."""
        if self._plan.framing is Framing.CLOSE:
            self._done = True
        elif not self._done:
            raise RemoteProtocolError(Refusal.EOF, "the peer closed in the middle of the body")

    def _over_limit(self) -> None:
        raise RemoteProtocolError(Refusal.LIMIT, f"the body is longer than {self._limit} bytes")


class _RequestBodyReader(BodyReader):
    __slots__ = ()

    def __init__(self, head: RequestHead, limit_bytes: int) -> None:
        self._begin(request_body_plan(head), limit_bytes, strict=True)


def request_body_reader(head: RequestHead, limit_bytes: int) -> BodyReader:
    """The body of a request, for a server: no framing means no body. Raises as ``BodyReader`` does."""
    return _RequestBodyReader(head, limit_bytes)
