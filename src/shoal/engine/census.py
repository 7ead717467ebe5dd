"""Census: counts of what works, kept up one record at a time, so that asking costs nothing."""

from __future__ import annotations

from collections import Counter
from typing import Final

from shoal.domain import Record

_OF_PATHS: Final = ("scheme", "anonymity", "honesty", "country")
_OF_RECORDS: Final = ("working", "source")


class Census:
    """Paths whose last check or use worked by scheme, anonymity, honesty and country of the exit; records with such a
    path (``working``), and those by source. A country that nobody knows is left out."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in (*_OF_PATHS, *_OF_RECORDS)}

    def change(self, old: Record | None, new: Record | None) -> None:
        """A record came (no ``old``), went (no ``new``) or changed."""
        if old is not None:
            self._add(old, -1)
        if new is not None:
            self._add(new, 1)

    def summary(self) -> dict[str, Counter[str]]:
        """The counts above nought."""
        return {name: +counter for name, counter in self._counts.items()}

    def _add(self, record: Record, by: int) -> None:
        counts = self._counts
        alive = False
        for path in record.paths:
            if not path.health.is_up:
                continue
            alive = True
            counts["scheme"][path.scheme.value] += by
            counts["anonymity"][path.anonymity.value] += by
            counts["honesty"][path.honesty.value] += by
            country = path.country or record.country
            if country:
                counts["country"][country] += by
        if alive:
            counts["working"]["records"] += by
            for source in record.sources:
                counts["source"][source] += by
