"""Routes of short links: make, follow, list, change, delete."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from msgspec import UNSET
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from shoal.api.bodies import query_string, read_body, read_link, read_link_change
from shoal.api.query import Wanted, params_of, read_wanted
from shoal.api.responses import NO_STORE, json_response, problem_response
from shoal.api.views import link_view
from shoal.domain.link import Link, LinkKind
from shoal.domain.problem import Problem
from shoal.errors import InvalidQueryError
from shoal.links import ALIAS_PATTERN, CodeTakenError, LinkBook
from shoal.links.rules import check_url, is_this_machine
from shoal.options import ApiOptions
from shoal.policy.bind import parse_listen
from shoal.ports import Clock

_NAMES_ITSELF: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_UNKNOWN: Final = Problem(404, "unknown_link", "There is no such link.")
_PERMANENT: Final = "private, max-age=86400"
"""A day: browsers would keep a permanent redirect for ever, and its link can be changed."""
_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>Short link</title>
<p>This link leads to:</p>
<p><a rel="noreferrer nofollow" href="{url}">{url}</a></p>
</html>
"""


class _RefusedTargetError(Exception):
    """No link may lead there: the request is well formed, hence 403."""

    @property
    def problem(self) -> Problem:
        return Problem(403, "target_refused", f"{self}.", "url")


