"""Heads of HTTP/1 messages: answers read tolerantly, requests strictly, both written safely."""

from __future__ import annotations

import re
from abc import abstractmethod
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from shoal.wire.errors import LocalProtocolError, Refusal, RemoteProtocolError
from shoal.wire.http_fields import (
    BARE_LF,
    FieldLookup,
    Fields,
    encode_head,
    find_head_end,
    is_token,
    read_fields,
    read_fields_strictly,
    split_lines,
)

HEAD_LIMIT_BYTES: Final = 65_536
"""A head beyond this is an attack or a stream: common servers stop at 8 to 32 KiB by default."""

MAX_HEADERS: Final = 200
"""Twice Apache's LimitRequestFields default."""

LOWER_CASE_VERSION: Final = "lower-case-version"
SHORT_VERSION: Final = "short-version"
ICY: Final = "icy"
STATUS_LINE_SPACING: Final = "status-line-spacing"

_STATUS_LINE: Final = re.compile(
    r"(?:(HTTP)/([0-9])(\.[0-9])?|ICY)[ \t]+([1-9][0-9]{2})(?:[ \t](.*))?", re.IGNORECASE | re.ASCII
)
_REQUEST_LINE: Final = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP/(1\.[01])", re.ASCII)
_TARGET: Final = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ResponseHead(FieldLookup):
    """Status line and header fields. ``quirks`` names, sorted, what had to be mended to read them.

    No control character is in any part, except tabs inside values. Bytes above 127 are decoded as Latin-1.
    ``version`` is ``major.minor``; an ICY (Shoutcast) answer counts as 1.0.
    """

    version: str
    status: int
    reason: str
    headers: Fields
    quirks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestHead(FieldLookup):
    """Request line and header fields; ``version`` is ``1.0`` or ``1.1``, ``target`` printable ASCII as it was sent."""

    method: str
    target: str
    version: str
    headers: Fields


def parse_response_head(data: bytes) -> ResponseHead:
    """Read one complete head, from the status line to the empty line, both included.

    Takes bare LF, any case of ``HTTP``, ICY, repeated fields, folded lines and lines that are no fields (dropped).
    Raises RemoteProtocolError for anything else, in particular control characters.
    """
    lines, bare = split_lines(data)
    return _read_response(lines, bare)


def _read_response(lines: list[str], bare: bool) -> ResponseHead:
    match = _STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise RemoteProtocolError(Refusal.MALFORMED, "the status line is not HTTP")
    letters, major, minor, status, reason = match.groups()
    reason = (reason or "").strip(" \t")
    quirks = [BARE_LF] if bare else []
    version = f"{major}{minor or '.0'}" if letters else "1.0"
    # RFC 9112 section 4, as written; what differs is told apart only then.
    if lines[0] != f"HTTP/{version} {status} {reason}":
        if letters is None:
            quirks.append(ICY)
        elif letters != "HTTP":
            quirks.append(LOWER_CASE_VERSION)
        if letters is not None and minor is None:
            quirks.append(SHORT_VERSION)
        if lines[0].partition(" ")[2] != f"{status} {reason}":
            quirks.append(STATUS_LINE_SPACING)
    headers = read_fields(lines[1:], quirks)
    return ResponseHead(version, int(status), reason, headers, tuple(sorted(set(quirks))) if quirks else ())


_Head = TypeVar("_Head", ResponseHead, RequestHead)


class _HeadReader(Generic[_Head]):
    """Collects bytes until a head is complete, within bounds on its length and on its lines."""

    __slots__ = ("_buffer", "_limit", "_max_headers", "_searched", "head")

    def __init__(self, limit_bytes: int = HEAD_LIMIT_BYTES, max_headers: int = MAX_HEADERS) -> None:
        self._buffer = bytearray()
        self._limit = limit_bytes
        self._max_headers = max_headers
        self._searched = 0
        self.head: _Head | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing of a head has come yet."""
        return not self._buffer and self.head is None

    @property
    def trailing_data(self) -> bytes:
        """What arrived after the head's empty line. Empty until the head is complete."""
        return bytes(self._buffer) if self.head is not None else b""

    def receive_data(self, data: bytes) -> _Head | None:
        """The head once it is complete (later bytes only add to ``trailing_data``), else None.

        Raises RemoteProtocolError: MALFORMED or LIMIT.
        """
        buffer = self._buffer
        buffer += data
        if self.head is not None:
            return self.head
        if not self._begins():
            return None
        end = find_head_end(buffer, self._searched)
        if end > self._limit or (end < 0 and len(buffer) > self._limit):
            raise RemoteProtocolError(Refusal.LIMIT, f"the head is longer than {self._limit} bytes")
        if end < 0:
            # The empty line may be split over packets: its first two bytes are searched again.
            self._searched = max(0, len(buffer) - 2)
            return None
        lines, bare = split_lines(bytes(buffer[:end]))
        if len(lines) - 1 > self._max_headers:
            raise RemoteProtocolError(Refusal.LIMIT, f"the head has more than {self._max_headers} lines")
        self.head = self._read(lines, bare)
        # Last, so that after an error nothing behind the bad head is ever read as another.
        del buffer[:end]
        return self.head

    def receive_eof(self) -> None:
        """The peer has closed. Raises RemoteProtocolError(EOF) unless the head is complete."""
        if self.head is None:
            what = "in the middle of the head" if self._buffer else "before a head began"
            raise RemoteProtocolError(Refusal.EOF, f"the peer closed {what}")

    @abstractmethod
    def _begins(self) -> bool:
        """Refuse what can be no head; False while nothing of a head is here."""

    @abstractmethod
    def _read(self, lines: list[str], bare: bool) -> _Head:
        """The head from its lines."""


