"""Naming: which record a user means."""

from __future__ import annotations

import re
from urllib.parse import unquote

from shoal.domain import Credentials, Endpoint, Refused
from shoal.domain.address import canonical_host
from shoal.errors import InvalidProxyError

_ID = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"(?:[A-Za-z0-9+]+://)?(?:(?P<user>[^/@]*)@)?(?P<host>\[[^\]]+\]|[^:/@\s]+):(?P<port>[0-9]{1,5})/?")


def parse_name(text: str) -> str | tuple[Endpoint, Credentials | None]:
    """A record's id, or the endpoint and credentials that ``[scheme://][user:password@]host:port`` names.

    The scheme is read over: all schemes of one endpoint are one record. Raises ``InvalidProxyError``.
    """
    text = text.strip()
    if _ID.fullmatch(text):
        return text
    match = _NAME.fullmatch(text)
    if match is None:
        raise InvalidProxyError("malformed", "name a proxy as host:port, as its URL or by its id")
    host = canonical_host(match["host"])
    port = int(match["port"])
    if isinstance(host, Refused):
        raise InvalidProxyError(host.value, f"{match['host']!r} is neither an address nor a host name")
    if not 0 < port < 65536:
        raise InvalidProxyError("bad_port", f"port {port} does not exist: ports run from 1 to 65535")
    credentials = None
    if match["user"]:
        username, _, password = match["user"].partition(":")
        credentials = Credentials(unquote(username), unquote(password))
    return Endpoint(host, port), credentials
