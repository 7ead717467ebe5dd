"""The values of the little JavaScript that is read: strings, whole numbers and lists, and what is done with them."""

from __future__ import annotations

import codecs
import re
from urllib.parse import unquote

from shoal.sources.extract.escapes import from_base64, unescape_backslashes

Value = str | int | list["Value"]

_LENGTH_LIMIT = 1 << 20
"""Characters of any one value: ``repeat`` must not fill the memory."""


class NotUnderstood(Exception):
    """The expression uses more of the language than is read here."""


def operate(sign: str, left: Value, right: Value) -> Value:
    """The value of ``left sign right``."""
    if sign == "+" and not (isinstance(left, int) and isinstance(right, int)):
        return bounded(as_text(left) + as_text(right))
    one, two = as_integer(left), as_integer(right)
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


def plain_replace(pattern: str, text: str, by: str) -> str:
    """The patterns that are met: one sign or word, a class of signs. Anything richer is not run."""
    body, _, flags = pattern[1:].rpartition("/")
    bare = re.sub(r"\\(?=\W)", "", body)
    if re.fullmatch(r"[^\\\[\](){}*+?.^$|]+", bare) or re.fullmatch(r"(?:\\\W|\w)+", body):
        return text.replace(bare, by, -1 if "g" in flags else 1)
    signs = re.fullmatch(r"\[([^\^\]\\]{1,64})\]\+?", body)
    if signs is None or "$" in by:
        raise NotUnderstood
    return re.sub(f"[{re.escape(signs[1]).replace(chr(92) + '-', '-')}]", lambda match: by, text)


def literal(word: str) -> str:
    """The string that a literal of the language stands for."""
    body = unescape_backslashes(word[1:-1])
    simple = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: simple.get(match[1], match[1]), body, flags=re.DOTALL)


def as_text(value: Value) -> str:
    """A value where the language wants a string."""
    return ",".join(as_text(item) for item in value) if isinstance(value, list) else str(value)


def as_integer(value: Value) -> int:
    """A value where the language wants a number."""
    if isinstance(value, int):
        return value
    if value in ("", []):
        return 0
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 16:
        return int(value)
    raise NotUnderstood


def bounded(text: str) -> str:
    """The text, unless it is longer than any value may be."""
    if len(text) > _LENGTH_LIMIT:
        raise NotUnderstood
    return text


def item_of(value: Value, index: list[Value]) -> Value:
    """``value[index]``."""
    if len(index) != 1 or not isinstance(value, str | list):
        raise NotUnderstood
    at = as_integer(index[0])
    if not 0 <= at < len(value):
        raise NotUnderstood
    return value[at]


def call_known(name: str, values: list[Value]) -> Value:
    """A function of the browser, or one that pages call by a usual name."""
    if name == "String.fromCharCode":
        codes = [as_integer(value) for value in values]
        if any(not 0 <= code < 0x10000 for code in codes):
            raise NotUnderstood
        return "".join(map(chr, codes))
    if not values:
        raise NotUnderstood
    first = values[0]
    if name in ("str_rot13", "rot13", "strrot13"):
        return codecs.encode(as_text(first), "rot13")
    if name in ("Base64.decode", "atob", "base64_decode", "decode64", "base64decode"):
        decoded = from_base64(as_text(first)) if len(as_text(first)) < 400 else _long_base64(as_text(first))
        if decoded is None:
            raise NotUnderstood
        return decoded
    if name in ("unescape", "decodeURIComponent", "decodeURI"):
        return unquote(re.sub(r"%u([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), as_text(first)))
    if name in ("parseInt", "Number"):
        base = as_integer(values[1]) if len(values) > 1 else 10
        try:
            return int(as_text(first)[:40], base)
        except ValueError:
            raise NotUnderstood from None
    if name == "String":
        return as_text(first)
    raise NotUnderstood


def _long_base64(text: str) -> str | None:
    """A packed page: base64 in pieces that each decode alone."""
    pieces = [from_base64(text[at : at + 400]) for at in range(0, len(text), 400)]
    return None if any(piece is None for piece in pieces) else "".join(piece or "" for piece in pieces)


def call_method(value: Value, name: str, values: list[Value]) -> Value:
    """A method of a string or a list."""
    if isinstance(value, list):
        if name == "reverse":
            return value[::-1]
        if name == "join":
            return bounded((as_text(values[0]) if values else ",").join(as_text(item) for item in value))
        raise NotUnderstood
    text = as_text(value)
    if name in ("toString", "trim", "valueOf"):
        return text.strip() if name == "trim" else text
    if name == "concat":
        return bounded(text + "".join(as_text(item) for item in values))
    if name == "split" and values:
        separator = as_text(values[0])
        pieces: list[Value] = [*(text.split(separator) if separator else text)]
        return pieces
    if name == "replace" and len(values) == 2 and isinstance(values[0], str):
        return bounded(text.replace(values[0], as_text(values[1]), 1))
    if name == "repeat" and values and len(text) * as_integer(values[0]) <= _LENGTH_LIMIT:
        return text * as_integer(values[0])
    if name in ("substr", "substring", "slice", "charAt") and values:
        start = as_integer(values[0])
        end = as_integer(values[1]) if len(values) > 1 else (1 if name == "charAt" else len(text))
        return text[start : start + end] if name in ("substr", "charAt") else text[start:end]
    raise NotUnderstood
