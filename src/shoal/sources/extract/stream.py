"""Huge lists in bounded memory: bytes come in pieces, readings go out in the order of the lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

from shoal.domain import Candidate, Refused, Scheme
from shoal.sources.extract.charset import decode, mark_of
from shoal.sources.extract.entry import Reading, clip

_ENDS = re.compile(rb"\r\n|\n|\r")
LineReader = Callable[[str], Iterable[Reading]]


class Claims(Protocol):
    """Who knows what the lines at hand are claimed to be."""

    claim: Scheme | None


def as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same document in UTF-8 without byte-order mark, when a mark says that it is in something else."""
    head = b""
    source = iter(chunks)
    for chunk in source:
        head += chunk
        if len(head) >= 4:
            break
    marked = mark_of(head)
    if marked is None:
        yield head
        yield from source
        return
    charset, length = marked
    if charset == "utf-8":
        yield head[length:]
        yield from source
        return
    decoder = codecs.getincrementaldecoder(charset)("replace")
    for chunk in chain([head[length:]], source):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def iter_lines(chunks: Iterable[bytes], limit: int = 4096) -> Iterator[bytes | None]:
    """Lines without their ends; None stands for each that is longer than ``limit`` bytes and was not kept."""
    carry = b""
    dropping = False
    for chunk in chunks:
        if not chunk:
            continue
        # A chunk may end between CR and LF: the CR stays with the rest.
        data = carry + chunk
        lines = _ENDS.split(data) if b"\r" in data else data.split(b"\n")
        carry = lines.pop()
        if not carry and data.endswith(b"\r"):
            carry = lines.pop() + b"\r"
        for line in lines:
            if dropping:
                dropping = False
                yield None
            elif len(line) > limit:
                yield None
            else:
                yield line
        if len(carry) > limit + 1:
            dropping = True
            carry = b"\r" if carry.endswith(b"\r") else b""
    if dropping or len(carry.rstrip(b"\r")) > limit:
        yield None
    elif carry:
        yield carry.rstrip(b"\r")


def read_lines(
    chunks: Iterable[bytes],
    limit: int,
    fast: Callable[[str, Scheme | None], Candidate | None],
    claims: Claims,
    slow: LineReader,
) -> Iterator[Candidate | tuple[Refused, str]]:
    """Every line through ``fast`` with the claim of the moment and, where that sees no proxy, through ``slow``."""
    for raw in iter_lines(chunks, limit):
        if raw is None:
            yield Refused.TOO_LONG, ""
            continue
        line = raw.decode() if raw.isascii() else decode(raw)
        plain = fast(line, claims.claim)
        if plain is not None:
            yield plain
            continue
        for reading in slow(line):
            if isinstance(reading, Candidate):
                yield reading
            elif reading is not None:
                yield reading, clip(line)
