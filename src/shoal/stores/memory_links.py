"""Short links of the reference store."""

from __future__ import annotations

from abc import ABC, abstractmethod

from shoal.domain.link import Link
from shoal.stores.links import LinkTable


class MemoryLinks(ABC):
    """The port's methods on links, over one table."""

    def __init__(self) -> None:
        self._links = LinkTable()

    @abstractmethod
    def _check(self) -> None:
        """Raises ``StoreError`` while the store is closed."""

    async def put_link(self, link: Link) -> Link | None:
        self._check()
        return self._links.put(link)

    async def get_link(self, code: str) -> Link | None:
        self._check()
        return self._links.get(code)

    async def visit_link(self, code: str, now: float) -> Link | None:
        self._check()
        return self._links.visit(code, now)

    async def links(self, after: str, limit: int) -> list[Link]:
        self._check()
        return self._links.page(after, limit)

    async def change_link(self, link: Link) -> Link | None:
        self._check()
        return self._links.change(link)

    async def delete_link(self, code: str) -> bool:
        self._check()
        return self._links.delete(code)
