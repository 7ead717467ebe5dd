"""Reach: what one path showed at one target."""

from __future__ import annotations

from msgspec import Struct


class Reach(Struct, frozen=True, gc=False, array_like=True):
    """Memory of one path at one target. It is a part of the path, so it is stored, followed and forgotten with it.

    Times are epoch seconds, 0 for never. A success ends a ban and the row of bans before it.
    """

    target: str
    """Name of a target of the settings, or the host of another site that banned the path."""
    ok_at: float = 0.0
    """When the target last answered as it should."""
    bad_at: float = 0.0
    """When it last did not: banned, another answer, or none."""
    oks: int = 0
    bads: int = 0
    bans: int = 0
    """Bans in a row."""
    banned_until: float = 0.0
    why: str = ""
    """What was wrong last, for people."""

    @property
    def at(self) -> float:
        """When anything was last learned."""
        return max(self.ok_at, self.bad_at)