class ResponseHeadReader(_HeadReader[ResponseHead]):
    """Reads one response head from any pieces. A peer that does not speak HTTP is refused at its first wrong byte.

    ``limit_bytes`` bounds the head with its empty line, ``max_headers`` its lines after the first.
    """

    __slots__ = ()

    def _begins(self) -> bool:
        begin = bytes(self._buffer[:5]).upper()
        if not (b"HTTP/".startswith(begin) or b"ICY ".startswith(begin[:4])):
            raise RemoteProtocolError(Refusal.MALFORMED, "the answer is not HTTP")
        return True

    def _read(self, lines: list[str], bare: bool) -> ResponseHead:
        return _read_response(lines, bare)


class RequestHeadReader(_HeadReader[RequestHead]):
    """Reads one request head from any pieces, strictly: what two servers could understand differently is refused.

    One empty line before the request is skipped (RFC 9112 section 2.2); HTTP/1.0 and 1.1 are read. Bounds as in
    ``ResponseHeadReader``.
    """

    __slots__ = ("_begun",)

    def __init__(self, limit_bytes: int = HEAD_LIMIT_BYTES, max_headers: int = MAX_HEADERS) -> None:
        super().__init__(limit_bytes, max_headers)
        self._begun = False

    def _begins(self) -> bool:
        buffer = self._buffer
        if not self._begun:
            if buffer == b"\r\n"[: len(buffer)]:
                return False
            if buffer.startswith(b"\r\n"):
                del buffer[:2]
            self._begun = True
        if not is_token(chr(buffer[0])):
            raise RemoteProtocolError(Refusal.MALFORMED, "the request is not HTTP")
        return True

    def _read(self, lines: list[str], bare: bool) -> RequestHead:
        match = _REQUEST_LINE.fullmatch(lines[0])
        if bare or match is None:
            raise RemoteProtocolError(Refusal.MALFORMED, "the request line is not HTTP/1, or a line ends in a bare LF")
        method, target, version = match.groups()
        return RequestHead(method, target, version, read_fields_strictly(lines[1:]))


def encode_request_head(method: str, target: str, headers: Iterable[tuple[str, str]], version: str = "1.1") -> bytes:
    """A request head as bytes. Raises LocalProtocolError for a part that could break out of its place."""
    if not is_token(method) or _TARGET.fullmatch(target) is None:
        raise LocalProtocolError(f"not a request method and target: {method!r} {target!r}")
    return encode_head(f"{method} {target} HTTP/{version}", headers)


def encode_response_head(status: int, reason: str, headers: Iterable[tuple[str, str]], version: str = "1.1") -> bytes:
    """A response head as bytes. Raises LocalProtocolError for a part that could break out of its place."""
    if not 100 <= status <= 999:
        raise LocalProtocolError(f"{status} is not a status")
    return encode_head(f"HTTP/{version} {status} {reason}", headers)


def basic_credentials(user: str, password: str) -> str:
    """The value of (Proxy-)Authorization for these credentials: RFC 7617 with UTF-8.

    Raises LocalProtocolError for a colon in the user, or a control character in either: the RFC has no way to say it.
    """
    if ":" in user:
        raise LocalProtocolError("a Basic user name cannot hold a colon")
    if any(ord(character) < 32 or character == "\x7f" for character in user + password):
        raise LocalProtocolError("Basic credentials cannot hold control characters")
    return "Basic " + b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode("ascii")
