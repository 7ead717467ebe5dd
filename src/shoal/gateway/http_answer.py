"""An upstream's answer on its way to the client: which heads wait, which body follows, in which framing."""

from __future__ import annotations

from typing import Final

from shoal.domain import Pick
from shoal.gateway.bodies import BodyStream
from shoal.wire import Framing, RemoteProtocolError, ResponseHead, encode_response_head
from shoal.wire.errors import Refusal
from shoal.wire.http_body import TRANSFER_CODING, response_body_plan

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
        plan = response_body_plan(head, method)
        if TRANSFER_CODING in plan.quirks:
            raise RemoteProtocolError(Refusal.MALFORMED, "a transfer coding that was not asked for")
        chunked = plan.framing in (Framing.CHUNKED, Framing.CLOSE) and client_1_1
        self.body = BodyStream(plan, strict=False, chunked_out=chunked)
        self.keep = keep and (chunked or plan.framing in (Framing.NONE, Framing.LENGTH))
        options = connection_options(head)
        headers = [
            (name, value)
            for name, value in head.headers
            if (lower := name.lower()) not in _HOP_BY_HOP and lower not in options
        ]
        if chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif plan.framing is Framing.LENGTH:
            headers.append(("Content-Length", str(plan.length)))
        elif plan.framing is Framing.NONE and head.status != 204 and (length := head.get("content-length")) is not None:
            # To HEAD and in a 304 it tells of the body that another request would get.
            headers.append(("Content-Length", length))
        if not self.keep:
            headers.append(("Connection", "close"))
        headers.append(("X-Shoal-Proxy", named(pick)))
        self.out = encode_response_head(head.status, head.reason, headers)
        self.reusable = plan.framing is not Framing.CLOSE and head.version == "1.1" and "close" not in options


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


def connection_options(head: ResponseHead) -> frozenset[str]:
    values = (*head.get_all("connection"), *head.get_all("proxy-connection"))
    if not values:
        return frozenset()
    return frozenset(option.strip(" \t").lower() for text in values for option in text.split(","))
