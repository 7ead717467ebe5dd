"""The gate before all routes: asks ``guard.decide``, and lets in at once what needs no look."""

from __future__ import annotations

from math import ceil
from typing import Final

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Scope_

from shoal.api.guard import OPEN_PATHS, OPEN_UNPACED, Access, Paces, decide, is_own_host
from shoal.api.logins import WrongTokens
from shoal.api.responses import problem_response
from shoal.api.tokens import TokenBook
from shoal.domain.problem import Problem
from shoal.errors import StoreError
from shoal.ports import Clock

_TELLING: Final = frozenset({b"authorization", b"origin", b"referer", b"sec-fetch-site"})
"""Fields that ``decide`` has to read."""
_HOSTS: Final = 64
"""Spellings of our own name that are remembered."""
_ADMITTED: Final = "shoal.admitted"


class Gate:
    """Who may ask. One for all requests of an application."""

    def __init__(self, access: Access, tokens: TokenBook, paces: Paces, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._wrong = WrongTokens()
        self._tokens = tokens
        self._paces = paces
        self._always_looks = access.needs_token or paces.is_bounded
        self._hosts: set[bytes] = set()

    def lets_in(self, scope: Scope_) -> bool:
        """True for a script on a machine that is let in without a token: all that a busy pool is asked mostly."""
        if self._always_looks:
            return False
        host = None
        for name, value in scope["headers"]:
            if name == b"host":
                if host is not None:
                    return False
                host = value
            elif name in _TELLING:
                return False
        return host is None or host in self._hosts or self._is_ours(host)

    def _is_ours(self, host: bytes) -> bool:
        if not is_own_host(self._access, host.decode("latin-1")):
            return False
        if len(self._hosts) < _HOSTS:
            self._hosts.add(host)
        return True

    async def refusal(self, scope: Scope_) -> tuple[Problem | None, dict[str, str]]:
        """Why a request is refused, with the fields of that answer; ``scope`` knows its token afterwards."""
        fields, path = scope["headers"], scope["path"]
        client = scope["client"][0] if scope.get("client") else None
        if any(name == b"authorization" for name, _ in fields):
            if (wait := self._wrong.wait(client, self._clock.now())) > 0.0:
                # Before it is compared: right or wrong, the answer must tell nothing.
                detail = f"Too many wrong tokens came from this address; try again in {ceil(wait)} s."
                return Problem(429, "too_many_wrong_tokens", detail), {"Retry-After": str(ceil(wait))}
            try:
                await self._tokens.refresh()
            except StoreError as error:
                return Problem(503, "store_unavailable", f"{error}; try again shortly."), {"Retry-After": "1"}
        told = decide(
            self._access,
            scope["method"],
            path,
            fields,
            client,
            query_string=scope["query_string"],
            tokens=self._tokens,
        )
        if isinstance(told, Problem):
            if told.code == "token_wrong":
                self._wrong.count(client, self._clock.now())
            challenge = {"WWW-Authenticate": 'Bearer realm="shoal", Basic realm="shoal"'}
            return told, challenge if told.status == 401 else {}
        scope["shoal.token"] = told
        scope[_ADMITTED] = True
        if path in OPEN_PATHS or path.startswith(OPEN_UNPACED) or (wait := self._paces.wait(told, client)) <= 0.0:
            return None, {}
        seconds = ceil(wait)
        detail = f"More requests than this client may make; ask again in {seconds} s."
        return Problem(429, "too_many_requests", detail), {"Retry-After": str(seconds)}


class Guard:
    """ASGI middleware that asks a gate, unless somebody before it did."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope_, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _ADMITTED not in scope:
            problem, headers = await self._gate.refusal(scope)
            if problem is not None:
                await problem_response(problem, headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)
