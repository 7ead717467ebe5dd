"""Dumps of databases: the rows of ``INSERT INTO ... VALUES``, under the names of their columns where given."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from shoal.domain import Candidate, Scheme
from shoal.sources.extract.entry import Reading
from shoal.sources.extract.labels import normal
from shoal.sources.extract.record import is_record, read_record
from shoal.sources.extract.text import read_line

_INSERT = re.compile(
    r"\b(?:INSERT|REPLACE)\s+(?:IGNORE\s+|OR\s+\w{1,12}\s+)?INTO\s+[\w.\"'`\[\]-]{1,200}\s*"
    r"(?:\(([^()]{1,2000})\)\s*)?VALUES?\s*",
    re.IGNORECASE,
)
_ROW = re.compile(r"\(((?:[^()'\"]++|'(?:[^'\\]|\\.|'')*+'|\"(?:[^\"\\]|\\.)*+\")*+)\)", re.DOTALL)
_ROW_LIMIT = 4096


def is_sql(head: str) -> bool:
    """True for a dump that inserts rows."""
    return "into" in head.lower() and _INSERT.search(head) is not None


def read_sql(text: str, scheme: Scheme | None) -> Iterator[Reading]:
    """The readings of every row that is inserted."""
    starts = list(_INSERT.finditer(text))
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        names = [normal(name) for name in (start[1] or "").split(",")] if start[1] else []
        for row in _ROW.finditer(text, start.end(), end):
            if len(row[1]) <= _ROW_LIMIT:
                yield from _read_row(row[1], names, scheme)


def _read_row(row: str, names: list[str], scheme: Scheme | None) -> Iterator[Reading]:
    # A row is one line for csv, which takes a carriage return, too, for the end of one.
    line = row.replace("\r", " ").replace("\n", " ")
    cells = [_bare(cell) for cell in next(csv.reader([line], quotechar="'", skipinitialspace=True), [])]
    fields = {name: cell for name, cell in zip(names, cells, strict=False) if name and cell.upper() != "NULL"}
    if is_record(fields):
        yield from read_record(fields, scheme)
        return
    yield from (one for one in read_line(",".join(cells), scheme) if isinstance(one, Candidate))


def _bare(cell: str) -> str:
    return cell.strip().strip("\"'")