class LinkRoutes:
    """Endpoints over one book. ``show`` answers a saved query."""

    def __init__(self, book: LinkBook, clock: Clock, options: ApiOptions, show: Callable[[Wanted], Response]) -> None:
        self._book = book
        self._clock = clock
        self._limit = options.limit
        self._hosts = tuple(host.lower() for host in options.link_hosts)
        self._public = None if options.public_url is None else options.public_url.rstrip("/")
        host, port = parse_listen(options.listen)
        self._own = frozenset({host, urlsplit(self._public or "").hostname or ""} - {"", "0.0.0.0", "::"})
        self._port = port
        self._show = show

    async def make(self, request: Request) -> Response:
        wish = read_link(await read_body(request))
        link = Link(
            "",
            "",
            permanent=wish.permanent,
            preview=wish.preview,
            expires_at=0.0 if wish.seconds is UNSET else self._clock.now() + wish.seconds,
            click_limit=0 if wish.click_limit is UNSET else int(wish.click_limit),
        )
        try:
            link = self._leading(link, request, wish.url, wish.query)
        except _RefusedTargetError as error:
            return problem_response(error.problem)
        alias = None if wish.alias is UNSET else wish.alias
        if alias is not None and link.kind is LinkKind.QUERY:
            detail = "whoever knows the code of a saved query may read it, so nobody may guess it: leave alias out"
            raise InvalidQueryError("alias", detail)
        try:
            kept, is_new = await self._book.make(link, alias=alias, fresh=wish.fresh)
        except CodeTakenError as error:
            return problem_response(Problem(409, "alias_taken", f"{error}.", "alias"))
        base = self._base(request)
        headers = {"Location": f"{base}/s/{kept.code}"} if is_new else {}
        return json_response(link_view(kept, base), status=201 if is_new else 200, headers=headers)

    async def follow(self, request: Request) -> Response:
        code = request.path_params["code"]
        # A look at the head is no visit.
        link = await (self._book.get(code) if request.method == "HEAD" else self.visited(code))
        if link is None:
            known = await self._book.get(code)
            over = Problem(410, "link_over", "This link has run out.")
            return problem_response(_UNKNOWN if known is None else over)
        return self.answer(link)

    async def visited(self, code: str) -> Link | None:
        """The link that somebody follows, counted; None when there is none or it is over."""
        return await self._book.visit(code)

    def answer(self, link: Link) -> Response:
        """Where a link leads, or what its query finds."""
        if link.kind is LinkKind.QUERY:
            return self._show(read_wanted(link.target.encode(), limit=self._limit))
        if link.preview:
            policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            page = _PAGE.format(url=html.escape(link.target, quote=True))
            headers = {**NO_STORE, "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
            return Response(page, headers=headers, media_type="text/html")
        kept = _PERMANENT if link.permanent else "no-store"
        headers = {"Location": link.target, "Cache-Control": kept, "Referrer-Policy": "no-referrer"}
        return Response(status_code=301 if link.permanent else 302, headers=headers)

    async def all(self, request: Request) -> Response:
        after, limit = "", min(100, self._limit)
        for name, value in params_of(request.scope["query_string"]):
            if name == "cursor" and re.fullmatch(ALIAS_PATTERN, value, re.ASCII):
                after = value
            elif name == "limit" and re.fullmatch("[1-9][0-9]{0,8}", value, re.ASCII) and int(value) <= self._limit:
                limit = int(value)
            else:
                raise InvalidQueryError(name, f"links take cursor (a code) and limit (1 to {self._limit})")
        links = await self._book.page(after, limit)
        headers = {"X-Next-Cursor": links[-1].code} if len(links) == limit else {}
        base = self._base(request)
        return json_response([link_view(link, base) for link in links], headers=headers)

    async def one(self, request: Request) -> Response:
        link = await self._book.get(request.path_params["code"])
        return problem_response(_UNKNOWN) if link is None else json_response(link_view(link, self._base(request)))

    async def change(self, request: Request) -> Response:
        wish = read_link_change(await read_body(request))
        link = await self._book.get(request.path_params["code"])
        if link is None:
            return problem_response(_UNKNOWN)
        if wish.url is not UNSET or wish.query is not UNSET:
            kind = LinkKind.URL if wish.query is UNSET else LinkKind.QUERY
            if kind is not link.kind:
                raise InvalidQueryError("url", f"this link stands for a {link.kind.value}; make a new one instead")
            try:
                link = self._leading(link, request, wish.url, wish.query)
            except _RefusedTargetError as error:
                return problem_response(error.problem)
        if wish.permanent is not UNSET:
            link = replace(link, permanent=wish.permanent)
        if wish.preview is not UNSET:
            link = replace(link, preview=wish.preview)
        if wish.seconds is not UNSET:
            link = replace(link, expires_at=0.0 if wish.seconds is None else self._clock.now() + wish.seconds)
        if wish.click_limit is not UNSET:
            link = replace(link, click_limit=int(wish.click_limit or 0))
        kept = await self._book.change(link)
        return problem_response(_UNKNOWN) if kept is None else json_response(link_view(kept, self._base(request)))

    async def delete(self, request: Request) -> Response:
        if not await self._book.delete(request.path_params["code"]):
            return problem_response(_UNKNOWN)
        return Response(status_code=204, headers=NO_STORE)

    def _leading(self, link: Link, request: Request, url: object, query: object) -> Link:
        """The link with its target. Raises InvalidQueryError for no query, _RefusedTargetError for what no link may
        lead to."""
        if isinstance(url, str):
            host, port = _asked_as(request)
            own = {host for host in (*self._own, host) if not is_this_machine(host)}
            try:
                target = check_url(url, own=own, own_ports={self._port, port}, allowed=self._hosts)
                return replace(link, target=target, kind=LinkKind.URL)
            except InvalidQueryError as error:
                raise _RefusedTargetError(str(error)) from error
        text = query_string(query) if isinstance(query, str | dict) else ""
        read_wanted(text.encode(), limit=self._limit)
        return replace(link, target=text, kind=LinkKind.QUERY)

    def _base(self, request: Request) -> str:
        if self._public is not None:
            return self._public
        host = request.headers.get("host", "")
        named = _NAMES_ITSELF.fullmatch(host) is not None
        return f"{request.url.scheme}://{host}" if named else ""


def _asked_as(request: Request) -> tuple[str, int]:
    """Host and port of the Host field."""
    try:
        parts = urlsplit(f"//{request.headers.get('host', '').lower()}")
        return (parts.hostname or "").rstrip("."), parts.port or 80
    except ValueError:
        return "", 80
