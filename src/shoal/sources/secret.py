"""Secrets of a source: named in the settings, kept in the environment or in files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from shoal.domain import Credentials
from shoal.options import OwnSource

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # a token of RFC 9110 section 5.6.2
_LIMIT_CHARS = 8192
_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "if-none-match",
                   "if-modified-since"})  # fmt: skip


class SecretError(ValueError):
    """A secret cannot be had. The text completes a sentence that begins with the source's name, and never shows it."""


def with_variables(text: str, environ: Mapping[str, str]) -> str:
    """The text with each ``${NAME}`` replaced. Raises ``SecretError``."""
    return _VARIABLE.sub(lambda match: _variable(match[1], environ), text)


def credentials_of(own: OwnSource, environ: Mapping[str, str]) -> Credentials | None:
    """What entries get that carry none. Raises ``SecretError``."""
    if own.credentials_env:
        text, where = _variable(own.credentials_env, environ), f"the variable {own.credentials_env}"
    elif own.credentials_file:
        text, where = _file(own.credentials_file), own.credentials_file
    else:
        return None
    username, _, password = text.partition(":")
    if not username:
        raise SecretError(f"takes credentials from {where}, which must hold user:password")
    return Credentials(username, password)


def headers_of(own: OwnSource, environ: Mapping[str, str]) -> dict[str, str]:
    """Request headers of a web source. Raises ``SecretError``."""
    headers = dict(own.headers)
    headers |= {name: _variable(variable, environ) for name, variable in own.headers_env.items()}
    headers |= {name: _file(path) for name, path in own.headers_file.items()}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
            raise SecretError(f"sets the header {name[:80]!r}, which cannot be set")
        if not value.isascii() or not value.isprintable() or len(value) > _LIMIT_CHARS:
            raise SecretError(f"sets the header {name} to a value that is no line of plain ASCII")
    return headers


def _variable(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise SecretError(f"needs the environment variable {name}, which is not set")
    return value


def _file(path: str) -> str:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SecretError(f"needs {path}, which cannot be read ({why})") from error
    if not text:
        raise SecretError(f"needs {path}, which is empty")
    return text
