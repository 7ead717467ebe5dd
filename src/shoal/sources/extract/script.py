"""The little of JavaScript that list pages hide addresses behind: literals, sums, base64 and ``document.write``.

No interpreter: no loops, no calls of the page's own functions. What is not understood writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from shoal.sources.extract.escapes import unescape_backslashes
from shoal.sources.extract.packer import unpack_script
from shoal.sources.extract.script_values import (
    NotUnderstood,
    Value,
    as_integer,
    as_text,
    bounded,
    call_known,
    call_method,
    item_of,
    literal,
    operate,
    plain_replace,
)

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
_PARAMETERS_LIMIT = 8
_CALLS_LIMIT = 20_000
_CALL_DEPTH = 6
"""Calls of a page's own functions: nested ones multiply."""
_MAP_LIMIT = 500
_DEPTH_LIMIT = 24
_NAMES_LIMIT = 5000
_RANKS = {"|": 1, "^": 2, "&": 3, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_SHIFT_RANK = 4


class Function(NamedTuple):
    """A function of the page that returns one expression."""

    parameters: tuple[str, ...]
    body: list[tuple[str, str]]


class Script:
    """Reads the scripts of one page in order; names assigned in one are known in the next.

    ``attribute`` gives the value of an attribute of the page by its name. ``placed`` is what scripts put into elements
    later, keyed by the elements' class or id.
    """

    def __init__(self, attribute: Callable[[str], str | None] = lambda name: None) -> None:
        self.placed: dict[str, str] = {}
        self._attribute = attribute
        self._names: dict[str, Value] = {}
        self._functions: dict[str, Function] = {}
        self._calls = 0
        self._nested = 0
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
            return "".join(as_text(value) for value in self._arguments(")", 0))
        if name == "function" and self._mark(2) == "(":
            self._at += 1
            name = self._take()[1]
            self._functions[name] = self._function()
            return None
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
            if self._mark(0) == "function":
                self._at += 1
                self._functions[name] = self._function()
                return None
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
            self.placed[found[0].strip().lstrip(".#")] = as_text(value[0])

    def _function(self) -> Function:
        """``(a, b) { return ...; }`` behind the word ``function``, or ``a => ...``: one expression."""
        parameters: list[str] = []
        if self._mark(0) == "(":
            self._at += 1
            while (word := self._take()[1]) != ")":
                if word != ",":
                    parameters.append(word)
                if len(parameters) > _PARAMETERS_LIMIT:
                    raise NotUnderstood
        else:
            parameters.append(self._take()[1])
        if self._mark(0) == "=" and self._mark(1) == ">":
            self._at += 2
            start, ends = self._at, [")"]
        elif self._mark(0) == "{" and self._mark(1) == "return":
            self._at += 2
            start, ends = self._at, [";", "}"]
        else:
            raise NotUnderstood
        depth = 0
        while depth or self._mark(0) not in ends:
            mark = self._take()[1]
            depth += (mark in "([{") - (mark in ")]}")
            if self._at - start > _FUNCTION_TOKENS or depth < 0:
                raise NotUnderstood
        body = self._tokens[start : self._at]
        while "}" in ends and self._take()[1] != "}":
            pass
        return Function(tuple(parameters), body)

    def _apply(self, function: Function, values: list[Value]) -> Value:
        self._calls += 1
        if self._calls > _CALLS_LIMIT or self._nested > _CALL_DEPTH:
            raise NotUnderstood
        kept = (self._tokens, self._at, self._names)
        self._tokens, self._at = function.body, 0
        self._names = {**self._names, **dict(zip(function.parameters, values, strict=False))}
        self._nested += 1
        try:
            value = self._expression(0)
            if self._at != len(self._tokens):
                raise NotUnderstood
            return value
        finally:
            self._nested -= 1
            self._tokens, self._at, self._names = kept

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
            value = operate(sign, value, self._expression(depth + 1, rank))
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
            number = as_integer(self._unary(depth + 1))
            return {"+": number, "-": -number, "~": ~number}[sign]
        return self._postfix(depth)

    def _postfix(self, depth: int) -> Value:
        value = self._primary(depth)
        while self._mark(0) in (".", "["):
            if self._take()[1] == "[":
                found = self._arguments("]", depth)
                value = item_of(value, found)
                continue
            kind, name = self._take()
            if kind != "name" or self._mark(0) != "(":
                raise NotUnderstood
            self._at += 1
            if name == "replace" and self._mark(0).startswith("/") and len(self._mark(0)) > 1:
                value = self._replaced(as_text(value), depth)
                continue
            if name == "map":
                value = self._mapped(value)
                continue
            value = call_method(value, name, self._arguments(")", depth))
        return value

    def _mapped(self, value: Value) -> Value:
        """``list.map(function (c) { return ...; })``"""
        if not isinstance(value, list) or len(value) > _MAP_LIMIT:
            raise NotUnderstood
        if self._mark(0) == "function":
            self._at += 1
        if self._mark(0) in self._functions:
            function = self._functions[self._take()[1]]
        elif self._mark(0) == "String" and self._mark(2) == "fromCharCode":
            self._at += 3
            function = _TO_LETTER
        else:
            function = self._function()
        if self._take()[1] != ")":
            raise NotUnderstood
        return [self._apply(function, [item]) for item in value]

    def _replaced(self, text: str, depth: int) -> str:
        """``text.replace(/pattern/g, by)``; a function as ``by`` is understood where it turns hexadecimal escapes."""
        pattern = self._take()[1]
        if self._take()[1] != ",":
            raise NotUnderstood
        if self._mark(0) != "function":
            by = "".join(as_text(value) for value in self._arguments(")", depth))
            return bounded(plain_replace(pattern, text, by))
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
            return literal(word)
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
            values = self._arguments(")", depth)
            return self._apply(self._functions[word], values) if word in self._functions else call_known(word, values)
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
                    return self._attribute(literal(window[at + 2]))
        return None


_TO_LETTER = Function(
    ("c",), [("name", "String"), ("mark", "."), ("name", "fromCharCode"), ("mark", "("), ("name", "c"), ("mark", ")")]
)
