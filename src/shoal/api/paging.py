"""Cursors: where a page of a list ended, so that the next one goes on there whatever came and went meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from shoal.domain import Order, Pick, Scheme
from shoal.errors import InvalidQueryError

CURSOR_PATTERN: Final = (
    rf"-?[0-9]{{1,13}}\.[0-9]{{6}}~[0-9a-f]{{16}}~(?:{'|'.join(sorted((one.value for one in Scheme), reverse=True))})"
)
_CURSOR: Final = re.compile(CURSOR_PATTERN, re.ASCII)
_UNKNOWN: Final = 1e12
"""In place of a latency that nobody measured: behind all others."""


class Cursor(Struct, frozen=True):
    """The last row of a page: its value in the order of the list, its id and scheme."""

    value: float
    id: str
    scheme: str


def cursor_text(pick: Pick, order: Order) -> str:
    """The cursor of the page that ``pick`` ends."""
    return f"{_value(pick, order):.6f}~{pick.record.id}~{pick.path.scheme.value}"


def read_cursor(text: str) -> Cursor:
    """Raises InvalidQueryError for what no page gave. It means something in the order of that page only."""
    if _CURSOR.fullmatch(text) is None:
        raise InvalidQueryError("cursor", "cursor must be the X-Next-Cursor of the page before")
    value, id, scheme = text.split("~")
    return Cursor(float(value), id, scheme)


def in_pages(picks: Sequence[Pick], order: Order) -> list[Pick]:
    """A list in the order of cursors: as ``policy.selection.ordered`` has it, equals by id and scheme."""
    return sorted(picks, key=lambda pick: _place(pick, order))


def rest_after(picks: Sequence[Pick], order: Order, cursor: Cursor) -> Sequence[Pick]:
    """What of a list in the order of cursors comes after this one."""
    last = (cursor.value, cursor.id, cursor.scheme)
    for number, pick in enumerate(picks):
        if _place(pick, order) > last:
            return picks[number:]
    return ()


def _place(pick: Pick, order: Order) -> tuple[float, str, str]:
    return _value(pick, order), pick.record.id, pick.path.scheme.value


def _value(pick: Pick, order: Order) -> float:
    """What the list rises by, as exact as a cursor tells it."""
    if order is Order.FORECAST:
        return round(-pick.forecast.probability, 6)
    if order is Order.LATENCY:
        return round(pick.path.timing.total or _UNKNOWN, 6)
    return round(-(pick.record.last_check if order is Order.LAST_CHECK else pick.record.first_seen), 6)
