"""The little of JavaScript that list pages hide addresses behind: literals, sums, base64 and ``document.write``.

No interpreter: no loops, no calls of the page's own functions. What is not understood writes nothing.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from urllib.parse import unquote

from shoal.sources.extract.escapes import from_base64, unescape_backslashes
from shoal.sources.extract.packer import unpack_script

Value = str | int | list["Value"]

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?(?:\*/|\Z)"""
    r"""|(?<=replace\()(?P<regexp>/(?:[^/\\\n\[]|\\.|\[[^\]\n]{0,99}\])++/[a-z]{0,4})"""
    r"""|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.)*`)"""
    r"|(?P<number>0[xX][0-9a-fA-F]{1,8}|\d{1,12})|(?P<name>[A-Za-z_$][\w$]*)|(?P<mark>.)",
    re.DOTALL,
)
_WRITERS = ("write", "writeln")
_ELEMENTS = ("$", "jQuery")
_FINDERS = ("getElementById", "querySelector")
_FILLERS = ("html", "text", "append")
_CONTENTS = ("innerHTML", "textContent", "innerText")
_PACKED_TWICE = 2
_FUNCTION_TOKENS = 80
_DEPTH_LIMIT = 24
_LENGTH_LIMIT = 1 << 20
"""Characters of any one value: ``repeat`` must not fill the memory."""
_NAMES_LIMIT = 5000
_RANKS = {"|": 1, "^": 2, "&": 3, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_SHIFT_RANK = 4


class NotUnderstood(Exception):
    """The expression uses more of the language than is read here."""


class Script:
    """Reads the scripts of one page in order; names assigned in one are known in the next.

    ``attribute`` gives the value of an attribute of the page by its name. ``placed`` is what scripts put into elements
    later, keyed by the elements' class or id.
    """

    def __init__(self, attribute: Callable[[str], str | None] = lambda name: None) -> None:
        self.placed: dict[str, str] = {}
        self._attribute = attribute
        self._names: dict[str, Value] = {}
        self._tokens: list[tuple[str, str]] = []
        self._at = 0

    def run(self, code: str) -> str:
        """What the code writes into the page."""
        for _ in range(_PACKED_TWICE):
            if (inner := unpack_script(code)) is None:
                break
            code = inner
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
        if name in _ELEMENTS or (name == "document" and self._mark(2) in _FINDERS):
            self._place()
            return None
        if (
            self._mark(1) == "="
            and self._mark(2) not in "=>"
            and self._mark(-1) != "."
            and len(self._names) < _NAMES_LIMIT
        ):
            self._at += 2
            self._names[name] = self._expression(0)
        return None

    def _place(self) -> None:
        """``$(".p1").html(80)`` and ``document.getElementById("p1").innerHTML = 80``: text for an element."""
        self._at += 3 if self._mark(1) == "." else 1
        found = self._called()
        if len(found) != 1 or not isinstance(found[0], str) or self._take()[1] != ".":
            raise NotUnderstood
        how = self._take()[1]
        if how in _FILLERS and self._mark(0) == "(":
            value = self._called()
        elif how in _CONTENTS and self._mark(0) == "=" and self._mark(1) != "=":
            self._at += 1
            value = [self._expression(0)]
        else:
            raise NotUnderstood
        if len(value) == 1 and len(self.placed) < _NAMES_LIMIT:
            self.placed[found[0].strip().lstrip(".#")] = _text(value[0])

    def _called(self) -> list[Value]:
        if self._take()[1] != "(":
            raise NotUnderstood
        return self._arguments(")", 0)

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

    def _expression(self, depth: int, above: int = 0) -> Value:
        """Operators by their rank in the language: each binds what stands right of it down to a stronger rank."""
        if depth > _DEPTH_LIMIT:
            raise NotUnderstood
        value = self._unary(depth)
        while (found := self._operator()) is not None and found[1] > above:
            sign, rank = found
            self._at += len(sign)
            value = _binary(sign, value, self._expression(depth + 1, rank))
        return value

    def _operator(self) -> tuple[str, int] | None:
        mark = self._mark(0)
        if mark in "<>" and self._mark(1) == mark:
            return mark * 2, _SHIFT_RANK
        rank = _RANKS.get(mark)
        return None if rank is None else (mark, rank)

    def _unary(self, depth: int) -> Value:
        sign = self._mark(0)
        if depth > _DEPTH_LIMIT:
            raise NotUnderstood
        if sign in ("+", "-", "~"):
            self._at += 1
            number = _integer(self._unary(depth + 1))
            return {"+": number, "-": -number, "~": ~number}[sign]
        return self._postfix(depth)

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
            if name == "replace" and self._mark(0).startswith("/") and len(self._mark(0)) > 1:
                value = self._replaced(_text(value), depth)
                continue
            value = _method(value, name, self._arguments(")", depth))
        return value

    def _replaced(self, text: str, depth: int) -> str:
        """``text.replace(/pattern/g, by)``; a function as ``by`` is understood where it turns hexadecimal escapes."""
        pattern = self._take()[1]
        if self._take()[1] != ",":
            raise NotUnderstood
        if self._mark(0) != "function":
            by = "".join(_text(value) for value in self._arguments(")", depth))
            return _bounded(_plain_replace(pattern, text, by))
        level, left = 1, _FUNCTION_TOKENS
        while level:
            left -= 1
            if not left:
                raise NotUnderstood
            mark = self._take()[1]
            level += (mark == "(") - (mark == ")")
        return unescape_backslashes(text)

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
        if word in ("document", "$") and (found := self._looked_up()) is not None:
            return found
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

    def _looked_up(self) -> str | None:
        """``document.querySelector("[data-x]").getAttribute("data-x")``: the tokens of an attribute's look-up."""
        window = [text for _, text in self._tokens[self._at : self._at + 12]]
        for how in ("getAttribute", "attr"):
            if how in window:
                at = window.index(how)
                if window[at + 1 : at + 2] == ["("] and window[at + 3 : at + 4] == [")"]:
                    self._at += at + 4
                    return self._attribute(_literal(window[at + 2]))
        return None


def _binary(sign: str, left: Value, right: Value) -> Value:
    if sign == "+" and not (isinstance(left, int) and isinstance(right, int)):
        return _bounded(_text(left) + _text(right))
    one, two = _integer(left), _integer(right)
    if sign in "/%":
        # Ports are whole numbers: a quotient that is none hides nothing we look for.
        if two == 0 or (sign == "/" and one % two):
            raise NotUnderstood
        return one // two if sign == "/" else one % two
    if sign in ("<<", ">>"):
        two &= 31
        return (one << two) & 0xFFFFFFFF if sign == "<<" else one >> two
    if sign == "+":
        return one + two
    if sign == "-":
        return one - two
    if sign == "*":
        return (one * two) & 0xFFFFFFFFFFFF
    return one ^ two if sign == "^" else one | two if sign == "|" else one & two


def _plain_replace(pattern: str, text: str, by: str) -> str:
    """The patterns that are met: one sign or word, a class of signs. Anything richer is not run."""
    body, _, flags = pattern[1:].rpartition("/")
    bare = re.sub(r"\\(?=\W)", "", body)
    if re.fullmatch(r"[^\\\[\](){}*+?.^$|]+", bare) or re.fullmatch(r"(?:\\\W|\w)+", body):
        return text.replace(bare, by, -1 if "g" in flags else 1)
    signs = re.fullmatch(r"\[([^\^\]\\]{1,64})\]\+?", body)
    if signs is None or "$" in by:
        raise NotUnderstood
    return re.sub(f"[{re.escape(signs[1]).replace(chr(92) + '-', '-')}]", lambda match: by, text)


def _literal(word: str) -> str:
    body = unescape_backslashes(word[1:-1])
    simple = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: simple.get(match[1], match[1]), body, flags=re.DOTALL)


def _text(value: Value) -> str:
    return ",".join(_text(item) for item in value) if isinstance(value, list) else str(value)


def _integer(value: Value) -> int:
    if isinstance(value, int):
        return value
    if value in ("", []):
        return 0
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
    if name in ("str_rot13", "rot13", "strrot13"):
        return codecs.encode(_text(first), "rot13")
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
