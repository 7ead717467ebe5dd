"""An upstream's answer on its way to the client: which heads wait, which body follows, in which framing."""

from __future__ import annotations

from typing import Final

from shoal.domain import Pick
from shoal.gateway.bodies import BodyStream
from shoal.wire import Framing, RemoteProtocolError, ResponseHead, encode_response_head
from shoal.wire.errors import Refusal
from shoal.wire.http_body import TRANSFER_CODING, BodyPlan, response_body_plan

_HOP_BY_HOP: Final = frozenset(
    {
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authentication-info",
        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "x-shoal-proxy",
        "x-shoal-error",
    }
)  # fmt: skip


class Answer:
    """``out`` is the head as the client gets it, ``body`` what follows, ``keep`` whether the client's connection lives
    on, ``reusable`` whether the upstream's may.

    Raises RemoteProtocolError for framing that contradicts itself.
    """

    __slots__ = ("body", "keep", "out", "reusable")

    def __init__(self, head: ResponseHead, method: str, pick: Pick, *, client_1_1: bool, keep: bool) -> None:
        headers, length, options = _read_fields(head)
        if length >= 0 and method != "HEAD" and head.status >= 200 and head.status not in (204, 304):
            plan = BodyPlan(Framing.LENGTH, length)
        else:
            plan = response_body_plan(head, method)
        if TRANSFER_CODING in plan.quirks:
            raise RemoteProtocolError(Refusal.MALFORMED, "a transfer coding that was not asked for")
        chunked = plan.framing in (Framing.CHUNKED, Framing.CLOSE) and client_1_1
        self.body = BodyStream(plan, strict=False, chunked_out=chunked)
        self.keep = keep and (chunked or plan.framing in (Framing.NONE, Framing.LENGTH))
        if chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif plan.framing is Framing.LENGTH:
            headers.append(("Content-Length", str(plan.length)))
        elif plan.framing is Framing.NONE and head.status != 204 and (shown := head.get("content-length")) is not None:
            # To HEAD and in a 304 it tells of the body that another request would get.
            headers.append(("Content-Length", shown))
        if not self.keep:
            headers.append(("Connection", "close"))
        headers.append(("X-Shoal-Proxy", named(pick)))
        self.out = encode_response_head(head.status, head.reason, headers)
        self.reusable = plan.framing is not Framing.CLOSE and head.version == "1.1" and "close" not in options


_KEPT_OPTIONS: Final = frozenset({"close", "keep-alive", ""})


def _read_fields(head: ResponseHead) -> tuple[list[tuple[str, str]], int, frozenset[str]]:
    """In one pass: what goes on to the client, the length where nothing but one plain Content-Length says it (else
    -1), and the options of Connection."""
    kept: list[tuple[str, str]] = []
    length, options = -1, _NO_OPTIONS
    plain = True
    for field in head.headers:
        lower = field[0].lower()
        if lower not in _HOP_BY_HOP:
            kept.append(field)
        elif lower == "content-length":
            value = field[1]
            plain = plain and length < 0 and value.isascii() and value.isdigit() and len(value) < 19
            length = int(value) if plain else -1
        elif lower == "transfer-encoding":
            plain = False
        elif lower == "connection" or lower == "proxy-connection":
            options |= {option.strip(" \t").lower() for option in field[1].split(",")}
    if options - _KEPT_OPTIONS:
        kept = [field for field in kept if field[0].lower() not in options]
    return kept, length if plain else -1, options


_NO_OPTIONS: Final[frozenset[str]] = frozenset()


def named(pick: Pick) -> str:
    """An upstream as response headers tell it: without user and password."""
    return f"{pick.path.scheme.value}://{pick.record.endpoint}"


def interim(head: ResponseHead) -> bytes:
    """A 1xx head as the client gets it."""
    headers = [(name, value) for name, value in head.headers if name.lower() not in _HOP_BY_HOP]
    return encode_response_head(head.status, head.reason, headers)


def switching(head: ResponseHead, pick: Pick) -> bytes:
    """A 101 head as the client gets it."""
    headers = [(name, value) for name, value in head.headers if name.lower() not in _HOP_BY_HOP]
    headers += [("Connection", "Upgrade"), ("Upgrade", head.get("upgrade") or ""), ("X-Shoal-Proxy", named(pick))]
    return encode_response_head(head.status, head.reason, headers)
