"""List pages over HTTP, with validators: an unchanged list costs its reader a 304."""

from __future__ import annotations

import time
from email.utils import formatdate, parsedate_to_datetime
from hashlib import blake2b
from typing import Final

from shoal.lab.list_forms import FORMS
from shoal.lab.listing import LISTS, ListSpec, homes, members, update_of
from shoal.lab.web import Page, Request, problem_page
from shoal.lab.world import World

_BY_PATH: Final = {spec.path: spec for spec in LISTS}


class Lists:
    """The pages of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._homes = homes(world.population, world.seed)
        self._started = time.time()
        self._written: dict[int, tuple[int, bytes]] = {}

    def page(self, request: Request) -> Page:
        """The list at the request's path as of now; 304 where the reader has it already."""
        spec = _BY_PATH.get(request.path)
        if spec is None:
            return problem_page(404, "no such list")
        if request.method not in ("GET", "HEAD"):
            return problem_page(405, "a list can only be read")
        update = update_of(self._world.clock.now())
        body = self._write(spec, update)
        # Whole seconds, never in the reader's future: what speed makes of lab time, dates of HTTP cannot say.
        stamp = min(time.time(), self._started + update)
        etag = f'"{blake2b(body, digest_size=8).hexdigest()}"'
        headers = (("ETag", etag), ("Last-Modified", formatdate(stamp, usegmt=True)))
        if _is_known(request, etag, stamp):
            return Page(b"", status=304, headers=headers)
        return Page(body, FORMS[spec.form][0], headers=headers)

    def _write(self, spec: ListSpec, update: int) -> bytes:
        written = self._written.get(spec.number)
        if written is None or written[0] != update:
            world = self._world
            named = members(spec, world.population, self._homes, world.seed, update)
            written = self._written[spec.number] = (update, FORMS[spec.form][1](named).encode())
        return written[1]


def _is_known(request: Request, etag: str, stamp: float) -> bool:
    """RFC 9110 section 13.2.2: If-None-Match decides where it is given."""
    known = request.head.get("if-none-match")
    if known is not None:
        return etag in (tag.strip().removeprefix("W/") for tag in known.split(",")) or known.strip() == "*"
    since = request.head.get("if-modified-since")
    if since is None:
        return False
    try:
        return parsedate_to_datetime(since).timestamp() >= int(stamp)
    except ValueError:
        return False
