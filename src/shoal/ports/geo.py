"""Geo: where an address is, as far as a database knows."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Place(Struct, frozen=True, gc=False):
    """``country`` is ISO 3166-1 alpha-2, ``asn`` the number of the network that announces the address; ``origin`` says
    who told, with the month of the data."""

    country: str | None = None
    asn: int | None = None
    origin: str = ""


class Geo(Protocol):
    """Looks addresses up, without waiting for anything."""

    def locate(self, address: str) -> Place | None:
        """What is known of an address; None when nothing is, or when it is none."""
        ...
