"""XML as lists use it: elements that are fields, attributes that are fields, escaped HTML and CDATA in text.

A tokenizer instead of a parser: lists are often not well-formed, and entities of a document type must not be expanded.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Iterator

from shoal.domain import Scheme
from shoal.sources.extract.entry import Reading, is_host, port_number
from shoal.sources.extract.labels import ADDRESS, NOT_PROXY, PORT, PROTOCOL, normal, scheme_words
from shoal.sources.extract.record import is_record, read_record

_PIECE = re.compile(
    r"<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<(?P<tag>[^<>]*)>|(?P<text>[^<]+)", re.DOTALL
)
_TAG = re.compile(r"(?P<end>/)?\s*(?P<name>[\w:.-]+)(?P<rest>.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")

_SYSTEM = {
    **dict.fromkeys(("httpproxy", "httpsproxy", "socksproxy"), "ip"),
    **dict.fromkeys(("httpport", "httpsport", "socksport"), "port"),
}
"""What property lists call a system's proxies; elsewhere the words are variables of whole URLs."""
_LINKS = frozenset(("link", "guid", "comments", "docs", "id", "generator", "source", "image", "icon", "logo", "url"))
"""Elements of feeds that point at pages."""


def read_xml(
    text: str, scheme: Scheme | None, nested: Callable[[str, Scheme | None], Iterator[Reading]]
) -> Iterator[Reading]:
    """The readings of a document. ``nested`` reads texts that hold a document of their own."""
    fields: dict[str, str] = {}
    name = key = ""
    content: list[str] = []
    for match in _PIECE.finditer(text):
        tag = match["tag"]
        if tag is None:
            # Text of a CDATA section is as written; elsewhere entities stand for signs.
            content.append(match["cdata"] if match["cdata"] is not None else entities.unescape(match["text"] or ""))
            continue
        part = _TAG.match(tag)
        if part is None:
            continue
        word = normal(part["name"].rpartition(":")[2])
        if part["end"]:
            value = "".join(content).strip()
            if word == name == "key" or (word == name and key):
                # Property lists: <key>port</key><integer>80</integer>.
                word, key = (key, "") if key else ("", _SYSTEM.get(normal(value), normal(value)))
                name = word
            if word == name and value:
                yield from _leaf(fields, word, value, scheme, nested)
            elif word != name:
                # The end of a group: its fields are one record.
                yield from _flush(fields, scheme)
            name, content = "", []
            continue
        name, content = word, []
        attributes = {
            normal(key.rpartition(":")[2]): entities.unescape(one or other)
            for key, one, other in _ATTRIBUTE.findall(part["rest"])
        }
        if is_record(attributes):
            yield from read_record(attributes, scheme)
        else:
            _remember(fields, attributes)
    yield from _flush(fields, scheme)


def _remember(fields: dict[str, str], attributes: dict[str, str]) -> None:
    """What an element says of the record that its children or neighbours complete."""
    for word, value in attributes.items():
        if word in ADDRESS and is_host(value, names=False):
            fields.clear()
            fields[word] = value
        elif word in PORT:
            if any(key in ADDRESS for key in fields) and port_number(value) is not None:
                fields[word] = value
        elif word in PROTOCOL and scheme_words(value) is not None:
            fields.setdefault(word, value)
        elif word == "state" and value in ("closed", "filtered"):
            for port in [key for key in fields if key in PORT]:
                del fields[port]


def _leaf(
    fields: dict[str, str],
    word: str,
    value: str,
    scheme: Scheme | None,
    nested: Callable[[str, Scheme | None], Iterator[Reading]],
) -> Iterator[Reading]:
    if word in NOT_PROXY or (word in _LINKS and value.lower().startswith("http")):
        return
    if "\n" in value or "<" in value or (":" in value and word not in ADDRESS):
        yield from nested(value, scheme)
        return
    starts = word in ADDRESS and is_host(value) and any(key in ADDRESS for key in fields)
    if starts or (word in PORT and word in fields):
        yield from _flush(fields, scheme)
    fields[word] = value


def _flush(fields: dict[str, str], scheme: Scheme | None) -> Iterator[Reading]:
    if is_record(fields):
        yield from read_record(dict(fields), scheme)
        fields.clear()
