"""The little of JavaScript that list pages hide addresses behind: literals, sums, base64 and ``document.write``.

No interpreter: no loops, no calls of the page's own functions. What is not understood writes nothing.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from shoal.sources.extract.escapes import from_base64, unescape_backslashes

Value = str | int | list["Value"]

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?(?:\*/|\Z)|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.)*`)"""
    r"|(?P<number>0[xX][0-9a-fA-F]{1,8}|\d{1,12})|(?P<name>[A-Za-z_$][\w$]*)|(?P<mark>.)",
    re.DOTALL,
)
_WRITERS = ("write", "writeln")
_DEPTH_LIMIT = 24
_LENGTH_LIMIT = 1 << 20
"""Characters of any one value: ``repeat`` must not fill the memory."""
_NAMES_LIMIT = 5000


class NotUnderstood(Exception):
    """The expression uses more of the language than is read here."""


class Script:
    """Reads the scripts of one page in order; names assigned in one are known in the next."""

    def __init__(self) -> None:
        self._names: dict[str, Value] = {}
        self._tokens: list[tuple[str, str]] = []
        self._at = 0

    def run(self, code: str) -> str:
        """What the code writes into the page."""
        self._tokens = [(m.lastgroup, m[0]) for m in _TOKEN.finditer(code) if m.lastgroup is not None]
        self._at = 0
        written: list[str] = []
        while self._at < len(self._tokens):
            start = self._at
            try:
                text = self._statement()
                if text is not None:
                    written.append(text)
            except NotUnderstood:
                self._at = start
            if self._at == start:
                self._at += 1
        return "".join(written)

    def _statement(self) -> str | None:
        kind, name = self._tokens[self._at]
        if kind != "name":
            return None
        if name == "document" and self._mark(1) == "." and self._mark(2) in _WRITERS and self._mark(3) == "(":
            self._at += 4
            return "".join(_text(value) for value in self._arguments(")", 0))
        if (
            self._mark(1) == "="
            and self._mark(2) not in "=>"
            and self._mark(-1) != "."
            and len(self._names) < _NAMES_LIMIT
        ):
            self._at += 2
            self._names[name] = self._expression(0)
        return None

    def _mark(self, ahead: int) -> str:
        index = self._at + ahead
        return self._tokens[index][1] if 0 <= index < len(self._tokens) else "\n"

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise NotUnderstood
        self._at += 1
        return self._tokens[self._at - 1]

    def _arguments(self, end: str, depth: int) -> list[Value]:
        values: list[Value] = []
        while self._mark(0) != end:
            values.append(self._expression(depth + 1))
            if self._mark(0) == ",":
                self._at += 1
            elif self._mark(0) != end:
                raise NotUnderstood
        self._at += 1
        return values

    def _expression(self, depth: int) -> Value:
        """Exclusive or binds weaker than sums; nothing else of the precedence table is met on pages."""
        if depth > _DEPTH_LIMIT:
            raise NotUnderstood
        value = self._sum(depth)
        while self._mark(0) == "^":
            self._at += 1
            value = _integer(value) ^ _integer(self._sum(depth))
        return value

    def _sum(self, depth: int) -> Value:
        value = self._product(depth)
        while self._mark(0) in "+-" and self._mark(0) != "":
            sign = self._take()[1]
            other = self._product(depth)
            if sign == "-":
                value = _integer(value) - _integer(other)
            elif isinstance(value, int) and isinstance(other, int):
                value = value + other
            else:
                value = _bounded(_text(value) + _text(other))
        return value

    def _product(self, depth: int) -> Value:
        value = self._postfix(depth)
        while self._mark(0) == "*":
            self._at += 1
            value = (_integer(value) * _integer(self._postfix(depth))) & 0xFFFFFFFFFFFF
        return value

    def _postfix(self, depth: int) -> Value:
        value = self._primary(depth)
        while self._mark(0) in (".", "["):
            if self._take()[1] == "[":
                found = self._arguments("]", depth)
                value = _item(value, found)
                continue
            kind, name = self._take()
            if kind != "name" or self._mark(0) != "(":
                raise NotUnderstood
            self._at += 1
            value = _method(value, name, self._arguments(")", depth))
        return value

    def _primary(self, depth: int) -> Value:
        kind, word = self._take()
        if kind == "string":
            return _literal(word)
        if kind == "number":
            return int(word, 0) if word[:2] in ("0x", "0X") else int(word)
        if word == "(":
            value = self._expression(depth + 1)
            if self._take()[1] != ")":
                raise NotUnderstood
            return value
        if word == "[":
            return self._arguments("]", depth)
        if kind != "name":
            raise NotUnderstood
        if word == "window" and self._mark(0) == ".":
            self._at += 1
            word = self._take()[1]
        if word in ("String", "Base64") and self._mark(0) == "." and self._mark(2) == "(":
            word = f"{word}.{self._mark(1)}"
            self._at += 2
        if self._mark(0) == "(":
            self._at += 1
            return _call(word, self._arguments(")", depth))
        if word not in self._names:
            raise NotUnderstood
        return self._names[word]


