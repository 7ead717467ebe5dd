"""Short links: a code that stands for a long address or for a saved query."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class LinkKind(StrEnum):
    URL = "url"
    """Redirects."""
    QUERY = "query"
    """Answers what the query finds: an address to subscribe to. Whoever knows the code may read it."""


class Link(Struct, frozen=True):
    """``target`` is a normalised http(s) URL or, for a query, the query string of ``/v1/proxies``."""

    code: str
    target: str
    kind: LinkKind = LinkKind.URL
    permanent: bool = False
    """301 instead of 302."""
    preview: bool = False
    """Show where it leads before going there."""
    shared: bool = False
    """Given again to whoever asks for the same target in the same way."""
    created_at: float = 0.0
    expires_at: float = 0.0
    """Epoch seconds, 0 for never."""
    click_limit: int = 0
    """Visits after which it ends, 0 for no limit."""
    clicks: int = 0
    last_click: float = 0.0

    def is_over(self, now: float) -> bool:
        """True once its time or its visits have run out."""
        return 0.0 < self.expires_at <= now or 0 < self.click_limit <= self.clicks
