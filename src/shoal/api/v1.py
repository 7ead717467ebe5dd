"""The API's own routes: /v1, health and readiness."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import UNSET
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from shoal.api.bodies import LEASE_ID_PATTERN, read_body, read_feedback, read_lease, read_outcome, read_renewal
from shoal.api.paging import cursor_text
from shoal.api.query import PICK_FIELDS, Wanted, read_wanted
from shoal.api.recent import Recent
from shoal.api.responses import NO_STORE, encoded_response, json_response, problem_response, text_response
from shoal.api.row_text import RowText
from shoal.api.service import PoolService
from shoal.api.views import RenewalView, lease_view, past_view, record_view, rfc3339, stats_view
from shoal.domain import Pick
from shoal.domain.problem import Problem
from shoal.engine.on_request import Asked
from shoal.engine.turns import in_parts
from shoal.export import Format, content_type, export

_ID = re.compile("[0-9a-f]{16}", re.ASCII)
_UNKNOWN_ID = Problem(404, "unknown_id", "No proxy has this id: 16 hexadecimal digits from /v1/proxies.")
_PAUSED = "Checks are paused: our own network or the judges do not answer, so a check would say nothing of the proxy."
_LEASE_ID = re.compile(LEASE_ID_PATTERN, re.ASCII)


class V1:
    """Endpoints over one service. ``limit`` bounds the rows of one answer."""

    def __init__(self, service: PoolService, *, limit: int, version: str) -> None:
        self._service = service
        self._limit = limit
        self._version = version
        self._rows = RowText()
        self._wanted: Recent[bytes, Wanted] = Recent()

    async def proxies(self, request: Request) -> Response:
        wanted = read_wanted(request.scope["query_string"], limit=self._limit, more=("cursor",))
        await in_parts(lambda: self._service.advance_listing(wanted.query))
        return self.found(wanted)

    def found(self, wanted: Wanted) -> Response:
        """One page of what a query finds, in the form that it asks for."""
        page = self._service.page(wanted.query, wanted.cursor)
        headers = {"X-Total-Count": str(page.total)}
        if page.next is not None:
            headers["X-Next-Cursor"] = cursor_text(page.next)
        return self._shown(page.picks, wanted, headers)

    def _shown(self, picks: Sequence[Pick], wanted: Wanted, headers: Mapping[str, str] | None = None) -> Response:
        if wanted.format is Format.JSON:
            return encoded_response(self._rows.many(picks, wanted.credentials), headers=headers)
        text = export(picks, wanted.format, secrets=wanted.credentials)
        return text_response(text, headers=headers, media_type=content_type(wanted.format))

    async def pick(self, request: Request) -> Response:
        wanted = self._read(request.scope["query_string"])
        await in_parts(lambda: self._service.advance(wanted.query))
        found = self._answer(wanted)
        return found if isinstance(found, Response) else encoded_response(found)

    def picked(self, query_string: bytes) -> bytes | Response | None:
        """The answer to a pick, of one as JSON only the body; None where it takes too long to be made at once. Raises
        InvalidQueryError."""
        wanted = self._read(query_string)
        return self._answer(wanted) if self._service.advance(wanted.query) else None

    def _read(self, query_string: bytes) -> Wanted:
        wanted = self._wanted.get(query_string)
        if wanted is None:
            wanted = read_wanted(query_string, limit=self._limit, fields=PICK_FIELDS, more=("n",))
            self._wanted.put(query_string, wanted)
        return wanted

    def _answer(self, wanted: Wanted) -> bytes | Response:
        if wanted.n is not None:
            return self._pick_many(wanted, wanted.n)
        pick = self._service.pick(wanted.query)
        if pick is None:
            return problem_response(Problem(404, "no_proxy", self._why_none()))
        if wanted.format is not Format.JSON:
            return self._shown([pick], wanted)
        return self._rows.one(pick, wanted.credentials)

    def _pick_many(self, wanted: Wanted, n: int) -> Response:
        """Up to ``n`` of different proxies, as many as there are."""
        query = wanted.query
        picks: list[Pick] = []
        while len(picks) < n and (pick := self._service.pick(query)) is not None:
            picks.append(pick)
            query = replace(query, exclude=query.exclude | {pick.record.id})
        if not picks:
            return problem_response(Problem(404, "no_proxy", self._why_none()))
        return self._shown(picks, wanted)

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
            return problem_response(_UNKNOWN_ID)
        return json_response(record_view(record, self._service, credentials=wanted.credentials))

    async def check(self, request: Request) -> Response:
        id = request.path_params["id"]
        found = await self._service.check(id) if _ID.fullmatch(id) else None
        if found is None:
            return problem_response(_UNKNOWN_ID)
        asked, record = found
        if asked is Asked.PAUSED:
            return problem_response(Problem(503, "checks_paused", _PAUSED), {"Retry-After": "10"})
        if asked is Asked.BUSY:
            detail = "As many checks are asked for already as run at once; try again shortly."
            return problem_response(Problem(503, "checks_busy", detail), {"Retry-After": "1"})
        return json_response(record_view(record, self._service), status=200 if asked is Asked.CHECKED else 202)

    async def history(self, request: Request) -> Response:
        id = request.path_params["id"]
        record = await self._service.get(id) if _ID.fullmatch(id) else None
        if record is None:
            return problem_response(_UNKNOWN_ID)
        return json_response([past_view(result) for result in self._service.past(record.key)])

    async def feedback(self, request: Request) -> Response:
        if not await self.learned(await read_body(request)):
            return problem_response(Problem(404, "unknown_proxy", "The pool has no such proxy (any more)."))
        return Response(status_code=204, headers=NO_STORE)

    async def learned(self, body: bytes) -> bool:
        """Take feedback in; False when the pool has no such proxy. Raises InvalidQueryError, InvalidProxyError."""
        told = read_feedback(body)
        return await self._service.feedback(told.named, told.used_as, told.feedback)

    async def take(self, request: Request) -> Response:
        wish = read_lease(await read_body(request))
        lease = await self._service.take(wish.query, seconds=wish.seconds, exclusive=wish.exclusive)
        if lease is None:
            return problem_response(Problem(404, "no_proxy", self._why_none()))
        return json_response(lease_view(lease, credentials=wish.credentials), status=201)

    async def renew(self, request: Request) -> Response:
        id = request.path_params["id"]
        wish = read_renewal(await read_body(request))
        seconds = None if wish.seconds is UNSET else wish.seconds
        expires_at = await self._service.renew(id, seconds) if _LEASE_ID.fullmatch(id) else None
        if expires_at is None:
            return problem_response(Problem(404, "unknown_lease", "This lease has run out, or was released before."))
        return json_response(RenewalView(id, rfc3339(expires_at)))

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
        # Strangers may ask this, too: which problems they are, /v1/stats says.
        return json_response({"ready": True, "detail": why, "problems": len(self._service.stats().problems)})
