"""Proxies in decoded JSON of any shape: objects with address and port, lists of strings, texts inside strings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from shoal.domain import Candidate, Refused, Scheme
from shoal.sources.extract.entry import Reading, build, is_v4, port_number, read_token
from shoal.sources.extract.json_tables import named_row, referred_records, table_rows
from shoal.sources.extract.json_text import BROKEN, load, whole_values
from shoal.sources.extract.labels import (
    ADDRESS,
    ENTRY,
    FOREIGN,
    NOT_PROXY,
    PROTOCOL,
    SCHEMES,
    SERVICES,
    normal,
)
from shoal.sources.extract.record import is_record, read_record
from shoal.sources.extract.text import read_line

DEPTH_LIMIT = 64
"""Levels of nesting that are followed; lists in use need at most six."""
LINE_FACTOR = 16
"""A line of JSON says more than an address: it may be so many times longer than one of text."""
_KEYS = {**{word: one for word, one in SCHEMES.items() if one is not None}, "https": Scheme.HTTP}
_TEXTS = frozenset(("body", "text", "content", "description", "selftext", "summary", "raw", "caption", "post"))
"""Keys under which people's words stand: an entry among them was meant for readers."""
Nested = Callable[[str, Scheme | None], Iterator[Reading]]
"""Reads a document found inside a string."""


def read_json(text: str, scheme: Scheme | None, limit: int, nested: Nested) -> Iterator[Reading]:
    """The readings of a JSON document, whole or not."""
    value = load(text)
    if value is not BROKEN:
        yield from walk(value, scheme, limit, nested)
        return
    for value in whole_values(text):
        yield from walk(value, scheme, limit, nested)


def read_json_line(line: str, scheme: Scheme | None, limit: int, nested: Nested) -> Iterator[Reading]:
    """One line of JSON lines."""
    line = line.strip().strip("\ufeff\x1e").rstrip(",")
    if not line or line in "[]":
        return
    if len(line) > limit * LINE_FACTOR:
        yield Refused.TOO_LONG
        return
    if line[0] not in '{["':
        yield from read_line(line, scheme)
        return
    yield from read_json(line, scheme, limit, nested)


def walk(value: Any, scheme: Scheme | None, limit: int, nested: Nested, depth: int = 0) -> Iterator[Reading]:
    """Everything under ``value``; keys named after a scheme (``{"socks5": [...]}``) claim it for what they hold."""
    if value is BROKEN or depth > DEPTH_LIMIT:
        yield Refused.MALFORMED
    elif isinstance(value, str):
        yield from _string(value, scheme, limit, nested)
    elif isinstance(value, list) and depth == 0 and (known := referred_records(value)):
        for one in known:
            yield from read_record(one, scheme)
    elif isinstance(value, list) and (fields := named_row(value)) is not None:
        yield from read_record(fields, scheme)
    elif isinstance(value, list):
        rows = table_rows(value)
        for item in value if rows is None else rows:
            yield from walk(item, scheme, limit, nested, depth + 1)
    elif isinstance(value, dict):
        fields = {normal(key): item for key, item in value.items() if isinstance(key, str)}
        if is_record(fields := _spelt_out(fields)):
            yield from read_record(fields, scheme)
            return
        if (rows := table_rows(value)) is not None:
            for item in rows:
                yield from walk(item, scheme, limit, nested, depth + 1)
            return
        for key, item in value.items():
            yield from _member(str(key), item, scheme, limit, nested, depth)


def _member(key: str, item: Any, scheme: Scheme | None, limit: int, nested: Nested, depth: int) -> Iterator[Reading]:
    word = normal(key)
    if word in NOT_PROXY or word in FOREIGN or word in SERVICES:
        return
    if isinstance(item, dict) and is_v4(key):
        fields = {normal(name): inner for name, inner in item.items() if isinstance(name, str)}
        yield from walk({**fields, "ip": key}, scheme, limit, nested, depth + 1)
        return
    if isinstance(item, int | str) and is_v4(key) and port_number(str(item)) is not None:
        yield build(key, str(item), scheme=scheme)
        return
    if ":" in key:
        reading = read_token(key, scheme, names=False)
        if reading is not None:
            if isinstance(reading, Candidate) and isinstance(item, dict):
                fields = {normal(name): inner for name, inner in item.items() if isinstance(name, str)}
                yield from read_record({**fields, "proxy": key}, scheme)
            else:
                yield reading
            return
    if (
        isinstance(item, str)
        and "\n" not in item
        and "<" not in item
        and not _entry_like(item, scheme)
        and not _is_json(item)
    ):
        if word in _TEXTS:
            yield from read_line(item, scheme, prose=True)
        return
    yield from walk(item, _KEYS.get(word, scheme), limit, nested, depth + 1)


def _spelt_out(fields: dict[str, Any]) -> dict[str, Any]:
    """``{"i": "192.0.2.1", "p": 80}``: keys cut to a letter are believed where they hold what they stand for; an object
    under the address's name is part of the record."""
    for name, inner in fields.items():
        if isinstance(inner, dict) and (name in ADDRESS or name in ENTRY):
            own = {normal(key): item for key, item in inner.items() if isinstance(key, str)}
            rest = {key: item for key, item in fields.items() if key != name and not isinstance(item, list | dict)}
            if is_record(own) and any(key in PROTOCOL for key in rest):
                return {**rest, **own}
    port = fields.get("p")
    for short in ("i", "h", "a", "s"):
        host = fields.get(short)
        if isinstance(host, str) and is_v4(host) and isinstance(port, int | str) and port_number(str(port)) is not None:
            return {**fields, "ip": host, "port": port}
    return fields


def _is_json(text: str) -> bool:
    """A document inside a text: the answer of one service handed on by another."""
    return len(text) > 20 and text[0] in "[{" and text[-1] in "]}" and '"' in text


def _entry_like(item: str, scheme: Scheme | None) -> bool:
    """A lone string under some key is read only when it starts with an entry: prose there is not a list."""
    words = item.replace(",", " ").split(maxsplit=1)
    return bool(words) and ":" in words[0] and read_token(words[0], scheme, names=False) is not None


def _string(value: str, scheme: Scheme | None, limit: int, nested: Nested) -> Iterator[Reading]:
    if _is_json(value) or "\n" in value or "<" in value or "\r" in value:
        yield from nested(value, scheme)
    elif len(value) > limit and " " not in value and "," not in value:
        yield Refused.TOO_LONG
    else:
        yield from read_line(value, scheme)
