"""Figures and failures in words, the same in every command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_STAGES: Final = {
    "resolve": "looking up the name",
    "connect": "connecting",
    "proxy_tls": "TLS to the proxy",
    "handshake": "handshake",
    "tunnel": "opening the tunnel",
    "target_tls": "TLS through the tunnel",
    "send": "sending",
    "receive": "waiting for the answer",
    "content": "judging the answer",
}
_REASONS: Final = {
    "timeout": "timed out",
    "refused": "refused",
    "reset": "reset",
    "unreachable": "unreachable",
    "eof": "closed early",
    "malformed": "not what was asked",
    "auth": "wants another password",
    "denied": "denied",
    "bad_status": "error status",
    "cert": "wrong certificate",
    "mismatch": "not the judge's",
    "local_limit": "limit of this machine",
}
_REFUSALS: Final = {
    "too_long": "line too long",
    "malformed": "no proxy in it",
    "bad_address": "bad address",
    "bad_port": "bad port",
    "loopback": "loopback",
    "private": "private network",
    "link_local": "link-local",
    "multicast": "multicast",
    "reserved": "reserved network",
    "denied": "on the deny list",
    "duplicate": "duplicate",
    "host_cap": "too many ports on one host",
    "net_cap": "too many in one network",
    "tombstone": "deleted lately",
    "full": "no room",
}


def failure_words(kind: str) -> str:
    """``connect.timeout`` as people say it."""
    stage, _, reason = kind.partition(".")
    return f"{_STAGES.get(stage, stage)}: {_REASONS.get(reason, reason)}"


def refusal_words(reason: str) -> str:
    """``bad_port`` as people say it."""
    return _REFUSALS.get(reason, reason)


def top(counts: Mapping[str, int], limit: int) -> list[tuple[str, int]]:
    """The largest counts, largest first; equal ones by name."""
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda item: (-item[1], item[0]))[
        :limit
    ]


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """``http 12, socks5 3``."""
    return ", ".join(f"{name} {count:,}" for name, count in counts)


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 source``, ``2 sources``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def first_few(names: Iterable[str], limit: int = 4) -> str:
    """``a, b, c, d and 7 more``."""
    every = list(names)
    rest = len(every) - limit
    return ", ".join(every[:limit]) + (f" and {rest} more" if rest > 0 else "")
