"""Which scope a request needs."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from shoal.api.tokens import Scope

_READ_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ADMIN: Final = ("/v1/tokens", "/v1/settings")
_USE: Final = ("/v1/feedback", "/v1/leases", "/v1/proxies/pick", "/get", "/all")
_WRITE: Final = ("/pop", "/delete", "/refresh")


def needed(method: str, path: str, query_string: bytes = b"") -> Scope:
    """What a token must allow for this to be answered."""
    if _is_under(path, _ADMIN):
        return Scope.ADMIN
    if _is_under(path, _WRITE):
        return Scope.WRITE
    # Old scripts' lists carry passwords, and so does whatever is asked for credentials.
    if _is_under(path, _USE) or b"credentials" in unquote_to_bytes(query_string):
        return Scope.USE
    # Whoever knows the code of a saved query may read what it finds.
    if _is_under(path, ("/v1/links",)) and method in _READ_METHODS:
        return Scope.USE
    return Scope.READ if method in _READ_METHODS else Scope.WRITE


def _is_under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
