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

    __slots__ = ("_kept", "_known")

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._known: dict[_T, _T] = {}

    def __call__(self, value: _T) -> _T:
        known = self._known.get(value)
        if known is not None:
            return known
        if len(self._known) >= self._kept:
            self._known.clear()
        self._known[value] = value
        return value


share_text: Final = Sharing[str]()
share_number: Final = Sharing[int]()
share_seconds: Final = Sharing[float](65_536)
"""Timings, and times to a tenth of a second: in ten minutes there are 6,000 of each kind, and to forget them while more
come would be to keep them several times."""
share_failure: Final = Sharing[Failure]()
