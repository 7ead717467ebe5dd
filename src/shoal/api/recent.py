"""What was made lately, to be used again: bounded."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from shoal.domain import Path, Record

_K = TypeVar("_K")
_V = TypeVar("_V")

_KEY_BYTES: Final = 512
"""Longer keys are not kept: a client may make up as many as it likes."""


class Recent(Generic[_K, _V]):
    """A dictionary that begins anew when it is full: what is used often is soon made again, and nothing is kept up for
    what is not."""

    def __init__(self, size: int = 1_024) -> None:
        self._size = size
        self._values: dict[_K, _V] = {}
        self.get = self._values.get

    def put(self, key: _K, value: _V) -> None:
        if isinstance(key, bytes) and len(key) > _KEY_BYTES:
            return
        if len(self._values) >= self._size and key not in self._values:
            self._values.clear()
        self._values[key] = value


def place_of(record: Record, path: Path) -> Hashable:
    """Where that is kept which was made of a record's path: what was made of its earlier states makes room for it."""
    return record.key if path is record.paths[0] else (record.key, path.scheme)
