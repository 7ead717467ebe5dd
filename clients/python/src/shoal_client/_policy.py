"""What may be tried again, and what an answer says about who sent it: decisions without any I/O."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shoal_client._proxy import Proxy
from shoal_client.errors import Failure

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110 section 9.2.2: sending them twice does what sending them once does."""
DEFAULT_TIMEOUT = (5.0, 20.0)
_MARKS = ("Proxy-Status", "X-Squid-Error", "Proxy-Authenticate", "Proxy-Connection")
"""Fields that only a proxy writes when it speaks for itself."""


@dataclass(frozen=True)
class Policy:
    """``retries`` further tries; ``max_wait``: the longest Retry-After that is waited for (seconds)."""

    timeout: tuple[float, float] = DEFAULT_TIMEOUT
    retries: int = 2
    max_wait: float = 10.0
    allow_insecure_auth: bool = False


@dataclass(frozen=True)
class Verdict:
    """``failure`` None: the site answered. ``sure`` False: proxy and site look alike here."""

    failure: Failure | None = None
    sure: bool = True
    forwarded: bool = True
    """Whether the target may have seen the request."""


def timeouts(given: Any, default: tuple[float, float]) -> tuple[float, float]:
    """Connect and read time-out from whatever requests takes; None, there or inside, means the default."""
    if given is None:
        return default
    if isinstance(given, int | float):
        return float(given), float(given)
    if isinstance(given, tuple):
        if len(given) != 2:
            raise ValueError("timeout is a number of seconds, or a pair: (connect, read)")
        connect, read = given
    else:
        connect, read = given.connect_timeout, given.read_timeout
    numbers = [
        float(value) if isinstance(value, int | float) else usual
        for value, usual in zip((connect, read), default, strict=True)
    ]
    return numbers[0], numbers[1]


def verdict(status: int, headers: Mapping[str, str], proxy: Proxy, *, tls: bool) -> Verdict:
    """Who answered. Inside TLS it is always the site; in the clear a proxy can speak for itself."""
    if tls or proxy.scheme.startswith("socks"):
        return Verdict()
    if proxy.gateway and headers.get("X-Shoal-Error"):
        code = headers["X-Shoal-Error"][:60]
        stage, reason = ("handshake", "auth") if status == 407 else ("tunnel", "bad_status")
        return Verdict(Failure(stage, reason, f"{status} {code}"), forwarded=status != 407)
    if status == 407:
        return Verdict(Failure("handshake", "auth", "407 the proxy wants other credentials"), forwarded=False)
    if status in (502, 503, 504):
        failure = Failure("receive", "bad_status", str(status))
        if proxy.gateway or headers.get("Retry-After"):
            return Verdict()
        return Verdict(failure, sure=any(mark in headers for mark in _MARKS))
    return Verdict()


def retry_after(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds that the site asks to be left alone, None when it does not ask."""
    value = headers.get("Retry-After", "").strip() if status in (429, 503) else ""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - time.time())


def target_of(url: str) -> tuple[str, bool]:
    """``host:port`` of a URL, and whether it is https."""
    parts = urlsplit(url)
    tls = parts.scheme.lower() == "https"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{parts.port or (443 if tls else 80)}", tls
