"""Query strings: the filters of ``policy.query_text`` and what only HTTP has (format, credentials, cursor, n)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from shoal.api.paging import read_cursor
from shoal.domain import Query
from shoal.errors import InvalidQueryError
from shoal.export import Format
from shoal.policy.query_text import FIELDS, parse_query

DEFAULT_LIMIT: Final = 100
"""Rows when the client names no limit."""
PICK_LIMIT: Final = 100
"""Distinct proxies of one pick."""
PICK_FIELDS: Final = tuple(name for name in FIELDS if name not in ("limit", "order"))
_SHOWN: Final = ("format", "credentials")
_SWITCH: Final = {"1": True, "true": True, "0": False, "false": False}


class Wanted(Struct, frozen=True):
    """A query and how to show what it finds. ``n`` is None where one is wanted."""

    query: Query
    format: Format = Format.JSON
    credentials: bool = False
    cursor: int | None = None
    n: int | None = None


def params_of(query_string: bytes) -> list[tuple[str, str]]:
    """Name and value pairs; raises InvalidQueryError when they are no UTF-8."""
    if not query_string:
        return []
    try:
        return parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError as error:
        raise InvalidQueryError(
            "query", "the query string is not percent-encoded UTF-8 of 200 fields at most"
        ) from error


def read_wanted(
    query_string: bytes, *, limit: int, fields: Collection[str] = FIELDS, more: Collection[str] = ()
) -> Wanted:
    """What a ``/v1`` query string asks for, at most ``limit`` rows; ``more`` may be ``cursor`` and ``n``.

    Raises InvalidQueryError.
    """
    if not query_string:
        return Wanted(Query(limit=min(limit, DEFAULT_LIMIT)))
    filters = []
    own: dict[str, str] = {}
    for name, value in params_of(query_string):
        if name not in _SHOWN and name not in more:
            filters.append((name, value))
        elif name in own:
            raise InvalidQueryError(name, f"{name} may be given once only")
        else:
            own[name] = value
    query = parse_query(filters, fields=fields, limit_max=limit)
    if query.limit is None:
        query = replace(query, limit=min(limit, DEFAULT_LIMIT))
    cursor = read_cursor(own["cursor"]) if "cursor" in own else None
    return Wanted(query, _format(own), read_switch("credentials", own.get("credentials", "0")), cursor, _n(own))


def read_switch(name: str, text: str) -> bool:
    """Raises InvalidQueryError."""
    if text not in _SWITCH:
        raise InvalidQueryError(name, f"{name} must be 1 or 0")
    return _SWITCH[text]


def _format(own: dict[str, str]) -> Format:
    try:
        return Format(own.get("format", "json"))
    except ValueError:
        raise InvalidQueryError("format", f"format must be one of {', '.join(Format)}") from None


def _n(own: dict[str, str]) -> int | None:
    text = own.get("n")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= PICK_LIMIT):
        raise InvalidQueryError("n", f"n must be a whole number from 1 to {PICK_LIMIT}")
    return int(text)
