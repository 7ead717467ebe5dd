"""Pending: new states that wait to be written, each with the steps that led to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TypeAlias

from shoal.domain import Record

Step: TypeAlias = Callable[[Record], Record]
"""From a record's state to the one after an observation."""


class Unsaved:
    """``record`` came from the stored version ``base`` by ``steps``."""

    __slots__ = ("base", "record", "steps")

    def __init__(self, base: int, steps: list[Step], record: Record) -> None:
        self.base = base
        self.steps = steps
        self.record = record

    def is_standing(self, stored: Record) -> bool:
        """True when ``stored`` is this very state: it was written, and only the answer was lost."""
        record = self.record
        return (stored.version, stored.last_check, stored.paths) == (record.version, record.last_check, record.paths)

    def led_from(self, stored: Record) -> Record:
        """The state that the same steps make of another one."""
        for step in self.steps:
            stored = step(stored)
        return stored


class Pending:
    """The oldest first. No await, so that nothing comes between looking and changing."""

    def __init__(self) -> None:
        self._unsaved: dict[str, Unsaved] = {}

    def __len__(self) -> int:
        return len(self._unsaved)

    def keys(self) -> tuple[str, ...]:
        return tuple(self._unsaved)

    def record(self, key: str) -> Record | None:
        unsaved = self._unsaved.get(key)
        return None if unsaved is None else unsaved.record

    def add(self, before: Record, step: Step) -> Record:
        """One step more from ``before``; the state that it leads to."""
        record = step(before)
        unsaved = self._unsaved.get(before.key)
        if unsaved is None:
            self._unsaved[before.key] = Unsaved(before.version, [step], record)
        else:
            unsaved.steps.append(step)
            unsaved.record = record
        return record

    def drop(self, key: str) -> None:
        self._unsaved.pop(key, None)

    def take(self, limit: int) -> dict[str, Unsaved]:
        keys = list(islice(self._unsaved, limit))
        return {key: self._unsaved.pop(key) for key in keys}

    def put_back(self, batch: Mapping[str, Unsaved]) -> None:
        """What could not be written, before what is newer by now."""
        newer = self._unsaved
        self._unsaved = dict(batch)
        for key, unsaved in newer.items():
            older = self._unsaved.get(key)
            if older is not None:
                unsaved = Unsaved(older.base, [*older.steps, *unsaved.steps], unsaved.record)
            self._unsaved[key] = unsaved

    def lead_anew(self, unsaved: Unsaved, stored: Record) -> Record:
        """Another process wrote ``stored`` meanwhile: take the same steps from there; the state they lead to."""
        newer = self._unsaved.get(stored.key)
        steps = unsaved.steps if newer is None else [*unsaved.steps, *newer.steps]
        anew = Unsaved(stored.version, steps, stored)
        anew.record = anew.led_from(stored)
        self._unsaved[stored.key] = anew
        return anew.record
