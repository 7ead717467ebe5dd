"""Short links of one process."""

from __future__ import annotations

from msgspec.structs import replace

from shoal.domain.link import Link, LinkKind


class LinkTable:
    """``put``, ``visit`` and the rest as ``Store`` has them."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self._shared: dict[tuple[LinkKind, bool, str], str] = {}

    def put(self, link: Link) -> Link | None:
        if link.shared and (code := self._shared.get(_way(link))) is not None:
            return self._links[code]
        if link.code in self._links:
            return None
        kept = self._links[link.code] = replace(link, clicks=0, last_click=0.0)
        if link.shared:
            self._shared[_way(link)] = link.code
        return kept

    def get(self, code: str) -> Link | None:
        return self._links.get(code)

    def visit(self, code: str, now: float) -> Link | None:
        link = self._links.get(code)
        if link is None or link.is_over(now):
            return None
        link = self._links[code] = replace(link, clicks=link.clicks + 1, last_click=now)
        return link

    def page(self, after: str, limit: int) -> list[Link]:
        return [self._links[code] for code in sorted(code for code in self._links if code > after)[:limit]]

    def change(self, link: Link) -> Link | None:
        old = self._links.get(link.code)
        if old is None:
            return None
        self._unshare(old)
        link = self._links[link.code] = replace(
            link, shared=False, created_at=old.created_at, clicks=old.clicks, last_click=old.last_click
        )
        return link

    def delete(self, code: str) -> bool:
        link = self._links.pop(code, None)
        if link is not None:
            self._unshare(link)
        return link is not None

    def drop_outdated(self, now: float) -> None:
        for link in [link for link in self._links.values() if 0.0 < link.expires_at <= now]:
            self.delete(link.code)

    def _unshare(self, link: Link) -> None:
        if link.shared:
            self._shared.pop(_way(link), None)


def _way(link: Link) -> tuple[LinkKind, bool, str]:
    return link.kind, link.permanent, link.target
