"""Short links in the file. Writing functions run inside one transaction of the writer."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Any

from msgspec.structs import replace

from shoal.domain.link import Link, LinkKind
from shoal.stores.sqlite.transaction import Work

_COLUMNS = "code, target, kind, permanent, preview, digest, created_at, expires_at, click_limit, clicks, last_click"
_SELECT = f"SELECT {_COLUMNS} FROM links"  # noqa: S608 - constants
_ALIVE = "(expires_at = 0 OR expires_at > ?) AND (click_limit = 0 OR clicks < click_limit)"


def put(work: Work, link: Link) -> Link | None:
    digest = _digest(link) if link.shared else None
    if digest is not None:
        row = work.execute(_SELECT + " WHERE digest = ?", (digest,)).fetchone()
        if row is not None:
            return _link(row)
    written = work.execute(
        "INSERT INTO links (code, target, kind, permanent, preview, digest, created_at, expires_at, click_limit)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (code) DO NOTHING",
        (
            link.code,
            link.target,
            link.kind.value,
            int(link.permanent),
            int(link.preview),
            digest,
            link.created_at,
            link.expires_at,
            link.click_limit,
        ),
    ).rowcount
    return replace(link, clicks=0, last_click=0.0) if written else None


def visit(work: Work, code: str, now: float) -> Link | None:
    row = work.execute(
        f"UPDATE links SET clicks = clicks + 1, last_click = ? WHERE code = ? AND {_ALIVE} RETURNING {_COLUMNS}",  # noqa: S608
        (now, code, now),
    ).fetchone()
    return None if row is None else _link(row)


def change(work: Work, link: Link) -> Link | None:
    row = work.execute(
        "UPDATE links SET target = ?, kind = ?, permanent = ?, preview = ?, digest = NULL, expires_at = ?,"  # noqa: S608
        f" click_limit = ? WHERE code = ? RETURNING {_COLUMNS}",
        (
            link.target,
            link.kind.value,
            int(link.permanent),
            int(link.preview),
            link.expires_at,
            link.click_limit,
            link.code,
        ),
    ).fetchone()
    return None if row is None else _link(row)


def delete(work: Work, code: str) -> bool:
    return work.execute("DELETE FROM links WHERE code = ?", (code,)).rowcount == 1


def drop_outdated(work: Work, now: float) -> None:
    work.execute("DELETE FROM links WHERE expires_at > 0 AND expires_at <= ?", (now,))


def by_code(connection: sqlite3.Connection, code: str) -> Link | None:
    row = connection.execute(_SELECT + " WHERE code = ?", (code,)).fetchone()
    return None if row is None else _link(row)


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[Link]:
    rows = connection.execute(_SELECT + " WHERE code > ? ORDER BY code LIMIT ?", (after, limit))
    return [_link(row) for row in rows]


def _digest(link: Link) -> bytes:
    said = f"{link.kind.value} {link.permanent:d} {link.target}"
    return hashlib.blake2b(said.encode(), digest_size=16).digest()


def _link(row: tuple[Any, ...]) -> Link:
    code, target, kind, permanent, preview, digest, created_at, expires_at, click_limit, clicks, last_click = row
    return Link(
        code,
        target,
        LinkKind(kind),
        bool(permanent),
        bool(preview),
        digest is not None,
        created_at,
        expires_at,
        click_limit,
        clicks,
        last_click,
    )
