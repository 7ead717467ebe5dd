"""Routes of tokens: make, list, revoke."""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from shoal.api.bodies import read_body, read_token
from shoal.api.responses import NO_STORE, json_response, problem_response
from shoal.api.tokens import SCOPES, TOKEN_LIMIT, TokenBook
from shoal.api.views import token_view
from shoal.domain.problem import Problem
from shoal.ports import Clock


class TokenRoutes:
    """Endpoints over one book."""

    def __init__(self, book: TokenBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    async def make(self, request: Request) -> Response:
        wish = read_token(await read_body(request))
        expires_at = 0.0 if wish.seconds is UNSET else self._clock.now() + wish.seconds
        rate = None if wish.rate is UNSET else wish.rate
        made = await self._book.make(wish.name, SCOPES[wish.scope], expires_at, rate)
        if made is None:
            detail = f"There are {TOKEN_LIMIT} tokens already; revoke one that is not used."
            return problem_response(Problem(409, "too_many_tokens", detail))
        token, text = made
        return json_response(token_view(token, text), status=201)

    async def all(self, request: Request) -> Response:
        return json_response([token_view(token) for token in await self._book.all()])

    async def revoke(self, request: Request) -> Response:
        if not await self._book.revoke(request.path_params["id"]):
            return problem_response(Problem(404, "unknown_token", "No token has this id; /v1/tokens lists them."))
        return Response(status_code=204, headers=NO_STORE)
