"""Checking: what the service is told of checks, whoever makes them."""

from __future__ import annotations

from collections import Counter
from typing import Protocol


class Checking(Protocol):
    """Whoever has checks made."""

    @property
    def in_flight(self) -> int: ...


class Tally(Protocol):
    """What checks came to; in a cluster, those of all machines."""

    checked: int
    working: int
    failures: Counter[str]
