"""Codes of short links: drawn, never counted up, so that nobody can walk through other people's links."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from shoal.errors import InvalidQueryError

ALPHABET: Final = "23456789bcdfghjkmnpqrstvwxyzBCDFGHJKLMNPQRSTVWXYZ"
"""No vowels, so that no words come out; no 0, O, 1, l or I, which people confuse."""
CODE_LENGTH: Final = 7
"""49 ** 7 codes: with a million links in use, one guess in 700,000 meets one."""
SECRET_LENGTH: Final = 22
"""For links that give something out to whoever knows them: 123 bits."""
ALIAS_PATTERN: Final = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"

_ALIAS: Final = re.compile(ALIAS_PATTERN, re.ASCII)

Draw = Callable[[int], int]
"""A number from 0 up to, not including, its argument: ``secrets.randbelow``."""


def new_code(draw: Draw, length: int = CODE_LENGTH) -> str:
    return "".join(ALPHABET[draw(len(ALPHABET))] for _ in range(length))


def is_code(text: str) -> bool:
    """Whether a link may have this code at all."""
    return _ALIAS.fullmatch(text) is not None


def check_alias(alias: str) -> str:
    """Raises InvalidQueryError."""
    if not is_code(alias):
        raise InvalidQueryError("alias", "alias has 1 to 64 letters, digits, _ or -, and begins with none of the two")
    return alias
