"""Sharing: equal values that many records have are kept in memory once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from shoal.domain.failure import Failure

_T = TypeVar("_T", bound=Hashable)

_KEPT: Final = 16_384
"""Values of one kind that are known again, at most 2 MB of them; when there are more, all are forgotten, and what has
them keeps them."""


class Sharing(Generic[_T]):
    """Call it with a value to get the one that stands for all equal ones. Only for values of one type that never
    change."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[_T, _T] = {}

    def __call__(self, value: _T) -> _T:
        known = self._known.get(value)
        if known is not None:
            return known
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[value] = value
        return value


share_text: Final = Sharing[str]()
share_number: Final = Sharing[int]()
share_seconds: Final = Sharing[float]()
share_failure: Final = Sharing[Failure]()
