"""A short link as the fields of a hash."""

from __future__ import annotations

import hashlib
from typing import Final

from shoal.domain.link import Link, LinkKind

_SHARED_BYTES: Final = 16


def way_of(link: Link) -> str:
    """What shared links have in common when one is given for the other."""
    said = f"{link.kind.value} {link.permanent:d} {link.target}"
    return hashlib.blake2b(said.encode(), digest_size=_SHARED_BYTES).hexdigest()


def fields_of(link: Link, *, new: bool) -> list[str | int]:
    """Names and values of what a user sets; a new link's time of creation, too."""
    fields: list[str | int] = [
        *("target", link.target, "kind", link.kind.value, "permanent", int(link.permanent)),
        *("preview", int(link.preview), "expires_at", repr(link.expires_at), "click_limit", link.click_limit),
    ]
    return [*fields, "created_at", repr(link.created_at)] if new else fields


def link_of(answer: list[bytes]) -> Link:
    """From the names and values that HGETALL gives."""
    kept = dict(zip(answer[::2], answer[1::2], strict=True))
    return Link(
        code=kept[b"code"].decode(),
        target=kept[b"target"].decode(),
        kind=LinkKind(kept[b"kind"].decode()),
        permanent=kept[b"permanent"] == b"1",
        preview=kept[b"preview"] == b"1",
        shared=kept[b"way"] != b"",
        created_at=float(kept[b"created_at"]),
        expires_at=float(kept[b"expires_at"]),
        click_limit=int(kept[b"click_limit"]),
        clicks=int(kept[b"clicks"]),
        last_click=float(kept[b"last_click"]),
    )
