"""HTML pages: scripts that write are run, what is hidden is left out, what a reader would see is read."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser

from shoal.domain import Candidate, Scheme
from shoal.domain.address import is_ip
from shoal.sources.extract.entry import Reading, read_token
from shoal.sources.extract.escapes import packed_document, unpacked
from shoal.sources.extract.html_tree import rows_of
from shoal.sources.extract.json_tables import named_row, referred_records
from shoal.sources.extract.json_text import BROKEN, load_loosely, whole_spans
from shoal.sources.extract.labels import NOT_PROXY, PORT, SERVICES, normal
from shoal.sources.extract.record import is_record, read_record
from shoal.sources.extract.rows import read_rows
from shoal.sources.extract.script import Script

_SCRIPT = re.compile(r"<script\b[^>]{0,500}>", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)
_DATA = re.compile(r"\b\w{0,12}?(?:ip|host|addr|address|server|proxy|ipaddress|ip_address)\\?[\"']?\s*:", re.IGNORECASE)
_ENTRIES = re.compile(r"[\"']\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}[\"']|[\"']\s?,\s?[\"']?\d{1,5}\b)")
_STRING = re.compile(r"""(["'])([A-Za-z0-9+/_-]{12,200000}={0,2})\1""")
_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_LIST = re.compile(r"(?<![\w.:/@])(?:socks[45]://|https?://)?\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}(?![\w.:/])")
_TEMPLATE = re.compile(r"""`[^`]*+`?|"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?""")
"""Literals, which may hold a list; one that never closes is consumed too, so that the scan is linear."""
_WRITING = re.compile(r"document\.write|eval\s*\(\s*function|\$\(\s*[\"']|\.innerHTML|\.textContent|\.innerText")
_JSON_ATTRIBUTE = re.compile(r"""\s[\w:.@-]{1,60}=(?:'\s?([\[{][^'<]{8,})'|"\s?([\[{][^"<]{8,})")""")
_PLACE = re.compile(
    r"<[a-z][a-z0-9]{0,9}\s(?=[^<>]{0,300}?\b(?:class|id)\s*=\s*[\"']?([^\"'>]{1,100}))[^<>]{0,600}>", re.IGNORECASE
)
_CONTENT = re.compile(
    r"\.([\w-]{1,60})::?(?:before|after)\s*\{[^{}]{0,200}?\bcontent\s*:\s*[\"']([\w.:\\ -]{1,40})[\"']", re.IGNORECASE
)
"""Style sheets that write: ``.p3:after { content: "8080" }``."""
_STYLE = re.compile(r"<style\b[^>]{0,300}>([^<]{1,200000})", re.IGNORECASE)
_CALL = re.compile(
    r"""\s*[A-Za-z_$][\w$.]{0,40}\(\s*["'](?:((?:%[0-9A-Fa-f]{2}){7,1000})|([A-Za-z0-9+/_-]{10,60}={0,2}))["']\s*\)\s*;?\s*"""
)
"""A script that is one call with one argument, written in percent or in base64."""
_FLAT = re.compile(r"\{[^{}]{5,4000}\}")
_WHOLE = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}:\d{2,5}")
_DOWNLOAD = re.compile(
    r"""=\s*["']data:(?:text/|application/(?:json|octet))[^,"']{0,60},([^"'<>]{20,2000000})["']""", re.IGNORECASE
)
"""A document that a link carries in itself."""
_HEX = re.compile(r"[0-9A-Fa-f]{2,4}")
_CELLS = re.compile(r"<(?:(table)|tr|td|tbody)\b", re.IGNORECASE)
ATTRIBUTE_LIMIT = 20
"""Attributes of the page that scripts may look up: each look-up reads the whole page."""
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
    codes += [code for code in _told_as_json(page) if _DATA.search(code)]
    for reading in _script_data(codes, scheme):
        found = True
        yield reading
    if not found and "data:" in page:
        for carried in _DOWNLOAD.finditer(page):
            content = unquote(carried[1])
            inner = packed_document(content)
            found = True
            yield from nested(content if inner is None else inner, scheme)
    if not found and _ESCAPED.search(page):
        inner = _RAW_TEXT.sub(" ", entities.unescape(page))
        if inner != page:
            yield from nested(inner, scheme)


def _told_as_json(page: str) -> Iterator[str]:
    """Attributes that hold JSON, as components of a page are given their rows."""
    for match in _JSON_ATTRIBUTE.finditer(page):
        yield entities.unescape(match[1] or match[2])


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
    writes = _WRITING.search(text) is not None
    attributes: dict[str, str | None] = {}

    def attribute(name: str) -> str | None:
        if name not in attributes and len(attributes) < ATTRIBUTE_LIMIT:
            attributes[name] = _attribute(text, name)
        return attributes.get(name)

    script = Script(attribute)
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
        if (written := _called(code)) is not None:
            out.append(written)
            at = close + 1 if close >= 0 else len(text)
            continue
        out.append(script.run(code) if writes else "")
        if _DATA.search(code) or _LIST.search(code) or _ENTRIES.search(code) or _STRING.search(code):
            codes.append(code)
        at = close + 1 if close >= 0 else len(text)
    out.append(text[at:])
    return _placed("".join(out), script.placed), codes


