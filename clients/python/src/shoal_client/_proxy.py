"""Proxy: what to dial for one request, and its spelling without the password."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True)
class Proxy:
    """``url`` holds the password; printing a Proxy never shows it.

    ``own``: it belongs to the user (or leads to such ones only), so credentials may pass it in the clear. ``gateway``:
    it is Shoal's gateway, whose answers about itself can be believed. ``once``: connections are not kept for another
    request, since each tunnel of a gateway has another proxy behind it.
    """

    url: str = field(repr=False)
    id: str | None = None
    own: bool = False
    gateway: bool = False
    once: bool = False
    lease: str | None = field(default=None, repr=False)
    capabilities: frozenset[str] = field(default=frozenset(), repr=False)

    def __str__(self) -> str:
        return hidden(self.url)

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def names_resolved_there(self) -> bool:
        return self.scheme != "socks4"

    @property
    def address(self) -> str:
        """``host:port``."""
        return self.url.partition("://")[2].partition("#")[0].rpartition("@")[2].rstrip("/")

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password as they are, not as the URL spells them."""
        parts = urlsplit(self.url)
        return None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))

    def carries(self, *, tls: bool) -> bool:
        """Whether what is known of it lets it serve an https (``tls``) or http target; not known counts as yes."""
        if not self.capabilities or self.scheme.startswith("socks"):
            return True
        return ("tunnel" if tls else "forward") in self.capabilities


def parse_proxy(text: str, *, own: bool = False) -> Proxy:
    """A Proxy from ``[scheme://][user:password@]host[:port]``; no scheme means http, ``socks5`` becomes ``socks5h``.

    With ``socks5h`` the proxy resolves names: nothing that a site is called is told to the local resolver. Raises
    ValueError that says what is wrong without the password.
    """
    text = text.strip()
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "http", text
    scheme = {"socks5": "socks5h", "socks": "socks5h"}.get(scheme.lower(), scheme.lower())
    if scheme not in _PORTS:
        raise ValueError(f"{hidden(text)!r} is no proxy: the scheme is one of {', '.join(_PORTS)}")
    userinfo, at, address = rest.rstrip("/").rpartition("@")
    try:
        parts = urlsplit(f"{scheme}://{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.path or parts.query or any(c.isspace() for c in text):
        raise ValueError(f"{hidden(text)!r} is no proxy: write scheme://user:password@host:port")
    if port is None:
        port = _PORTS[scheme]
    shown = f"[{host}]" if ":" in host else host
    return Proxy(f"{scheme}://{userinfo}{at}{shown}:{port}", own=own)


def hidden(url: str) -> str:
    """``url`` with ``***`` for the password."""
    scheme, mark, rest = url.partition("#")[0].rpartition("://")
    userinfo, at, address = rest.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    return f"{scheme}{mark}{user}{':***' if colon else ''}{at}{address}"
