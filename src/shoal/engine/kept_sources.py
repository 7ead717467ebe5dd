"""What users changed about sources while the pool ran, as the store keeps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shoal.domain.source import ListedSource
from shoal.log import Log
from shoal.options import OwnSource

KEPT: Final = "sources-added"
"""Name of the value in the store."""

log = Log("shoal.sources")


class Kept(Struct, frozen=True):
    """What is stored. ``switched`` says of rows of the catalogue whether they are read."""

    tables: tuple[OwnSource, ...] = ()
    switched: dict[str, bool] = {}

    def table(self, name: str) -> OwnSource | None:
        return next((own for own in self.tables if own.name == name), None)

    def shown(self, listed: Sequence[ListedSource]) -> tuple[ListedSource, ...]:
        """These sources with what is switched here."""
        return tuple(replace(one, enabled=self.switched.get(one.name, one.enabled)) for one in listed)

    def whole(
        self, listed: Sequence[ListedSource], entry: Callable[[OwnSource], ListedSource]
    ) -> tuple[ListedSource, ...]:
        """What was added first, as ``entry`` shows it, then these sources with what is switched here."""
        added = tuple(entry(own) for own in self.tables)
        names = {one.name for one in added}
        return (*added, *[one for one in self.shown(listed) if one.name not in names])


def decoded(stored: bytes | None) -> Kept:
    """What the store holds; nothing, with a warning, where a newer version wrote it."""
    if stored is None:
        return Kept()
    try:
        return msgspec.json.decode(stored, type=Kept)
    except (msgspec.MsgspecError, UnicodeError):
        log.warning("what was stored of added sources cannot be read; a newer version wrote it")
        return Kept()
