"""Secrets and control characters never reach a log or a terminal."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"

_SECRET_NAME = re.compile(r"(?i)(?:^|[_-])(?:password|passwd|token|secret|authorization|cookie|key|credentials)$")
_USERINFO = re.compile(r"(?P<lead>[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/?#@\"']*@")
_PARAMETER = re.compile(r"(?i)(?P<name>[?&#;](?:key|token|password|secret|api_key)=)[^&#;\s\"']+")
_BEARER = re.compile(r"(?i)\b(?P<name>bearer|basic)\s+[a-z0-9+/._~=-]{4,}")


def is_secret_name(name: str) -> bool:
    """True for names such as ``password``, ``api_token`` and ``Proxy-Authorization``, whose value is never shown."""
    return _SECRET_NAME.search(name) is not None


def redacted(text: str) -> str:
    """The text without user and password of URLs, keys and tokens in parameters, and HTTP credentials."""
    text = _USERINFO.sub(rf"\g<lead>{HIDDEN}@", text)
    text = _PARAMETER.sub(rf"\g<name>{HIDDEN}", text)
    return _BEARER.sub(rf"\g<name> {HIDDEN}", text)


def printable(text: str, limit: int = 2000) -> str:
    """The text on one line, without anything that a terminal would obey, and bounded.

    Control characters, escape sequences' first bytes, bidirectional overrides and lone surrogates become ``?``.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= limit else text[: limit - 3] + "..."
