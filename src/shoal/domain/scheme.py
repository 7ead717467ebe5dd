"""Schemes: how we speak *to* a proxy."""

from __future__ import annotations

from enum import StrEnum


class Scheme(StrEnum):
    """How we speak to the proxy itself, never what it carries.

    A public list that says "HTTPS proxy" nearly always means "can CONNECT", which is ``Capability.TUNNEL`` of an
    ``http`` proxy. ``Scheme.HTTPS`` means TLS between us and the proxy.
    """

    HTTP = "http"
    HTTPS = "https"
    SOCKS4 = "socks4"
    SOCKS4A = "socks4a"
    SOCKS5 = "socks5"

    @property
    def is_socks(self) -> bool:
        return self is not Scheme.HTTP and self is not Scheme.HTTPS
