"""From an exception to a Failure: the only map of this library."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterator

import requests.exceptions as base
import socks  # type: ignore[import-untyped]
import urllib3.exceptions as low

from shoal_client import errors
from shoal_client.errors import Failure

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}) ?(.*)")
_SOCKS_CODE = re.compile(r"0x([0-9A-Fa-f]{2}):")
_SOCKS5_REASONS = {2: "denied", 3: "unreachable", 4: "unreachable", 5: "refused", 6: "timeout"}
_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EADDRNOTAVAIL: "local_limit",
    errno.EMFILE: "local_limit",
    errno.ENFILE: "local_limit",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
}
BEFORE_SENDING = frozenset({"resolve", "connect", "proxy_tls", "handshake", "tunnel", "target_tls"})


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that caused it; urllib3 keeps causes in ``args`` and ``reason``, too."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.args, getattr(one, "reason", None), getattr(one, "original_error", None)]
        waiting += [getattr(one, "socket_err", None), one.__cause__, one.__context__]


def failure_of(error: BaseException, stage: str) -> Failure:
    """Why a try ended that had come to ``stage``."""
    found = list(chain(error))
    for one in found:
        match = _TUNNEL.search(str(one)) if type(one) is OSError else None
        if match:
            return tunnel_failure(int(match[1]), match[2])
    for one in found:
        if isinstance(one, socks.SOCKS5AuthError):
            return Failure("handshake", "auth", "the proxy wants other credentials")
        if isinstance(one, socks.SOCKS5Error | socks.SOCKS4Error):
            code = _SOCKS_CODE.search(str(one))
            number = int(code[1], 16) if code else 0
            reason = _SOCKS5_REASONS.get(number, "bad_status") if isinstance(one, socks.SOCKS5Error) else "denied"
            return Failure("tunnel", reason, f"SOCKS code {number:#04x}")
    if stage == "connect" and any(isinstance(one, socks.ProxyError) for one in found):
        # PySocks does it all in one call; only this class says that not even TCP was had.
        stage = "connect" if any(isinstance(one, socks.ProxyConnectionError) for one in found) else "handshake"
    if any(isinstance(one, low.NameResolutionError | socket.gaierror) for one in found):
        return Failure("resolve", "unreachable", "the proxy's name is not known")
    return Failure(stage, _reason(found))


def _reason(found: list[BaseException]) -> str:
    for one in found:
        if isinstance(one, ssl.SSLCertVerificationError):
            return "cert"
    for one in found:
        # NewConnectionError is a timeout by inheritance only.
        if isinstance(one, TimeoutError | low.ReadTimeoutError) or type(one) is low.ConnectTimeoutError:
            return "timeout"
    for one in found:
        # An SSLError is an OSError whose number counts something else.
        if isinstance(one, OSError) and not isinstance(one, ssl.SSLError) and one.errno in _ERRNO:
            return _ERRNO[one.errno]
        if isinstance(one, ConnectionResetError | BrokenPipeError) and not isinstance(one, http.client.HTTPException):
            return "reset"
    for one in found:
        if isinstance(one, http.client.RemoteDisconnected | http.client.IncompleteRead | low.IncompleteRead):
            return "eof"
        if isinstance(one, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return "eof"
    for one in found:
        if isinstance(one, socks.GeneralProxyError) and "closed" in str(one):
            return "eof"
        if isinstance(one, http.client.HTTPException | ssl.SSLError | low.HTTPError | socks.ProxyError):
            continue
        if isinstance(one, OSError) and "closed" in str(one).lower():
            return "eof"
    return "malformed"


def tunnel_failure(status: int, words: str = "") -> Failure:
    """What a refused CONNECT says."""
    detail = f"{status} {words}".strip()[:200]
    if status == 407:
        return Failure("handshake", "auth", detail)
    if status in (401, 403):
        return Failure("tunnel", "denied", detail)
    return Failure("tunnel", "bad_status", detail)


def class_for(failure: Failure, error: BaseException | None) -> type[errors.ShoalError]:
    """The class of ``requests.exceptions`` that fits: by stage first, then by what requests made of it."""
    if failure.stage == "target_tls" and failure.reason != "timeout":
        return errors.SSLError
    if failure.stage in BEFORE_SENDING:
        return errors.ConnectTimeout if failure.reason == "timeout" else errors.ProxyError
    if failure.reason == "timeout":
        return errors.ReadTimeout
    if isinstance(error, base.ChunkedEncodingError):
        return errors.ChunkedEncodingError
    if isinstance(error, base.ContentDecodingError):
        return errors.ContentDecodingError
    return errors.ConnectionError
