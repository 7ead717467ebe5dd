"""An HTML tree as what a reader sees: rows of cells, and the lines of text between the tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field
from selectolax.lexbor import LexborHTMLParser, LexborNode

from shoal.sources.extract.escapes import unpacked
from shoal.sources.extract.labels import ADDRESS, PORT, PROTOCOL, normal

SEAM = "\ue000"
"""Where an inline element begins or ends: ``<b>1.2.3.4</b><i>80</i>`` is two words to the eye, not one."""

_BLOCKS = frozenset(
    (
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "select",
        "summary",
        "table",
        "tbody",
        "textarea",
        "tfoot",
        "thead",
        "tr",
        "ul",
    )
)
_SKIPPED = frozenset(("script", "style", "template", "head", "noembed", "iframe", "svg", "-comment", "object", "video"))
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?:left|top|text-indent)\s*:\s*-\d{3,}"
    r"|(?:font-size|opacity)\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_INLINE = re.compile(r"display\s*:\s*inline", re.IGNORECASE)
_TURNED = re.compile(r"unicode-bidi\s*:\s*bidi-override", re.IGNORECASE)
"""Text written from its end, which the style turns round for the eye."""
_CLASS_ALONE = re.compile(r"^\s*(?:[\w-]+)?\.([\w-]+)\s*$")
_WORTH = re.compile(r"\d+\.\d+\.\d+\.\d+")
_CARRIES = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}(?!\d|/\w)|^(?!https?://t\.me/proxy|tg://proxy)[^\s?&:;]{0,60}[?&:;](?=.{0,300}?(?:host|server|ip)=).{0,300}?port=\d"
    r"|^socks[45]?[ah]?://|\d{1,3}(?:\.\d{1,3}){3}[\"']\s{0,3},\s{0,3}[\"']?\d{2,5}\b",
    re.IGNORECASE,
)
"""Attributes that hold an entry: ``title``, ``onclick``, links to ``tg://socks?server=...``. MTProto is none."""
_PICTURE = re.compile(r"\s*(?:\d{2,5}|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?)\s*")
_NO_TEXT = frozenset(("src", "srcset", "style", "class", "id", "action", "cite"))
_SPAN_LIMIT = 12
"""Columns that one cell may cover: wider ones are advertisements."""
_PARTS = ADDRESS | PORT | PROTOCOL
_CELL_NAMES = ("data-title", "data-label", "data-column", "data-field", "data-th", "headers", "itemprop", "class", "id")
_FLAG = re.compile(
    r"(?:flags?|countr(?:y|ies))[\w/.-]*?[/_-]([a-z]{2})(?:\.(?:png|svg|gif|webp)|$)|\bfi-([a-z]{2})\b", re.IGNORECASE
)


class Cell(Struct):
    """A cell's text with seams and line ends, the attributes inside it that may carry an address, and what its own
    attributes call it."""

    text: str
    data: dict[str, str] = field(default_factory=dict)
    name: str = ""


class Row(Struct):
    """A table row, or one loose line (``table`` 0), or an element's attributes (no cells); the ``late`` ones count
    only for what the page's text does not say."""

    table: int
    cells: list[Cell]
    data: dict[str, str] = field(default_factory=dict)
    country: str | None = None
    late: bool = False


def hidden_classes(tree: LexborHTMLParser) -> frozenset[str]:
    """Classes that an inline style sheet makes invisible: decoys are mixed into cells with them."""
    found: set[str] = set()
    for style in tree.css("style"):
        for block in style.text()[:100_000].split("}"):
            selectors, _, rules = block.rpartition("{")
            if not _HIDDEN_STYLE.search(rules):
                continue
            for selector in selectors.rpartition("{")[2].split(","):
                match = _CLASS_ALONE.match(selector)
                if match:
                    found.add(match[1])
    return frozenset(found)


def rows_of(tree: LexborHTMLParser) -> list[Row]:
    """The page in reading order."""
    flat = _Flattener(hidden_classes(tree), tree.css_first('[style*="bidi-override"]') is not None)
    root = tree.root
    if root is not None:
        for node, entering in _walk(root, flat.skips):
            if entering:
                flat.enter(node)
            else:
                flat.leave(node)
    flat.flush()
    return flat.rows


def _walk(root: LexborNode, skips: Any) -> Iterator[tuple[LexborNode, bool]]:
    """Every node entered and left, without recursion: pages may nest as deep as they like."""
    path: list[LexborNode] = []
    node: LexborNode | None = root
    while node is not None:
        child = None
        if not skips(node):
            yield node, True
            child = node.child
            if child is None:
                yield node, False
        if child is not None:
            path.append(node)
            node = child
            continue
        while path and node.next is None:
            node = path.pop()
            yield node, False
        node = node.next if path else None


