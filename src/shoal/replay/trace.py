"""Traces: the history of a list that re-validates its proxies, as ``data/churn`` keeps it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct


class TraceError(ValueError):
    """A file that is no trace, or one without the protocol asked for; the text says which."""


class Trace(Struct, frozen=True):
    """``times`` are the epoch seconds of the snapshots; ``alive[n]`` names those found working then."""

    protocol: str
    times: tuple[float, ...]
    alive: tuple[frozenset[str], ...]


def read_trace(path: Path, protocol: str) -> Trace:
    """One protocol of a trace file, plain or gzip. Raises TraceError and OSError.

    Rows are ``snapshots,PROTOCOL,T1 T2 …`` (every snapshot) and ``PROTOCOL,HOST:PORT,T1 T2 …`` (those that listed the
    proxy), times in UTC epoch seconds, rows in no particular order.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    try:
        if packed:
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                return parse_trace(lines, protocol)
        with path.open(encoding="utf-8") as lines:
            return parse_trace(lines, protocol)
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise TraceError(f"{path} is damaged: {error}") from error


def parse_trace(lines: Iterable[str], protocol: str) -> Trace:
    """The same from lines of text."""
    times: list[int] = []
    rows: list[tuple[str, list[int]]] = []
    protocols: set[str] = set()
    for number, line in enumerate(lines, 1):
        fields = line.rstrip("\r\n").split(",")
        if fields == [""]:
            continue
        try:
            kind, name, moments = fields
            if kind == "snapshots":
                protocols.add(name)
                if name == protocol:
                    times += map(int, moments.split())
            elif kind == protocol:
                rows.append((name, [int(moment) for moment in moments.split()]))
        except ValueError as error:
            raise TraceError(
                f"line {number} is not 'snapshots,PROTOCOL,TIMES' or 'PROTOCOL,HOST:PORT,TIMES'"
            ) from error
    if not times:
        there = ", ".join(sorted(protocols)) or "none"
        raise TraceError(f"the trace has no snapshots of {protocol} (there are: {there})")
    ordered = sorted(set(times))
    place = {moment: index for index, moment in enumerate(ordered)}
    alive: list[set[str]] = [set() for _ in ordered]
    for name, seen in rows:
        for moment in seen:
            if moment not in place:
                raise TraceError(f"{name} is listed at {moment}, when there is no snapshot of {protocol}")
            alive[place[moment]].add(name)
    return Trace(protocol, tuple(map(float, ordered)), tuple(map(frozenset, alive)))
