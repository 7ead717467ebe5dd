"""Resolver: names to addresses that may be dialled, and nothing else."""

from __future__ import annotations

from typing import Protocol

from shoal.domain import Refused, Trust


class ResolveError(OSError):
    """A name has no address, or none that may be dialled (then ``refused`` says why). The text is one sentence."""

    def __init__(self, message: str, refused: Refused | None = None) -> None:
        self.refused = refused
        super().__init__(message)


class Resolver(Protocol):
    """The address that was checked is the address that is dialled: callers connect to what this returns."""

    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        """Addresses of a canonical host, IPv4 first, all of them allowed for that trust. Raises ``ResolveError``."""
        ...
