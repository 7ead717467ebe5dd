"""Errors: the classes of ``requests.exceptions`` that scripts already catch, each telling the proxy and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests.exceptions as base

__all__ = [
    "ChunkedEncodingError",
    "ConnectTimeout",
    "ConnectionError",
    "ContentDecodingError",
    "Failure",
    "InsecureAuthError",
    "NoProxyError",
    "PoolError",
    "ProxyError",
    "ReadTimeout",
    "SSLError",
    "ShoalError",
    "Try",
]


@dataclass(frozen=True)
class Failure:
    """At which stage a try ended and for what reason, in the pool's own words."""

    stage: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.stage}.{self.reason}"


@dataclass(frozen=True)
class Try:
    """One try through one proxy, written without its password."""

    proxy: str
    failure: Failure


class ShoalError(base.RequestException):
    """What all errors of this library have.

    ``proxy``: URL of the proxy tried last, with ``***`` for its password; None when there was none. ``reason``: such as
    ``connect.timeout`` or ``no_proxy``. ``failure``: the same in parts. ``tries``: everything tried, in order.
    """

    def __init__(
        self,
        message: str,
        *,
        proxy: str | None = None,
        reason: str = "",
        failure: Failure | None = None,
        tries: tuple[Try, ...] = (),
        **more: Any,
    ) -> None:
        super().__init__(message, **more)
        self.proxy = proxy
        self.failure = failure
        self.reason = reason or str(failure or "")
        self.tries = tries


class ConnectionError(ShoalError, base.ConnectionError):
    """The connection broke after the request was sent."""


class ProxyError(ConnectionError, base.ProxyError):
    """The proxy could not be reached, refused, or could not reach the target."""


class ConnectTimeout(ConnectionError, base.ConnectTimeout):
    """Proxy or target took too long before anything of the request was sent."""


class ReadTimeout(ShoalError, base.ReadTimeout):
    """No answer in time."""


class SSLError(ConnectionError, base.SSLError):
    """TLS with the target failed: the proxy interferes, or the site's certificate is wrong."""


class ChunkedEncodingError(ShoalError, base.ChunkedEncodingError):
    """The answer ended too early."""


class ContentDecodingError(ShoalError, base.ContentDecodingError):
    """The answer's compression is broken."""


class NoProxyError(ProxyError):
    """There is no proxy to try (``reason`` is ``no_proxy``). Nothing was sent, least of all directly."""


class PoolError(ConnectionError):
    """The pool itself cannot be asked, or refuses the question."""


class InsecureAuthError(ShoalError, ValueError):
    """Credentials over plain http:// through a proxy that is not the user's own."""
