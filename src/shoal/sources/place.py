"""Where a source is read: is the place fit to be asked, and how may it be shown."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from shoal.domain import Refused, Scheme, Trust
from shoal.domain.address import canonical_host, is_ip
from shoal.policy.address_rules import AddressRules

STDIN = "-"
PYTHON = "python:"
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_SECRET_PARAMETERS = ("key", "token", "secret", "pass", "auth", "sign", "user", "order")


def split_scheme(text: str) -> tuple[Scheme | None, str]:
    """The ``SCHEME=`` before an entry, and the entry."""
    head, equals, rest = text.partition("=")
    if equals and head.lower() in set(Scheme):
        return Scheme(head.lower()), rest.strip()
    return None, text


def path_problem(path: str) -> str | None:
    """What is wrong with the name of a file or folder, in a sentence; None when it is there."""
    if not path:
        return "A source is empty; name a URL or a file."
    if not Path(path).expanduser().exists():
        return f"{path} does not exist; name a file that does, or a URL that begins with http:// or https://."
    return None


def function_problem(function: str) -> str | None:
    """What is wrong with ``module:function``. Whether it exists is found out when it is called."""
    if _FUNCTION.fullmatch(function):
        return None
    return f"python:{function} names no function; write python:module:function."


def url_problem(url: str, rules: AddressRules) -> str | None:
    """What is wrong with a URL, in a sentence that shows no secret; None when it may be asked."""
    shown = public_name(url)
    try:
        parts = urlsplit(url)
        name, _ = parts.hostname, parts.port
    except ValueError:
        return f"{shown} cannot be understood as a URL."
    if parts.scheme.lower() not in ("http", "https"):
        return f"{shown} cannot be read; sources are http and https URLs or files."
    return host_problem(name or "", shown, rules)


def host_problem(name: str, shown: str, rules: AddressRules) -> str | None:
    """What is wrong with a host that the user named."""
    host = canonical_host(name)
    if isinstance(host, Refused):
        return f"{shown} does not name a host that can be asked."
    why = rules.refusal(host, Trust.OWN)
    if why is None:
        return None
    if why is Refused.DENIED:
        return f"{shown}: {host} is on your deny list."
    if why is Refused.LOOPBACK and ":" not in host:
        opens = "127.0.0.0/8"
    elif is_ip(host):
        opens = f"{host}/128" if ":" in host else f"{host}/32"
    else:
        opens = "127.0.0.0/8 (or the network it lies in)"
    return f"{shown}: {host} is a {why.value.replace('_', '-')} address; add --allow {opens} if it is yours."


def public_name(spec: str) -> str:
    """The specification as it may be shown and logged: without password, and without what looks like a token."""
    if "://" not in spec:
        return "stdin" if spec == STDIN else spec
    try:
        parts = urlsplit(spec)
        host = parts.netloc.rpartition("@")[2]
        return SplitResult(parts.scheme, host, parts.path, _public_query(parts.query), "").geturl()
    except ValueError:
        return spec.partition("://")[0] + "://…"


def _public_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    hidden = [
        (key, "***" if any(word in key.lower() for word in _SECRET_PARAMETERS) else value) for key, value in pairs
    ]
    return urlencode(hidden, quote_via=quote, safe="*,:/") if pairs else query


def unique(name: str, text: str, taken: set[str]) -> str:
    """Two lists that differ only in what is hidden still need two names, the same ones after each start."""
    return f"{name}#{hashlib.blake2b(text.encode(), digest_size=3).hexdigest()}" if name in taken else name
