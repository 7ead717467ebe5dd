"""Tokens: how a client shows one, and how it is compared."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64decode

_HASHED = re.compile("sha256:([0-9a-fA-F]{64})")


def token_hash(token: str) -> bytes:
    """What is kept of a configured token: its SHA-256. ``sha256:HEX`` is a token that comes hashed already.

    A plain hash will do because tokens are long and random, unlike passwords.
    """
    hashed = _HASHED.fullmatch(token)
    return bytes.fromhex(hashed[1]) if hashed else hashlib.sha256(token.encode()).digest()


def matches(token: str, expected: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest(), expected)


def shown_token(authorization: str) -> str | None:
    """The token in an Authorization field: ``Bearer TOKEN``, or Basic with the token as password.

    The second is what ``http://:TOKEN@host:5010/get/`` of a script becomes. There is no ``?token=``: addresses end in
    logs and histories.
    """
    scheme, _, rest = authorization.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest or None
    if scheme.lower() != "basic":
        return None
    try:
        decoded = b64decode(rest, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return None
    _, colon, password = decoded.partition(":")
    return password if colon and password else None