def _name(attributes: dict[str, str | None]) -> str:
    """What a cell's own attributes call its column, as words."""
    return next((value for key in _CELL_NAMES if (value := attributes.get(key))), "")


def _edge(node: LexborNode) -> str:
    """What an element's border is in its text: the end of a line, or a seam."""
    if node.tag not in _BLOCKS:
        return SEAM
    return SEAM if _INLINE.search(node.attributes.get("style") or "") else "\n"


class _Flattener:
    def __init__(self, hidden: frozenset[str], turns: bool) -> None:
        self.rows: list[Row] = []
        self._turns = turns
        self._hidden = hidden
        self._buffers: list[list[str]] = [[]]
        self._open_rows: list[Row] = []
        self._data: list[dict[str, str]] = []
        self._named: list[str] = []
        self._tables: list[int] = []
        self._count = 0

    def skips(self, node: LexborNode) -> bool:
        tag = node.tag
        if tag == "-text":
            return False
        if tag in _SKIPPED:
            return True
        attributes = node.attributes
        if not attributes:
            return False
        if "hidden" in attributes or _HIDDEN_STYLE.search(attributes.get("style") or ""):
            return True
        return bool(self._hidden) and not self._hidden.isdisjoint((attributes.get("class") or "").split())

    def enter(self, node: LexborNode) -> None:
        tag = node.tag
        if tag == "-text":
            text = (node.text_content or "").replace("\t", " ")
            if self._turns and (parent := node.parent) is not None:
                style = parent.attributes.get("style") or ""
                text = text[::-1] if _TURNED.search(style) and "rtl" in style else text
            self._buffers[-1].append(text)
            return
        if tag == "table":
            self._count += 1
            self._tables.append(self._count)
            if len(self._buffers) == 1:
                self.flush()
        elif tag == "tr":
            self._open_rows.append(Row(self._tables[-1] if self._tables else -1, []))
        elif tag in ("td", "th") and self._open_rows:
            self._buffers.append([])
            self._data.append({})
            self._named.append(_name(node.attributes))
        else:
            self._buffers[-1].append(_edge(node))
            if tag == "img" and self._open_rows and _PICTURE.fullmatch(alt := node.attributes.get("alt") or ""):
                # Numbers shown as pictures, told to those who do not see them.
                self._buffers[-1].append(alt)
            if tag == "input" and _PICTURE.fullmatch(shown := node.attributes.get("value") or ""):
                self._buffers[-1].append(shown)
        if node.attributes:
            self._attributes(node.attributes)

    def leave(self, node: LexborNode) -> None:
        tag = node.tag
        if tag == "-text":
            return
        if tag == "table":
            self._tables.pop()
        elif tag == "tr":
            self.rows.append(self._open_rows.pop())
        elif tag in ("td", "th") and self._open_rows:
            cells = self._open_rows[-1].cells
            cells.append(Cell("".join(self._buffers.pop()), self._data.pop(), self._named.pop()))
            if (wide := node.attributes.get("colspan") or "").isdecimal() and 1 < int(wide[:3]) <= _SPAN_LIMIT:
                cells.extend(Cell("") for _ in range(int(wide) - 1))
        else:
            self._buffers[-1].append(_edge(node))

    def _attributes(self, attributes: dict[str, str | None]) -> None:
        data = {key[5:]: value for key, value in attributes.items() if key.startswith("data-") and value}
        named = {key: value for key, value in attributes.items() if value and normal(key) in _PARTS}
        if len(named) > 1 and any(normal(key) in PORT for key in named):
            data.update({**named, **data})
        told: dict[str, str] = {}
        if (value := attributes.get("value")) and ":" in value:
            data["value"] = value
        for key, value in attributes.items():
            # A link to http://192.0.2.1:8080/ is a page more often than a proxy.
            page = key == "href" and (value or "").lower().startswith("http") and "port=" not in (value or "")
            if value and key not in _NO_TEXT and len(value) < 600 and not page and _CARRIES.search(value):
                told.setdefault(key, value)
        if self._open_rows:
            (self._data[-1] if self._data else self._open_rows[-1].data).update({**told, **data})
            flag = _FLAG.search(f"{attributes.get('src') or ''} {attributes.get('class') or ''}".strip())
            if flag and self._open_rows[-1].country is None:
                self._open_rows[-1].country = (flag[1] or flag[2]).upper()
            return
        if any(_WORTH.search(unpacked(value)) for value in data.values()):
            self.rows.append(Row(0, [], data))
        elif told:
            self.rows.append(Row(0, [], told, late=True))

    def flush(self) -> None:
        """Loose text so far becomes lines."""
        text = "".join(self._buffers[0])
        self._buffers[0] = []
        for line in text.replace("\r", "\n").split("\n"):
            if line.strip(SEAM + " "):
                self.rows.append(Row(0, [Cell(line)]))
