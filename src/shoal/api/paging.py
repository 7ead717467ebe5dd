"""Cursors: the place where a page of a list ended, so that the next one goes on there whatever came and went."""

from __future__ import annotations

import re
from typing import Final

from shoal.errors import InvalidQueryError

CURSOR_PATTERN: Final = "[0-9a-f]{1,40}"
_CURSOR: Final = re.compile(CURSOR_PATTERN, re.ASCII)


def cursor_text(place: int) -> str:
    """The cursor of the page that ends at ``place``."""
    return f"{place:x}"


def read_cursor(text: str) -> int:
    """The place. Raises InvalidQueryError for what no page gave; it means something in the order of that page only."""
    if _CURSOR.fullmatch(text) is None:
        raise InvalidQueryError("cursor", "cursor must be the X-Next-Cursor of the page before")
    return int(text, 16)