def _called(code: str) -> str | None:
    """What one of the site's own functions decodes: it stands where the function is called."""
    call = _CALL.fullmatch(code) if len(code) < 4096 else None
    if call is None:
        return None
    if call[1]:
        return unquote(call[1])
    entry = unpacked(call[2])
    return entities.escape(entry) if entry != call[2] and ":" in entry else None


def _attribute(text: str, name: str) -> str | None:
    match = re.search(rf"\b{re.escape(name)}\s*=\s*[\"']?([^\"'\s<>]{{1,200}})", text) if len(name) < 60 else None
    return match[1] if match else None


def _placed(page: str, placed: dict[str, str]) -> str:
    """The page with the texts that scripts and style sheets put into elements by class or id."""
    contents = dict(placed)
    if "content" in page:
        for style in _STYLE.finditer(page):
            contents.update((name, value) for name, value in _CONTENT.findall(style[1]))
    if not contents:
        return page

    def fill(match: re.Match[str]) -> str:
        value = next((contents[word] for word in match[1].split() if word in contents), "")
        return match[0] + entities.escape(value)

    return _PLACE.sub(fill, page)


def _script_data(codes: list[str], scheme: Scheme | None) -> Iterator[Candidate]:
    """Records, and strings that are entries, among the literals of scripts. Faults in code are not a list's faults."""
    values = [value for code in codes for value in _literals(code)]
    hexadecimal = _ports_are_hexadecimal(values)
    for value in values:
        for reading in _records(value, scheme, hexadecimal):
            # Settings of the page itself name hosts and ports too; lists in scripts hold addresses.
            if isinstance(reading, Candidate) and is_ip(reading.endpoint.host):
                yield reading


def _literals(code: str) -> Iterator[Any]:
    if '\\"' in code:
        # Objects inside a string of the script.
        for match in _FLAT.finditer(code.replace('\\"', '"')):
            if _DATA.search(match[0]):
                yield load_loosely(match[0])
    for match in _STRING.finditer(code):
        if (inner := unpacked(match[2])) != match[2]:
            yield inner
        elif len(match[2]) > 40 and (whole := packed_document(match[2])) is not None and _QUAD.search(whole):
            value = load_loosely(whole)
            yield _LIST.findall(whole) if value is BROKEN else value
    for match in _TEMPLATE.finditer(code):
        if len(found := _LIST.findall(match[0])) > 1:
            yield found
    for start, end in whole_spans(code)[0]:
        value = load_loosely(code[start:end])
        if value is not BROKEN:
            yield value
            continue
        # A function's body: what its literals say still counts.
        for match in _FLAT.finditer(code, start, end):
            if _DATA.search(match[0]):
                yield load_loosely(match[0])
        for match in _ENTRIES.finditer(code, start, end):
            yield re.sub(r"[\"']\s?,\s?[\"']?", ":", match[0][1:]).rstrip("\"'")


def _objects(value: Any) -> Iterator[dict[str, Any] | str]:
    """Every object that is a record, and every string, in order."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            if known := referred_records(item):
                yield from known
            elif (fields := named_row(item)) is not None:
                yield fields
            else:
                stack.extend(reversed(item))
        elif isinstance(item, dict):
            fields = {normal(key): inner for key, inner in item.items() if isinstance(key, str)}
            if is_record(fields):
                yield fields
            else:
                stack.extend(reversed([inner for key, inner in item.items() if _may_hold(key, inner)]))
        elif isinstance(item, str):
            yield item


def _may_hold(key: Any, inner: Any) -> bool:
    """Whether a member of an object that is no record is worth a look: groups, and texts that are an entry."""
    if isinstance(inner, list | dict):
        return True
    entry = isinstance(inner, str) and len(inner) < 22 and _WHOLE.fullmatch(inner) is not None
    return entry and isinstance(key, str) and normal(key) not in NOT_PROXY and normal(key) not in SERVICES


def _ports_are_hexadecimal(values: list[Any]) -> bool:
    """True when every port of the page's records reads as one in hexadecimal and some read as nothing else."""
    ports = [
        str(fields[name])
        for value in values
        for fields in _objects(value)
        if isinstance(fields, dict)
        for name in fields
        if name in PORT
    ]
    return bool(ports) and all(map(_HEX.fullmatch, ports)) and any(not port.isdigit() for port in ports)


def _records(value: Any, scheme: Scheme | None, hexadecimal: bool) -> Iterator[Reading]:
    for item in _objects(value):
        if isinstance(item, str):
            if len(item) < 200:
                yield read_token(item, scheme, names=False)
            continue
        if hexadecimal:
            item = {name: str(int(str(inner), 16)) if name in PORT else inner for name, inner in item.items()}
        yield from read_record(item, scheme)
