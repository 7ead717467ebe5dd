"""Delimited text under a head line. Without a head the lines are read as plain text, which knows neighbouring cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from shoal.domain import Candidate, Refused, Scheme
from shoal.sources.extract.entry import Reading, clip
from shoal.sources.extract.labels import ADDRESS, ENTRY, NOT_ADDRESS, NOT_PORT, NOT_PROXY, PORT, normal
from shoal.sources.extract.record import is_record, read_record
from shoal.sources.extract.text import read_line

_COUNTED = tuple(NOT_PORT)
_DELIMITERS = ",;\t|"
_LINK = re.compile(r"\[([^\[\]]{1,200})\]\([^()\s]{1,500}\)")
_CODE = re.compile(r"[{}=<>]|\w\(\w+\(|^[^(]*\)")
"""What a cell of a head does not hold: pieces of programs have words and commas, too."""


class Head(NamedTuple):
    """The delimiter and the normalised names of the columns."""

    delimiter: str
    names: tuple[str, ...]


def split(line: str, delimiter: str) -> list[str]:
    """The cells of one line; a quote that never closes ends with its line."""
    try:
        return [_bare(cell) for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:
        return [cell.strip() for cell in line.split(delimiter)]


def _bare(cell: str) -> str:
    """A cell without quotes and the marks that Markdown tables decorate values with."""
    cell = cell.strip().strip("'`*_ ")
    link = _LINK.fullmatch(cell)
    return link[1].strip("`* ") if link else cell


def head_of(line: str) -> Head | None:
    """The head when the line is one: names of columns, an address and its port among them."""
    line = line.strip().lstrip("\ufeff#").strip()
    for delimiter in _DELIMITERS:
        if delimiter not in line:
            continue
        cells = split(line, delimiter)
        if any(len(cell) > 60 or _CODE.search(cell) for cell in cells):
            continue
        names = tuple(map(normal, cells))
        known = set(names)
        if known & ADDRESS and known & PORT:
            return Head(delimiter, names)
        if (
            len(known) > 1
            and known & (ENTRY | ADDRESS | NOT_PROXY | NOT_ADDRESS)
            and not any(name.isdigit() for name in names)
        ):
            return Head(delimiter, names)
    return None


def is_csv(text: str) -> bool:
    """True when one of the first lines, before any entry, is a head."""
    return find_head(text.split("\n", 12)[:12]) is not None


def find_head(lines: list[str]) -> Head | None:
    for line in lines:
        if line.strip() and len(line) < 2048:
            head = head_of(line)
            if head is not None:
                return head
            if any(isinstance(reading, Candidate) for reading in read_line(line)):
                return None
    return None


def read_row(line: str, head: Head, scheme: Scheme | None) -> Iterator[Reading]:
    """One line under its head; a line that does not fit the head is read as plain text."""
    if not line.strip() or head_of(line) is not None:
        return
    if "\0" in line:
        yield Refused.MALFORMED
        return
    cells = split(line, head.delimiter)
    fields = {name: cell for name, cell in zip(head.names, cells, strict=False) if name}
    if not is_record(fields):
        if not any(name in ADDRESS or name in ENTRY for name in head.names) or _counts(head.names):
            # Every address here is somebody else's, where packets came from and went; or none has a port.
            yield Refused.MALFORMED
        else:
            yield from read_line(line, scheme)
        return
    shown = clip(line)
    for reading in read_record(fields, scheme):
        yield replace(reading, text=shown) if isinstance(reading, Candidate) else reading


def _counts(names: tuple[str, ...]) -> bool:
    """True when the head names no port and what stands behind the address is a count."""
    if any(name in PORT or name in ENTRY for name in names):
        return False
    return any(first in ADDRESS and second.endswith(_COUNTED) for first, second in pairwise(names))


def read_csv(text: str, scheme: Scheme | None, limit: int) -> Iterator[Reading]:
    """Every row of a document that starts with a head."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    head = find_head(lines[:12])
    for line in lines:
        if len(line) > limit:
            yield Refused.TOO_LONG
        elif head is None:
            yield from read_line(line, scheme)
        else:
            yield from read_row(line, head, scheme)
