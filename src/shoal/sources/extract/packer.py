"""Scripts packed by the common packer, ``eval(function(p,a,c,k,e,d){...}("...",62,99,"...".split("|")))``."""

from __future__ import annotations

import re

_PACKED = re.compile(
    r"eval\s*\(\s*function\s*\(\s*\w+(?:\s*,\s*\w+){3,5}\s*\)",
)
_ARGUMENTS = re.compile(
    r"""\}\s*\(\s*(?P<body>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')\s*,\s*(?P<base>\d{1,3})\s*,\s*(?P<count>\d{1,6})\s*,\s*"""
    r"""(?P<words>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')\s*\.\s*split\s*\(\s*["'](?P<by>[^"']{1,8})["']""",
    re.DOTALL,
)
_WORD = re.compile(r"\b\w+\b", re.ASCII)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_LENGTH_LIMIT = 1 << 20
"""Characters of an unpacked script: each word of a packed one may stand for a long one."""


def unpack_script(code: str) -> str | None:
    """The script inside, or None when the code is not packed or not soundly so."""
    begin = _PACKED.search(code)
    match = _ARGUMENTS.search(code, begin.end()) if begin else None
    if begin is None or match is None:
        return None
    body, words = _plain(match["body"][1:-1]), _plain(match["words"][1:-1]).split(_plain(match["by"]))
    base = int(match["base"])
    if not 2 <= base <= 62:
        return None
    size = 0

    def word(found: re.Match[str]) -> str:
        nonlocal size
        number = _number(found[0], base)
        meant = words[number] if number is not None and number < len(words) and words[number] else found[0]
        size += len(meant)
        return meant if size <= _LENGTH_LIMIT else ""

    inner = _WORD.sub(word, body)
    return f"{code[: begin.start()]};{inner};{code[match.end() :]}" if size <= _LENGTH_LIMIT else None


def _number(word: str, base: int) -> int | None:
    """A word as the packer counts: 0-9, a-z, then A-Z."""
    if len(word) > 4:
        return None
    number = 0
    for letter in word:
        digit = ord(letter) - 29 if "A" <= letter <= "Z" else int(letter, 36) if letter != "_" else base
        if digit >= base:
            return None
        number = number * base + digit
    return number


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: match[3] if match[3] else chr(int(match[1] or match[2], 16)), text)
