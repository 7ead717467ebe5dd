"""The routes of jhao104/proxy_pool, so that scripts written for it work unchanged.

``/get/``, ``/pop/`` and ``/all/`` give http proxies that forward, since scripts put ``http://`` before them;
``type=https`` those with a verified tunnel, ``type=socks5`` and the other schemes what they say. Any other type is
refused with 400 rather than answered with proxies of a kind that was not asked for. The filters of ``/v1`` work as
extra parameters; names that nobody knows are ignored, as that program does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from functools import partial
from typing import Final

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from shoal.api.query import params_of
from shoal.api.recent import Recent, place_of
from shoal.api.responses import NO_STORE, problem_response, sorted_json, sorted_json_response, text_response
from shoal.api.service import PoolService
from shoal.domain import Capability, Path, Query, Record, Scheme
from shoal.domain.problem import Problem
from shoal.engine.turns import in_parts
from shoal.errors import InvalidQueryError
from shoal.export.proxy_pool import proxy_pool_object
from shoal.policy.query_text import FIELDS, parse_query

_NO_PROXY: Final = {"code": 0, "src": "no proxy"}
DELETE_PATTERN: Final = "[!-~]{1,2048}"
"""What may name a proxy: host:port, URL or id, all of them ASCII."""
_KINDS: Final[dict[str, tuple[Scheme, Capability | None]]] = {
    "": (Scheme.HTTP, Capability.FORWARD),
    "http": (Scheme.HTTP, Capability.FORWARD),
    "https": (Scheme.HTTP, Capability.TUNNEL),
    "socks4": (Scheme.SOCKS4, None),
    "socks4a": (Scheme.SOCKS4A, None),
    "socks5": (Scheme.SOCKS5, None),
}
_TUNNELS: Final = Query(schemes=frozenset({Scheme.HTTP}), capabilities=frozenset({Capability.TUNNEL}))
_FORWARDS_ONLY: Final = Query(
    schemes=frozenset({Scheme.HTTP}),
    capabilities=frozenset({Capability.FORWARD}),
    not_capabilities=frozenset({Capability.TUNNEL}),
)
_LOOKED_THROUGH: Final = 1_000
"""Proxies of which ``/count/`` asks each for its sources; with more, it says how many of each source's work."""
_ROUTES: Final = {
    "url": [
        {"url": "/get", "params": "type: http|https|socks4|socks4a|socks5", "desc": "one proxy, chosen by forecast"},
        {"url": "/pop", "params": "type, as for /get", "desc": "one proxy, which leaves the pool"},
        {"url": "/delete", "params": "proxy: HOST:PORT", "desc": "take a proxy out of the pool"},
        {"url": "/all", "params": "type, as for /get", "desc": "every proxy that works now"},
        {"url": "/count", "params": "", "desc": "how many proxies there are, by kind and source"},
    ]
}


def compat_query(params: list[tuple[str, str]], *, limit: int) -> Query:
    """The query of one request. Raises InvalidQueryError."""
    kind = ""
    filters = []
    for name, value in params:
        if name == "type":
            kind = value.strip().lower()
        elif name in FIELDS:
            filters.append((name, value))
    if kind not in _KINDS:
        raise InvalidQueryError("type", f"type must be one of {', '.join(name for name in _KINDS if name)}")
    query = parse_query(filters, limit_max=limit)
    named = {name for name, _ in filters}
    scheme, capability = _KINDS[kind]
    if "scheme" not in named:
        query = replace(query, schemes=frozenset({scheme}))
        if "capability" not in named and capability is not None:
            query = replace(query, capabilities=frozenset({capability}))
    return query if query.limit is not None else replace(query, limit=limit)


class Compat:
    """Endpoints over one service. ``limit`` bounds the rows of ``/all/``."""

    def __init__(self, service: PoolService, *, limit: int) -> None:
        self._service = service
        self._limit = limit
        self._queries: Recent[bytes, Query] = Recent()
        self._bodies: Recent[Hashable, tuple[Record, Path, bytes]] = Recent()

    def _query(self, request: Request) -> Query:
        return compat_query(params_of(request.scope["query_string"]), limit=self._limit)

    async def index(self, request: Request) -> Response:
        return sorted_json_response(_ROUTES)

    async def get(self, request: Request) -> Response:
        query = self._known(request.scope["query_string"])
        await in_parts(lambda: self._service.advance(query))
        return Response(self._body(query), headers=NO_STORE, media_type="application/json")

    def got(self, query_string: bytes) -> bytes | None:
        """The body of ``/get/``; None where it takes too long to be made at once. Raises InvalidQueryError."""
        query = self._known(query_string)
        return self._body(query) if self._service.advance(query) else None

    def _known(self, query_string: bytes) -> Query:
        query = self._queries.get(query_string)
        if query is None:
            query = compat_query(params_of(query_string), limit=self._limit)
            self._queries.put(query_string, query)
        return query

    def _body(self, query: Query) -> bytes:
        pick = self._service.pick(query)
        if pick is None:
            return sorted_json(_NO_PROXY)
        path = pick.path
        place = place_of(pick.record, path)
        known = self._bodies.get(place)
        # A path may be part of several states of a record.
        if known is not None and known[0] is pick.record and known[1] is path:
            return known[2]
        body = sorted_json(proxy_pool_object(pick))
        self._bodies.put(place, (pick.record, path, body))
        return body

    async def pop(self, request: Request) -> Response:
        pick = await self._service.pop(self._query(request))
        return sorted_json_response(_NO_PROXY if pick is None else proxy_pool_object(pick))

    async def all(self, request: Request) -> Response:
        query = self._query(request)
        await in_parts(lambda: self._service.advance_listing(query))
        return sorted_json_response([proxy_pool_object(pick) for pick in self._service.list(query)])

    async def count(self, request: Request) -> Response:
        # Both kinds that /all/ can give, so that "https" is the length of /all/?type=https.
        for query in (_TUNNELS, _FORWARDS_ONLY):
            await in_parts(partial(self._service.advance_listing, query))
        https, http = self._service.count(_TUNNELS), self._service.count(_FORWARDS_ONLY)
        sources: Counter[str] = Counter()
        if https + http <= _LOOKED_THROUGH:
            for query in (_TUNNELS, _FORWARDS_ONLY):
                for pick in self._service.list(query):
                    sources.update(pick.record.sources)
        else:
            sources.update(self._service.stats().by_source)
        kinds = {name: count for name, count in (("http", http), ("https", https)) if count}
        return sorted_json_response({"http_type": kinds, "source": sources, "count": http + https})

    async def delete(self, request: Request) -> Response:
        named = [value for name, value in params_of(request.scope["query_string"]) if name == "proxy"]
        if not named or re.fullmatch(DELETE_PATTERN, named[0]) is None:
            detail = "Say which proxy to take out: /delete/?proxy=HOST:PORT."
            return problem_response(Problem(400, "proxy_missing", detail, "proxy"))
        return sorted_json_response({"code": 0, "src": await self._service.delete(named[0])})

    async def refresh(self, request: Request) -> Response:
        await self._service.refresh()
        return text_response("success")
