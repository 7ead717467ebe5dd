"""What was made lately, to be used again: bounded."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

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
        if len(self._values) >= self._size:
            self._values.clear()
        self._values[key] = value
