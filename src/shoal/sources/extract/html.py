"""HTML pages: scripts that write are run, what is hidden is left out, what a reader would see is read."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from shoal.domain import Candidate, Scheme
from shoal.domain.address import is_ip
from shoal.sources.extract.entry import Reading, read_token
from shoal.sources.extract.html_tree import rows_of
from shoal.sources.extract.json_text import BROKEN, load_loosely, whole_spans
from shoal.sources.extract.labels import normal
from shoal.sources.extract.record import is_record, read_record
from shoal.sources.extract.rows import read_rows
from shoal.sources.extract.script import Script

_SCRIPT = re.compile(r"<script\b[^>]{0,500}>", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)
_DATA = re.compile(r"\b(?:ip|host|addr|address|server|proxy|ipaddress|ip_address)\\?[\"']?\s*:", re.IGNORECASE)
_ENTRIES = re.compile(r"[\"']\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}[\"']")
_FLAT = re.compile(r"\{[^{}]{5,4000}\}")
_CELLS = re.compile(r"<(?:(table)|tr|td|tbody)\b", re.IGNORECASE)
DEPTH_LIMIT = 2000
"""Open elements at one place; browsers stop at 512."""
_NESTING = re.compile(
    r"<(/?)(?!(?:p|li|dt|dd|option|br|img|hr|input|meta|link|col|wbr|area|base|source|!|table|tbody|thead|tfoot|tr|td|th)\b)"
    r"[A-Za-z][\w:-]{0,40}",
    re.IGNORECASE,
)
"""Tags that nest: not those that stand alone or end themselves."""
_RAW_TEXT = re.compile(r"</?textarea\b[^>]{0,500}>", re.IGNORECASE)
_ESCAPED = re.compile(r"(?:&lt;|&amp;lt;|%3C|\\x3c|\\u003c)/?(?:td|tr|li|div|p|br|pre)\b", re.IGNORECASE)


def read_html(
    text: str, scheme: Scheme | None, nested: Callable[[str, Scheme | None], Iterator[Reading]]
) -> Iterator[Reading]:
    """The readings of a page; ``nested`` reads a page that was escaped inside it."""
    page, codes = run_scripts(text)
    first = _CELLS.search(page)
    if first is not None and not first[1]:
        # Rows without their table, as services send them inside JSON: a parser would drop the tags.
        page = f"{page[: first.start()]}<table>{page[first.start() :]}"
    found = False
    for reading in read_rows(rows_of(LexborHTMLParser(shallow(page))), scheme):
        found = found or isinstance(reading, Candidate)
        yield reading
    for code in codes:
        for reading in _script_data(code, scheme):
            found = True
            yield reading
    if not found and _ESCAPED.search(page):
        inner = _RAW_TEXT.sub(" ", entities.unescape(page))
        if inner != page:
            yield from nested(inner, scheme)


def shallow(page: str) -> str:
    """The page, or the page without its non-table tags when they nest deeper than any reader's page.

    The parser walks its whole stack of open elements at each tag: 100,000 nested ones would take it ten seconds.
    """
    if page.count("<") <= DEPTH_LIMIT:
        return page
    depth = 0
    for match in _NESTING.finditer(page):
        depth = max(0, depth - 1) if match[1] else depth + 1
        if depth > DEPTH_LIMIT:
            return _NESTING.sub("\n<br ", page)
    return page


def run_scripts(text: str) -> tuple[str, list[str]]:
    """The page with each script replaced by what it writes, and the scripts that hold data."""
    writes = "document.write" in text
    script = Script()
    out: list[str] = []
    codes: list[str] = []
    at = 0
    while (begin := _SCRIPT.search(text, at)) is not None:
        end = _SCRIPT_END.search(text, begin.end())
        if end is None:
            break
        code = text[begin.end() : end.start()]
        close = text.find(">", end.end())
        out.append(text[at : begin.start()])
        out.append(script.run(code) if writes else "")
        if _DATA.search(code) or _ENTRIES.search(code):
            codes.append(code)
        at = close + 1 if close >= 0 else len(text)
    out.append(text[at:])
    return "".join(out), codes


def _script_data(code: str, scheme: Scheme | None) -> Iterator[Candidate]:
    """Records, and strings that are entries, among the literals of a script. Faults in code are not a list's faults."""
    if '\\"' in code:
        # Objects inside a string of the script.
        for match in _FLAT.finditer(code.replace('\\"', '"')):
            if _DATA.search(match[0]):
                yield from _records(load_loosely(match[0]), scheme)
    for start, end in whole_spans(code)[0]:
        value = load_loosely(code[start:end])
        if value is not BROKEN:
            yield from _records(value, scheme)
            continue
        for match in _FLAT.finditer(code, start, end):
            if _DATA.search(match[0]):
                yield from _records(load_loosely(match[0]), scheme)


def _records(value: Any, scheme: Scheme | None) -> Iterator[Candidate]:
    stack = [value]
    while stack:
        item = stack.pop()
        readings: Iterator[Reading] = iter(())
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            fields = {normal(key): inner for key, inner in item.items() if isinstance(key, str)}
            if is_record(fields):
                readings = read_record(fields, scheme)
            else:
                stack.extend(reversed([inner for inner in item.values() if isinstance(inner, list | dict)]))
        elif isinstance(item, str) and len(item) < 200:
            readings = iter((read_token(item, scheme, names=False),))
        # Settings of the page itself name hosts and ports too; lists in scripts hold addresses.
        yield from (reading for reading in readings if isinstance(reading, Candidate) and is_ip(reading.endpoint.host))