def _literal(word: str) -> str:
    body = unescape_backslashes(word[1:-1])
    simple = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: simple.get(match[1], match[1]), body, flags=re.DOTALL)


def _text(value: Value) -> str:
    return ",".join(_text(item) for item in value) if isinstance(value, list) else str(value)


def _integer(value: Value) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 16:
        return int(value)
    raise NotUnderstood


def _bounded(text: str) -> str:
    if len(text) > _LENGTH_LIMIT:
        raise NotUnderstood
    return text


def _item(value: Value, index: list[Value]) -> Value:
    if len(index) != 1 or not isinstance(value, str | list):
        raise NotUnderstood
    at = _integer(index[0])
    if not 0 <= at < len(value):
        raise NotUnderstood
    return value[at]


def _call(name: str, values: list[Value]) -> Value:
    if name == "String.fromCharCode":
        codes = [_integer(value) for value in values]
        if any(not 0 <= code < 0x10000 for code in codes):
            raise NotUnderstood
        return "".join(map(chr, codes))
    if not values:
        raise NotUnderstood
    first = values[0]
    if name in ("Base64.decode", "atob", "base64_decode", "decode64", "base64decode"):
        decoded = from_base64(_text(first)) if len(_text(first)) < 400 else _long_base64(_text(first))
        if decoded is None:
            raise NotUnderstood
        return decoded
    if name in ("unescape", "decodeURIComponent", "decodeURI"):
        return unquote(re.sub(r"%u([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), _text(first)))
    if name in ("parseInt", "Number"):
        base = _integer(values[1]) if len(values) > 1 else 10
        try:
            return int(_text(first)[:40], base)
        except ValueError:
            raise NotUnderstood from None
    if name == "String":
        return _text(first)
    raise NotUnderstood


def _long_base64(text: str) -> str | None:
    """A packed page: base64 in pieces that each decode alone."""
    pieces = [from_base64(text[at : at + 400]) for at in range(0, len(text), 400)]
    return None if any(piece is None for piece in pieces) else "".join(piece or "" for piece in pieces)


def _method(value: Value, name: str, values: list[Value]) -> Value:
    if isinstance(value, list):
        if name == "reverse":
            return value[::-1]
        if name == "join":
            return _bounded((_text(values[0]) if values else ",").join(_text(item) for item in value))
        raise NotUnderstood
    text = _text(value)
    if name in ("toString", "trim", "valueOf"):
        return text.strip() if name == "trim" else text
    if name == "concat":
        return _bounded(text + "".join(_text(item) for item in values))
    if name == "split" and values:
        separator = _text(values[0])
        pieces: list[Value] = [*(text.split(separator) if separator else text)]
        return pieces
    if name == "replace" and len(values) == 2 and isinstance(values[0], str):
        return _bounded(text.replace(values[0], _text(values[1]), 1))
    if name == "repeat" and values and len(text) * _integer(values[0]) <= _LENGTH_LIMIT:
        return text * _integer(values[0])
    if name in ("substr", "substring", "slice", "charAt") and values:
        start = _integer(values[0])
        end = _integer(values[1]) if len(values) > 1 else (1 if name == "charAt" else len(text))
        return text[start : start + end] if name in ("substr", "charAt") else text[start:end]
    raise NotUnderstood
