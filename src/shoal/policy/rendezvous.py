"""Rendezvous hashing: which of many proxies a session gets, the same on every replica without a word between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

_MASK: Final = (1 << 64) - 1


def session_seed(user: str, session: str, generation: int = 0) -> int:
    """64 bits that stand for one session of one user; ``generation`` rises when its lifetime is over."""
    text = f"{user}\0{session}\0{generation}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def score(seed: int, id: str) -> int:
    """How strongly the record of that id (16 hexadecimal digits) attracts the session.

    The finaliser of SplitMix64 (Steele, Lea and Flood 2014) over both: every bit of either moves every bit of it.
    """
    value = (seed ^ int(id, 16)) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def winner(seed: int, ids: Iterable[str]) -> str | None:
    """The id with the highest score (Thaler and Ravishankar 1998): when one leaves, only its own sessions move."""
    return max(ids, key=lambda id: (score(seed, id), id), default=None)


def generation(seed: int, now: float, lifetime: float) -> tuple[int, float]:
    """Which life of a session ``now`` falls in, and when that ends. Sessions change at different moments, replicas at
    the same."""
    shift = seed % 1_000_003 / 1_000_003 * lifetime
    number = int((now + shift) // lifetime)
    return number, (number + 1) * lifetime - shift
