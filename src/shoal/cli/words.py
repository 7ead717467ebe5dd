"""Figures and failures in words, the same in every command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shoal.domain import Blame, Failure

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


def failure_words(kind: str) -> str:
    """``connect.timeout`` as people say it."""
    stage, _, reason = kind.partition(".")
    return f"{_STAGES.get(stage, stage)}: {_REASONS.get(reason, reason)}"


_BLAMES: Final = {
    "target": "the judge's fault, not the proxy's",
    "local": "this machine's fault, not the proxy's",
    "unknown": "nobody can tell whose fault",
}


def why(failure: Failure | None, blame: Blame | None) -> str:
    """The sentence for one failed check."""
    if failure is None:
        return "it did not work, and nobody knows why"
    detail = f" ({failure.detail})" if failure.detail else ""
    fault = _BLAMES.get(blame.value) if blame is not None else None
    return f"{failure_words(failure.kind)}{detail}{f'; {fault}' if fault else ''}"


def refusal_words(reason: str) -> str:
    """``bad_port`` as people say it."""
    from shoal.domain.refusal import REFUSAL_WORDS

    return REFUSAL_WORDS.get(reason, reason)


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


def span(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3.5 h``, ``2.0 d``."""
    for limit, unit, size in ((90.0, "s", 1.0), (5400.0, "min", 60.0), (172_800.0, "h", 3600.0)):
        if seconds < limit:
            return f"{seconds / size:.{1 if unit == 'h' else 0}f} {unit}"
    return f"{seconds / 86_400.0:.1f} d"
