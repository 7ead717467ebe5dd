"""Tables inside JSON: names of columns beside rows, rows whose first one is the head, one list for each column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from shoal.sources.extract.entry import is_v4, port_number
from shoal.sources.extract.labels import ADDRESS, ENTRY, PORT, normal, scheme_words
from shoal.sources.extract.record import is_record

_WIDTH_LIMIT = 200
_TAG = re.compile(r"<[^<>]{0,300}>")


def table_rows(value: Any) -> Iterator[dict[str, Any]] | None:
    """The rows of a table as fields with normalised names, or None when the value is none."""
    if isinstance(value, dict):
        return _columnar(value) or _beside(value)
    if isinstance(value, list) and len(value) > 1 and isinstance(value[0], list):
        names = _head(value[0])
        return _zipped(names, value[1:]) if names else None
    return None


def named_row(row: list[Any]) -> dict[str, Any] | None:
    """``[7, "192.0.2.1", 80, "socks5"]``: a row without names, by what its cells hold."""
    if len(row) > _WIDTH_LIMIT:
        return None
    cells = [_TAG.sub("", item).strip() if isinstance(item, str) and "<" in item else item for item in row]
    for host, port in pairwise(cells):
        whole = isinstance(port, str | int) and not isinstance(port, bool) and port_number(str(port)) is not None
        if isinstance(host, str) and whole and is_v4(host):
            said = next((item for item in cells if isinstance(item, str) and len(item) < 20 and scheme_words(item)), "")
            return {"ip": host, "port": port, "protocol": said}
    return None


def _beside(value: Mapping[str, Any]) -> Iterator[dict[str, Any]] | None:
    """``{"columns": ["ip", "port"], "rows": [["192.0.2.1", 80]]}`` under any names."""
    lists = [item for item in value.values() if isinstance(item, list) and item]
    names = next((found for item in lists if (found := _head(item))), ())
    rows = next((item for item in lists if all(isinstance(row, list) for row in item[:5])), None)
    return _zipped(names, rows) if names and rows is not None else None


def _columnar(value: Mapping[str, Any]) -> Iterator[dict[str, Any]] | None:
    """``{"ip": [...], "port": [...]}``: lists of one length."""
    lists = {
        normal(key): item for key, item in value.items() if isinstance(key, str) and isinstance(item, list) and item
    }
    if not (lists.keys() & ADDRESS and lists.keys() & PORT):
        return None
    lengths = {len(item) for name, item in lists.items() if name in ADDRESS or name in PORT}
    if len(lengths) != 1 or any(isinstance(item[0], list | dict) for name, item in lists.items() if name in ADDRESS):
        return None
    names = tuple(name for name, item in lists.items() if len(item) in lengths)
    return _zipped(names, list(zip(*(lists[name] for name in names), strict=True)))


def _head(value: list[Any]) -> tuple[str, ...]:
    """The names of columns when the list is one of those: words, or objects that have a name."""
    if len(value) > _WIDTH_LIMIT:
        return ()
    words = [
        item.get("name", item.get("field", item.get("title"))) if isinstance(item, dict) else item for item in value
    ]
    names = tuple(normal(word) if isinstance(word, str) else "" for word in words)
    known = set(names)
    return names if (known & ADDRESS and known & PORT) or (len(known) > 1 and known & ENTRY and known & PORT) else ()


def _zipped(names: tuple[str, ...], rows: list[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if isinstance(row, list | tuple):
            yield {name: item for name, item in zip(names, row, strict=False) if name}


def referred_records(values: list[Any]) -> list[dict[str, Any]]:
    """The records of a list whose objects name their members by place in it, as pages hand their state to scripts."""
    found = []
    for item in values if len(values) > 5 else ():
        if not isinstance(item, dict) or not item:
            continue
        places = list(item.values())
        if all(isinstance(place, int) and not isinstance(place, bool) and 0 < place < len(values) for place in places):
            fields = {normal(key): values[place] for key, place in item.items() if isinstance(key, str)}
            if is_record(fields):
                found.append(fields)
    return found
