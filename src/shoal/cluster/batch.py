"""What a message to a worker says. Releases that are one apart read each other's."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

VERSION: Final = 1
"""Raised when the meaning of a field changes. Fields may be added with a default under the same one."""
TASK: Final = "shoal.check"


class Batch(Struct, frozen=True):
    """Claimed records, by id. A field that a newer release added is ignored; what it needs says ``needs``."""

    ids: tuple[str, ...]
    until: float
    """When the claims end, exactly as the store has it: what tells this claim from a later one."""
    version: int = VERSION
    needs: int = VERSION
    """The oldest version that may work on it: a worker that is older leaves it, and it falls due again."""
    live: int = 0
    """Proxies that work now: how often good ones are checked depends on it."""

    @property
    def is_readable(self) -> bool:
        return self.needs <= VERSION


def to_message(batch: Batch) -> dict[str, Any]:
    """Plain values, as a JSON serializer takes them."""
    message: dict[str, Any] = msgspec.to_builtins(batch)
    return message


def from_message(message: object) -> Batch:
    """Raises ``ValueError`` for what is no batch."""
    return msgspec.convert(message, Batch)


def queue_of(prefix: str, vantage: str) -> str:
    """The queue that the workers of a vantage point read."""
    return f"{prefix}.check.{vantage}"
