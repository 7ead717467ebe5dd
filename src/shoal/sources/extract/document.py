"""The two entrances: a document at once, or a long list in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from shoal.domain import Candidate, Refused, Scheme
from shoal.sources.extract.blocks import LineReader, read_text
from shoal.sources.extract.charset import decode
from shoal.sources.extract.clash import read_clash
from shoal.sources.extract.collect import Collector, Extraction
from shoal.sources.extract.csv_form import find_head, read_csv, read_row
from shoal.sources.extract.detect import HEAD_CHARS, detect
from shoal.sources.extract.entry import Reading
from shoal.sources.extract.escapes import packed_document
from shoal.sources.extract.html import read_html
from shoal.sources.extract.json_form import LINE_FACTOR, read_json, read_json_line
from shoal.sources.extract.pac import read_pac
from shoal.sources.extract.sql import read_sql
from shoal.sources.extract.stream import as_utf8, read_lines
from shoal.sources.extract.text import read_plain
from shoal.sources.extract.xml import read_xml

DOCUMENT_LIMIT_BYTES = 64 * 1024 * 1024
"""A stream whose form is no list of lines is read whole, up to this size. Parsing takes ten times that."""
_NESTING_LIMIT = 3
"""Documents inside documents: escaped HTML in XML, HTML in JSON, JSON in a script."""


def extract(
    data: bytes,
    *,
    scheme: Scheme | None = None,
    content_type: str | None = None,
    name: str | None = None,
    line_limit_bytes: int = 4096,
) -> Extraction:
    """Read one document. Never raises on any bytes.

    ``scheme`` is what the source claims for entries that do not say. Content decides the form; ``content_type`` and
    ``name`` are hints. Which addresses may be dialled is not judged here.
    """
    text = decode(data, content_type)
    form = detect(text, content_type, name)
    collector = Collector()
    collector.take(_read(text, form, scheme, line_limit_bytes))
    return Extraction(collector.candidates, collector.refused, form)


def _read(text: str, form: str, scheme: Scheme | None, limit: int, depth: int = 0) -> Iterator[Reading]:
    def nested(inner: str, claim: Scheme | None) -> Iterator[Reading]:
        if depth < _NESTING_LIMIT:
            yield from _read(inner, detect(inner, "text/html"), claim, limit, depth + 1)

    if form == "json":
        yield from read_json(text, scheme, limit, nested)
    elif form == "jsonl":
        for line in text.split("\n"):
            yield from read_json_line(line, scheme, limit, nested)
    elif form == "csv":
        yield from read_csv(text, scheme, limit)
    elif form == "html":
        yield from read_html(text, scheme, nested)
    elif form == "xml":
        yield from read_xml(text, scheme, nested)
    elif form == "clash":
        yield from read_clash(text, scheme)
    elif form == "pac":
        yield from read_pac(text, scheme)
    elif form == "sql":
        yield from read_sql(text, scheme)
    elif depth == 0 and (inner := packed_document(text)) is not None:
        yield from nested(inner, scheme)
    else:
        yield from read_text(text, scheme, limit)


def extract_stream(
    chunks: Iterable[bytes], *, scheme: Scheme | None = None, line_limit_bytes: int = 4096
) -> Iterator[Candidate | tuple[Refused, str]]:
    """Read a list of any length in bounded memory, in its order: each candidate, or a refusal with its text.

    Repeats are given as they come: telling them would need memory for all. A document that is no list of lines (JSON,
    HTML, XML, Clash) is read whole up to ``DOCUMENT_LIMIT_BYTES``, and refused as too long above.
    """
    source = as_utf8(chunks)
    held: list[bytes] = []
    size = 0
    for chunk in source:
        held.append(chunk)
        size += len(chunk)
        if size >= HEAD_CHARS:
            break
    head = decode(b"".join(held)[:HEAD_CHARS])
    form = detect(head)
    if form in ("text", "csv", "jsonl"):
        pieces = chain(held, source)
        held = []
        yield from _stream_lines(pieces, form, head, scheme, line_limit_bytes)
        return
    for chunk in source:
        held.append(chunk)
        size += len(chunk)
        if size > DOCUMENT_LIMIT_BYTES:
            yield Refused.TOO_LONG, ""
            return
    for reading in _read(decode(b"".join(held)), form, scheme, line_limit_bytes):
        if isinstance(reading, Candidate):
            yield reading
        elif reading is not None:
            yield reading, ""


def _stream_lines(
    chunks: Iterable[bytes], form: str, head: str, scheme: Scheme | None, limit: int
) -> Iterator[Candidate | tuple[Refused, str]]:
    columns = find_head(head.split("\n", 12)[:12]) if form == "csv" else None

    def nested(inner: str, claim: Scheme | None) -> Iterator[Reading]:
        yield from _read(inner, detect(inner, "text/html"), claim, limit, 1)

    reader = LineReader(scheme)

    def slow(line: str) -> Iterable[Reading]:
        if form == "jsonl":
            return read_json_line(line, scheme, limit, nested)
        if columns is not None:
            return read_row(line, columns, scheme)
        return reader.read(line)

    bound = limit * LINE_FACTOR if form == "jsonl" else limit
    yield from read_lines(chunks, bound, read_plain, reader, slow)
    for reading in reader.end():
        if isinstance(reading, Refused):
            yield reading, ""
