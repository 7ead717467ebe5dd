"""The one map from what can go wrong to a Failure."""

from __future__ import annotations

import errno
import ssl
from typing import Final

from shoal.domain import Failure, Reason, Stage
from shoal.ports import ResolveError
from shoal.wire import Refusal, RemoteProtocolError

DETAIL_LIMIT: Final = 160
"""Characters of a detail: a line on a terminal."""

_BY_ERRNO: Final[dict[int, Reason]] = {
    # This machine has run out of something: never the peer's fault.
    errno.EMFILE: Reason.LOCAL_LIMIT,
    errno.ENFILE: Reason.LOCAL_LIMIT,
    errno.ENOBUFS: Reason.LOCAL_LIMIT,
    errno.ENOMEM: Reason.LOCAL_LIMIT,
    errno.EADDRNOTAVAIL: Reason.LOCAL_LIMIT,
    errno.EADDRINUSE: Reason.LOCAL_LIMIT,
    # What a full ephemeral port range or a full accept queue of a Unix socket gives: try later.
    errno.EAGAIN: Reason.LOCAL_LIMIT,
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ENOTCONN: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.ENETUNREACH: Reason.UNREACHABLE,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.ENETDOWN: Reason.UNREACHABLE,
    errno.EHOSTDOWN: Reason.UNREACHABLE,
    # A packet filter of this machine forbids the connection.
    errno.EACCES: Reason.DENIED,
    errno.EPERM: Reason.DENIED,
}

_BY_REFUSAL: Final[dict[Refusal, Reason]] = {
    Refusal.MALFORMED: Reason.MALFORMED,
    # Too long is a way of being wrong: no honest answer reaches the bounds.
    Refusal.LIMIT: Reason.MALFORMED,
    Refusal.EOF: Reason.EOF,
    Refusal.AUTH: Reason.AUTH,
    Refusal.DENIED: Reason.DENIED,
    Refusal.UNREACHABLE: Reason.UNREACHABLE,
    Refusal.REFUSED: Reason.REFUSED,
    Refusal.BAD_STATUS: Reason.BAD_STATUS,
}

_TIMEOUT_WORDS: Final[dict[Stage, str]] = {
    Stage.RESOLVE: "the name was not resolved in time",
    Stage.CONNECT: "no answer to the connection attempt",
    Stage.PROXY_TLS: "no end of the TLS handshake with the proxy",
    Stage.HANDSHAKE: "no answer to the handshake",
    Stage.TUNNEL: "no answer to the request for a tunnel",
    Stage.TARGET_TLS: "no end of the TLS handshake with the target",
    Stage.SEND: "the request was not taken in time",
    Stage.RECEIVE: "no complete answer in time",
    Stage.CONTENT: "the content did not come in time",
}

# What the proxy says about itself stays at HANDSHAKE, even when the request for a tunnel has been sent.
_ABOUT_ITSELF: Final = (Refusal.MALFORMED, Refusal.LIMIT, Refusal.AUTH)

CONNECTION_CLOSED: Final = "the peer closed the connection"


def printable(text: str, limit: int = DETAIL_LIMIT) -> str:
    """One line without control characters (a proxy must not steer a terminal), at most ``limit`` characters."""
    # Only a prefix is looked at, so that a megabyte of rubbish costs no more than a line.
    text = "".join(c if c.isprintable() else " " for c in text[: limit * 2])
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def timeout_failure(stage: Stage) -> Failure:
    """Time ran out at this stage."""
    return Failure(stage, Reason.TIMEOUT, _TIMEOUT_WORDS[stage])


def eof_failure(stage: Stage) -> Failure:
    """The peer closed at this stage."""
    return Failure(stage, Reason.EOF, CONNECTION_CLOSED)


def failure_from(error: BaseException, stage: Stage) -> Failure:
    """The Failure for an exception at a stage. Total: what is not known is MALFORMED with the exception's name."""
    if isinstance(error, RemoteProtocolError):
        if stage is Stage.TUNNEL and error.refusal in _ABOUT_ITSELF:
            stage = Stage.HANDSHAKE
        elif stage is Stage.HANDSHAKE and error.refusal in _ABOUT_THE_TARGET:
            stage = Stage.TUNNEL
        return Failure(stage, _BY_REFUSAL[error.refusal], printable(str(error)))
    # Before OSError, which they derive from.
    if isinstance(error, ssl.SSLError):
        return _tls_failure(error, stage)
    if isinstance(error, ResolveError):
        reason = Reason.UNREACHABLE if error.refused is None else Reason.DENIED
        return Failure(Stage.RESOLVE, reason, printable(str(error)))
    if isinstance(error, TimeoutError) and error.errno in (None, errno.ETIMEDOUT):
        return timeout_failure(stage)
    if isinstance(error, EOFError):
        return eof_failure(stage)
    if isinstance(error, OSError):
        # Not str(error): asyncio writes the address into it, which says nothing new.
        number = error.errno or 0
        words = errno.errorcode.get(number, type(error).__name__)
        return Failure(stage, _BY_ERRNO.get(number, _unknown_errno(stage)), words)
    return Failure(stage, Reason.MALFORMED, type(error).__name__)


_ABOUT_THE_TARGET: Final = (Refusal.DENIED, Refusal.UNREACHABLE, Refusal.REFUSED, Refusal.BAD_STATUS)


def _unknown_errno(stage: Stage) -> Reason:
    return Reason.UNREACHABLE if stage in (Stage.RESOLVE, Stage.CONNECT) else Reason.RESET


def _tls_failure(error: ssl.SSLError, stage: Stage) -> Failure:
    # OpenSSL sets these attributes; an error made by hand lacks them.
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure(stage, Reason.CERT, printable(getattr(error, "verify_message", "") or "certificate not valid"))
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return eof_failure(stage)
    words = (getattr(error, "reason", None) or "TLS error").replace("_", " ").lower()
    return Failure(stage, Reason.MALFORMED, printable(f"TLS: {words}"))


_DENIED_STATUSES: Final = (401, 403, 405, 451)


def status_failure(status: int, words: str = "") -> Failure:
    """The Failure for an answer to a forwarded request that is not 200.

    407 is the proxy speaking of itself, as with CONNECT; the others may be its own words or the target's.
    """
    detail = printable(f"the answer was {status} {words}".rstrip())
    if status == 407:
        return Failure(Stage.HANDSHAKE, Reason.AUTH, detail)
    return Failure(Stage.RECEIVE, Reason.DENIED if status in _DENIED_STATUSES else Reason.BAD_STATUS, detail)


def own_page_failure(status: int, words: str = "") -> Failure:
    """The Failure for a page in which a proxy speaks for itself: it may refuse us, or tell that it cannot get on."""
    detail = printable(f"the proxy's own page: {status} {words}".rstrip())
    if status == 407:
        return Failure(Stage.HANDSHAKE, Reason.AUTH, detail)
    if status == 504:
        return Failure(Stage.TUNNEL, Reason.TIMEOUT, detail)
    # Squid gives 502 and 503 for targets that it cannot reach, everything below 500 for what it will not do.
    if status >= 500:
        return Failure(Stage.TUNNEL, Reason.UNREACHABLE, detail)
    return Failure(Stage.HANDSHAKE, Reason.DENIED, detail)
