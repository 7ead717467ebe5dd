"""The book of short links: every write is on disk before it is answered."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from shoal.domain.link import Link, LinkKind
from shoal.errors import ShoalError
from shoal.links.codes import SECRET_LENGTH, Draw, check_alias, is_code, new_code
from shoal.ports import Clock, Store

_TRIES: Final = 16
"""Codes drawn before giving up: two meet once in 700,000 with a million links."""


class CodeTakenError(ShoalError, ValueError):
    """The alias belongs to another link."""


class LinkBook:
    """Links of one store. ``draw`` is the source of codes."""

    def __init__(self, store: Store, clock: Clock, draw: Draw) -> None:
        self._store = store
        self._clock = clock
        self._draw = draw

    async def make(self, link: Link, *, alias: str | None = None, fresh: bool = False) -> tuple[Link, bool]:
        """Keep ``link`` under ``alias`` or a code of its own; the kept one, and whether it is new.

        A plain link to the same target stands for both callers unless ``fresh``. Raises CodeTakenError, StoreError and
        InvalidQueryError.
        """
        plain = not (alias or fresh or link.expires_at or link.click_limit or link.preview)
        link = replace(link, shared=plain and link.kind is LinkKind.URL, created_at=self._clock.now())
        if alias is not None:
            return await self._put(replace(link, code=check_alias(alias)), alias)
        for _ in range(_TRIES):
            code = new_code(self._draw, SECRET_LENGTH) if link.kind is LinkKind.QUERY else new_code(self._draw)
            kept = await self._store.put_link(replace(link, code=code))
            if kept is not None:
                return kept, kept.code == code
        raise CodeTakenError("no free code was found; try again")

    async def _put(self, link: Link, alias: str) -> tuple[Link, bool]:
        kept = await self._store.put_link(link)
        if kept is None:
            raise CodeTakenError(f"{alias} is taken by another link; choose another alias or leave it out")
        return kept, True

    async def visit(self, code: str) -> Link | None:
        """The link that somebody follows now, counted; None when there is none (any more)."""
        return await self._store.visit_link(code, self._clock.now()) if is_code(code) else None

    async def get(self, code: str) -> Link | None:
        """Without counting; links that are over are shown, too."""
        return await self._store.get_link(code) if is_code(code) else None

    async def page(self, after: str, limit: int) -> list[Link]:
        """Links in the order of codes, from the first code above ``after``."""
        return await self._store.links(after, limit)

    async def change(self, link: Link) -> Link | None:
        """Write target, ways and bounds of a link again; its visits stay. None when it is gone."""
        return await self._store.change_link(replace(link, shared=False))

    async def delete(self, code: str) -> bool:
        return is_code(code) and await self._store.delete_link(code)
