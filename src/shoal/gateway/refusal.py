"""Refusals: why a client does not get what it asked for, in the words of each protocol."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from shoal.domain import Failure, Reason, Stage
from shoal.wire import encode_response_head


class Refusal(Struct, frozen=True):
    """``code`` is a word for programs, ``text`` one sentence for people."""

    status: int
    code: str
    text: str
    retry_after: int = 0
    """Seconds after which the same request may fare better; 0: nobody knows."""


_SOCKS5_REPLIES: Final = {
    "target_refused": 2, "forbidden": 2, "limit": 2, "unreachable": 4, "connection_refused": 5, "timeout": 6,
    "not_supported": 7,
}  # fmt: skip
_REASONS: Final = {
    400: "Bad Request", 403: "Forbidden", 407: "Proxy Authentication Required", 408: "Request Timeout",
    413: "Content Too Large", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
_REASON_LIMIT: Final = 200
"""Characters of a reason phrase: clients show little more."""

NO_PROXY_RETRY: Final = 5
"""Seconds: within them the next checks have ended, and what is at its limit may have room."""

CROWDED: Final = Refusal(
    503, "crowded", "more clients are connected than this gateway serves; ask again in a second", 1
)
OVERLOADED: Final = Refusal(
    503, "overloaded", "more requests come than this gateway can serve in time; ask again in a second", 1
)
NO_CREDENTIALS: Final = Refusal(407, "auth", "this gateway needs a user name and password")


def no_proxy(why: str) -> Refusal:
    return Refusal(503, "no_proxy", f"no proxy fits this request: {why}", NO_PROXY_RETRY)


def session_gone(session: str) -> Refusal:
    return Refusal(502, "session_gone", f"the proxy of session {session} does not answer, and strict forbids another")


def all_failed(failures: list[Failure], *, timed_out: bool) -> Refusal:
    """What became of the attempts."""
    count = len(failures)
    tried = f"{count} {'upstream' if count == 1 else 'upstreams'} tried"
    if not failures:
        return Refusal(504, "timeout", "no upstream answered before the deadline")
    last = failures[-1]
    words = f"{tried}, the last failed at {last.kind}: {last.detail}" if last.detail else f"{tried}: {last.kind}"
    if last.reason is Reason.LOCAL_LIMIT:
        return Refusal(503, "local_limit", "this machine has no descriptor or port left for another connection", 1)
    if timed_out or last.reason is Reason.TIMEOUT:
        return Refusal(504, "timeout", words)
    if last.stage is Stage.TUNNEL and last.reason is Reason.REFUSED:
        return Refusal(502, "connection_refused", words)
    if last.stage is Stage.TUNNEL and last.reason is Reason.UNREACHABLE:
        return Refusal(502, "unreachable", words)
    return Refusal(502, "upstream", words)


def http_refusal(refusal: Refusal, *, connect: bool, close: bool, head_only: bool = False) -> bytes:
    """The answer to an HTTP client. For CONNECT the status line holds the reason: clients show nothing else."""
    body = msgspec.json.encode(
        {
            "title": _REASONS.get(refusal.status, "Error"),
            "status": refusal.status,
            "code": refusal.code,
            "detail": refusal.text,
        }
    )
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Shoal-Error", refusal.code),
    ]
    if refusal.status == 407:
        headers.append(("Proxy-Authenticate", 'Basic realm="shoal", charset="UTF-8"'))
    if refusal.retry_after:
        headers.append(("Retry-After", str(refusal.retry_after)))
    if close:
        headers.append(("Connection", "close"))
    reason = _line(refusal.text) if connect else _REASONS.get(refusal.status, "Error")
    head = encode_response_head(refusal.status, reason, headers)
    return head if head_only else head + body


def connect_refusal(refusal: Refusal) -> bytes:
    """The answer to CONNECT, after which the connection ends."""
    return http_refusal(refusal, connect=True, close=True)


def socks5_reply(refusal: Refusal) -> int:
    """The code of RFC 1928 section 6 that comes nearest."""
    return _SOCKS5_REPLIES.get(refusal.code, 1)


def _line(text: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text[:_REASON_LIMIT])
