"""Postings: which paths have a value, for filters that let few through. Made when a query first asks for a field."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final

from shoal.domain import Query
from shoal.engine.ranking import Entry
from shoal.engine.taken_in import TakenIn

_FIELDS: Final[dict[str, Callable[[Entry], tuple[Hashable, ...]]]] = {
    "countries": lambda entry: (entry.path.country or entry.record.country or "",),
    "asns": lambda entry: (entry.path.asn,),
    "sources": lambda entry: entry.record.sources,
    "tags": lambda entry: entry.record.tags,
    "schemes": lambda entry: (entry.path.scheme,),
    "trusts": lambda entry: (entry.record.trust,),
    "anonymities": lambda entry: (entry.path.anonymity,),
}
"""Fields of a query that name alternatives, and what a path has of each."""
_UNUSED: Final = 600.0
"""Seconds after which a field that nobody names is forgotten."""


class Postings:
    """The entries of a pool by value. ``entries`` walks through all of them."""

    def __init__(self, entries: Callable[[], Iterable[Entry]]) -> None:
        self._entries = entries
        self._fields: dict[str, _Field] = {}

    def advance(self, query: Query, now: float) -> bool:
        """Look at ``SLICE`` more entries for the fields that a query names; True when all of these are whole."""
        for name in _FIELDS:
            if getattr(query, name):
                field = self._fields.get(name)
                if field is None:
                    field = self._fields[name] = _Field(_FIELDS[name], self._entries())
                field.used_at = now
                if not field.advance():
                    return False
        return True

    def fewest(self, query: Query, enough: int, now: float) -> list[Entry] | None:
        """Entries among which are all that fit, of the field that lets the fewest through; None when every field lets
        more than ``enough`` through. Fields that nobody names for long are forgotten."""
        best: list[set[Entry]] | None = None
        least = enough + 1
        for name in _FIELDS:
            wanted: frozenset[Hashable] = getattr(query, name)
            if not wanted:
                continue
            field = self._fields.get(name)
            if field is None:
                for unused in [one for one, kept in self._fields.items() if now - kept.used_at > _UNUSED]:
                    del self._fields[unused]
                field = self._fields[name] = _Field(_FIELDS[name], self._entries())
            field.used_at = now
            while not field.advance():
                pass
            found = [field.by_value[value] for value in wanted if value in field.by_value]
            size = sum(map(len, found))
            if size < least:
                best, least = found, size
        return None if best is None else list(set().union(*best))

    def put(self, entry: Entry) -> None:
        """Add it, or move it to the values that it now has."""
        for field in self._fields.values():
            field.put(entry)

    def drop(self, entry: Entry) -> None:
        for field in self._fields.values():
            field.drop(entry)


class _Field(TakenIn):
    """The entries by their values of one field."""

    def __init__(self, values: Callable[[Entry], tuple[Hashable, ...]], entries: Iterable[Entry]) -> None:
        super().__init__(entries)
        self._values = values
        self._of: dict[Entry, tuple[Hashable, ...]] = {}
        self.by_value: dict[Hashable, set[Entry]] = {}

    def put(self, entry: Entry) -> None:
        values = self._values(entry)
        old = self._of.get(entry)
        if old == values:
            return
        if old is not None:
            self._leave(entry)
        self._of[entry] = values
        for value in values:
            self.by_value.setdefault(value, set()).add(entry)

    def _leave(self, entry: Entry) -> None:
        for value in self._of.pop(entry, ()):
            entries = self.by_value[value]
            entries.discard(entry)
            if not entries:
                del self.by_value[value]
