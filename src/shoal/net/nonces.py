"""Nonces: 128 bits that nobody can guess, drawn from the system many at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

NONCE_BYTES: Final = 16
"""128 bits: no answer kept from another check can hold it by chance."""

DRAWN: Final = 64
"""Nonces for one call of the system: a call for each costs as much as reading the answer that it comes back in."""


class Nonces:
    """Call it for a nonce in hexadecimal. None is given out twice, nor by a forked child what its parent may give."""

    __slots__ = ("_at", "_hex", "_random")

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random_bytes
        self._hex = ""
        self._at = 0
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self) -> str:
        at = self._at
        if at >= len(self._hex):
            self._hex = self._random(NONCE_BYTES * DRAWN).hex()
            at = 0
        self._at = end = at + 2 * NONCE_BYTES
        return self._hex[at:end]

    def _forget(self) -> None:
        self._hex = ""
        self._at = 0
