"""Past: the last results of each proxy, so that somebody who looks at one sees how it went."""

from __future__ import annotations

from struct import Struct as Layout
from typing import Final

from msgspec import Struct

from shoal.domain import Failure, Kind, Path, Reason, Record, Scheme, Stage

KEPT: Final = 40
"""Results of one proxy: as many as a strip on a phone has room for."""
_MEMORY: Final = 6_000_000
"""Bytes for the results of all: 13,000 proxies with all of theirs, or 50,000 with the last two. Who had none for
longest is forgotten first."""
_OVERHEAD: Final = 96
"""Bytes that a proxy's results take besides themselves."""
_LAYOUT: Final = Layout("<IHBBB")
"""When, milliseconds, scheme, failure, kind: nine bytes a result, where objects would take 300."""
_SCHEMES: Final = tuple(Scheme)
_FAILURES: Final = (None, *((stage, reason) for stage in Stage for reason in Reason))
_CODES: Final = {pair: code for code, pair in enumerate(_FAILURES)}
_KINDS: Final = (Kind.PROBE, Kind.USE)
_LONGEST_MS: Final = 65_535


class PastResult(Struct, frozen=True, gc=False):
    """One result. ``latency`` is the proxy's moving average after a success (seconds), 0 for not timed."""

    at: float
    scheme: Scheme
    kind: Kind
    latency: float = 0.0
    failure: Failure | None = None


class Past:
    """Reads results off the states that a record goes through, so that it does not matter which process checked."""

    def __init__(self, memory: int = _MEMORY) -> None:
        self._results: dict[str, bytes] = {}
        self._most = memory
        self._size = 0

    def change(self, old: Record | None, new: Record) -> None:
        """A record has a new state; ``old`` is None for one that was not known."""
        found: list[tuple[float, bytes]] = []
        before = {path.scheme: path for path in old.paths} if old is not None else {}
        kind = 1 if old is not None and old.checks == new.checks else 0
        for path in new.paths:
            known = before.get(path.scheme)
            if known is path:
                continue
            health = path.health
            if health.last_ok > (known.health.last_ok if known else 0.0):
                found.append((health.last_ok, _packed(health.last_ok, path, kind, 0)))
            if health.last_bad > (known.health.last_bad if known else 0.0):
                failure = path.failure
                code = _CODES[failure.stage, failure.reason] if failure is not None else 0
                if code:
                    found.append((health.last_bad, _packed(health.last_bad, path, kind, code)))
        if not found:
            return
        earlier = self._results.get(new.key, b"")
        self.forget(new.key)
        results = b"".join((earlier, *[packed for _, packed in sorted(found)]))[-KEPT * _LAYOUT.size :]
        self._results[new.key] = results
        self._size += len(results) + _OVERHEAD
        while self._size > self._most:
            self.forget(next(iter(self._results)))

    def forget(self, key: str) -> None:
        results = self._results.pop(key, None)
        if results is not None:
            self._size -= len(results) + _OVERHEAD

    def of(self, key: str) -> list[PastResult]:
        """The last results, oldest first; empty for what is not known."""
        return [
            PastResult(
                float(at),
                _SCHEMES[scheme],
                _KINDS[kind],
                0.0 if code else latency / 1000.0,
                None if (pair := _FAILURES[code]) is None else Failure(*pair),
            )
            for at, latency, scheme, code, kind in _LAYOUT.iter_unpack(self._results.get(key, b""))
        ]


def _packed(at: float, path: Path, kind: int, code: int) -> bytes:
    latency = min(round(path.timing.total * 1000.0), _LONGEST_MS)
    return _LAYOUT.pack(int(at) & 0xFFFFFFFF, latency, _SCHEMES.index(path.scheme), code, kind)
