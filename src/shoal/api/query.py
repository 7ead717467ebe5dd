"""Query strings: the filters of ``policy.query_text`` and what only HTTP has (format, credentials)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from shoal.domain import Query
from shoal.errors import InvalidQueryError
from shoal.policy.query_text import FIELDS, parse_query

DEFAULT_LIMIT: Final = 100
"""Rows when the client names no limit."""
PICK_FIELDS: Final = tuple(name for name in FIELDS if name not in ("limit", "order"))
_FORMATS: Final = ("json", "txt")
_SWITCH: Final = {"1": True, "true": True, "0": False, "false": False}


class Wanted(Struct, frozen=True):
    """A query and how to show what it finds."""

    query: Query
    text: bool = False
    credentials: bool = False


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


def read_wanted(query_string: bytes, *, limit: int, fields: Collection[str] = FIELDS) -> Wanted:
    """What a ``/v1`` query string asks for, at most ``limit`` rows. Raises InvalidQueryError."""
    if not query_string:
        return Wanted(Query(limit=min(limit, DEFAULT_LIMIT)))
    filters = []
    own: dict[str, str] = {}
    for name, value in params_of(query_string):
        if name not in ("format", "credentials"):
            filters.append((name, value))
        elif name in own:
            raise InvalidQueryError(name, f"{name} may be given once only")
        else:
            own[name] = value
    if own.get("format", "json") not in _FORMATS:
        raise InvalidQueryError("format", "format must be json or txt")
    if own.get("credentials", "0") not in _SWITCH:
        raise InvalidQueryError("credentials", "credentials must be 1 or 0")
    query = parse_query(filters, fields=fields, limit_max=limit)
    if query.limit is None:
        query = replace(query, limit=min(limit, DEFAULT_LIMIT))
    return Wanted(query, own.get("format") == "txt", _SWITCH[own.get("credentials", "0")])
