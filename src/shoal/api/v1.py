"""The API's own routes: /v1, health and readiness."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from shoal.api.bodies import LEASE_ID_PATTERN, read_body, read_feedback, read_lease, read_outcome
from shoal.api.query import PICK_FIELDS, read_wanted
from shoal.api.responses import NO_STORE, json_response, problem_response, text_response
from shoal.api.service import PoolService
from shoal.api.views import lease_view, proxy_view, record_view, stats_view
from shoal.domain.problem import Problem

_ID = re.compile("[0-9a-f]{16}", re.ASCII)
_LEASE_ID = re.compile(LEASE_ID_PATTERN, re.ASCII)


class V1:
    """Endpoints over one service. ``limit`` bounds the rows of one answer."""

    def __init__(self, service: PoolService, *, limit: int, version: str) -> None:
        self._service = service
        self._limit = limit
        self._version = version

    async def proxies(self, request: Request) -> Response:
        wanted = read_wanted(request.scope["query_string"], limit=self._limit)
        picks = self._service.list(wanted.query)
        full = wanted.query.limit is not None and len(picks) >= wanted.query.limit
        total = self._service.count(wanted.query) if full else len(picks)
        headers = {"X-Total-Count": str(total)}
        if wanted.text:
            lines = "".join(f"{pick.proxy.url(secrets=wanted.credentials)}\n" for pick in picks)
            return text_response(lines, headers=headers)
        return json_response([proxy_view(pick, credentials=wanted.credentials) for pick in picks], headers=headers)

    async def pick(self, request: Request) -> Response:
        wanted = read_wanted(request.scope["query_string"], limit=self._limit, fields=PICK_FIELDS)
        pick = self._service.pick(wanted.query)
        if pick is None:
            return problem_response(Problem(404, "no_proxy", self._why_none()))
        if wanted.text:
            return text_response(f"{pick.proxy.url(secrets=wanted.credentials)}\n")
        return json_response(proxy_view(pick, credentials=wanted.credentials))

    def _why_none(self) -> str:
        ready, why = self._service.ready()
        if not ready:
            return f"The pool has nothing to hand out: {why}."
        return "No proxy in the pool fits these filters now: leave one out, or lower min_forecast or raise max_age."

    async def proxy(self, request: Request) -> Response:
        wanted = read_wanted(request.scope["query_string"], limit=self._limit, fields=())
        id = request.path_params["id"]
        record = await self._service.get(id) if _ID.fullmatch(id) else None
        if record is None:
            return problem_response(
                Problem(404, "unknown_id", "No proxy has this id: 16 hexadecimal digits from /v1/proxies.")
            )
        return json_response(record_view(record, self._service, credentials=wanted.credentials))

    async def feedback(self, request: Request) -> Response:
        told = read_feedback(await read_body(request))
        if not await self._service.feedback(told.named, told.used_as, told.feedback):
            return problem_response(Problem(404, "unknown_proxy", "The pool has no such proxy (any more)."))
        return Response(status_code=204, headers=NO_STORE)

    async def take(self, request: Request) -> Response:
        wish = read_lease(await read_body(request))
        lease = await self._service.take(wish.query, seconds=wish.seconds, exclusive=wish.exclusive)
        if lease is None:
            return problem_response(Problem(404, "no_proxy", self._why_none()))
        return json_response(lease_view(lease, credentials=wish.credentials), status=201)

    async def release(self, request: Request) -> Response:
        id = request.path_params["id"]
        body = await read_body(request)
        told = read_outcome(body) if body else None
        scheme, feedback = (None, None) if told is None else (told.used_as, told.feedback)
        if _LEASE_ID.fullmatch(id) is None or not await self._service.release(id, scheme, feedback):
            return problem_response(Problem(404, "unknown_lease", "This lease has run out, or was released before."))
        return Response(status_code=204, headers=NO_STORE)

    async def stats(self, request: Request) -> Response:
        return json_response(stats_view(self._service.stats(), self._service.now(), self._version))

    async def healthz(self, request: Request) -> Response:
        return json_response({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        ready, why = self._service.ready()
        if not ready:
            return problem_response(Problem(503, "not_ready", why))
        return json_response({"ready": True, "detail": why})
