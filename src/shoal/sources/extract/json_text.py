"""JSON as it comes: whole, one value a line, several in a row, wrapped in a script, cut off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

# Every alternative consumes what it began, so the scan is linear even over a text full of lone quotes.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_$][\w$]*)(\s*:)")
_OPEN = {"]": "[", "}": "{"}


class Broken:
    """A value that could not be read: cut off or not JSON."""


BROKEN = Broken()


def load(text: str | bytes) -> Any:
    """One JSON value, or ``BROKEN``."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return BROKEN


def load_loosely(text: str) -> Any:
    """One value that may have NaN, trailing commas or bare keys as scripts write them, or ``BROKEN``."""
    value = load(text)
    if value is not BROKEN:
        return value
    bare = _TRAILING_COMMA.sub("", text)
    quoted = bare if '"' in bare else bare.replace("'", '"').replace("`", '"')
    for attempt in (text, bare, _BARE_KEY.sub(r'\1"\2"\3', quoted)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return BROKEN


def whole_values(text: str) -> Iterator[Any]:
    """Every value that is complete, outermost first, in order; ``BROKEN`` for each that is not."""
    spans, closed = whole_spans(text)
    for start, end in spans:
        yield load_loosely(text[start:end])
    if not closed:
        yield BROKEN


def whole_spans(text: str) -> tuple[list[tuple[int, int]], bool]:
    """Where the complete values stand, and whether the text ended well.

    In a text that was cut off these are the items of the containers that never close.
    """
    stack: list[tuple[str, int]] = []
    spans: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(text):
        bit = match[0]
        if bit in "[{":
            stack.append((bit, match.start()))
        elif bit in "]}":
            # A closing bracket of the wrong kind ends nothing: the text is damaged there.
            if stack and stack[-1][0] == _OPEN[bit]:
                _, start = stack.pop()
                while spans and spans[-1][0] > start:
                    spans.pop()
                spans.append((start, match.end()))
        elif stack and stack[-1][0] == "[" and len(bit) > 1 and bit[-1] == '"':
            spans.append((match.start(), match.end()))
    return spans, not stack
