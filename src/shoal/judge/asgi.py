"""The same answers as routes of a Starlette application, for the judge inside ``shoal up``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from shoal.judge.answers import Answer, answer, problem
from shoal.judge.request import canonical_address
from shoal.judge.server import BODY_LIMIT_BYTES, IDLE_TIMEOUT

JUDGE_PATHS = ("/check", "/check/", "/headers", "/nonce/{nonce:path}", "/doc/{name:path}", "/echo")
"""Without ``/`` and ``/get``, which belong to the API there."""

_CLOSE = ("Connection", "close")


class _AnyMethod:
    """An endpoint that Starlette takes as an ASGI application, so that every method reaches it."""

    def __init__(self, key: bytes | None, now: Callable[[], float]) -> None:
        self._key = key
        self._now = now

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        request = Request(scope, receive)
        try:
            reply = await self._answer(request)
        except ClientDisconnect:
            return
        response = Response(b"" if request.method == "HEAD" else reply.body, reply.status)
        fields = [*reply.headers, *reply.fields, ("Content-Length", str(len(reply.body)))]
        response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields]
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        body = bytearray()
        try:
            async with asyncio.timeout(IDLE_TIMEOUT):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > BODY_LIMIT_BYTES:
                        return problem(413, "body_too_large", f"A body has {BODY_LIMIT_BYTES} bytes at most.", _CLOSE)
        except TimeoutError:
            return problem(408, "body_too_slow", f"A body has {IDLE_TIMEOUT:g} seconds to arrive.", _CLOSE)
        scope = request.scope
        query = scope["query_string"].decode("latin-1")
        target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1") + (f"?{query}" if query else "")
        host, port = scope.get("client") or ("", 0)
        return answer(
            request.method,
            target,
            scope.get("http_version", "1.1"),
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
            bytes(body),
            peer=(canonical_address(host) or host, port),
            scheme=scope.get("scheme", "http"),
            key=self._key,
            now=self._now(),
        )


def judge_routes(key: bytes | None, now: Callable[[], float]) -> list[Route]:
    """Routes for ``JUDGE_PATHS``. ASGI servers write field names in lower case, so their case is not echoed here."""
    endpoint = _AnyMethod(key, now)
    return [Route(path, endpoint, include_in_schema=False) for path in JUDGE_PATHS]
