"""Figures and failures in words, the same in every command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shoal.policy.failure_words import failure_words as failure_words
from shoal.policy.failure_words import why as why


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
