"""The busiest addresses, answered as plain ASGI: the layers of the framework cost more than such an answer itself.

What is out of the ordinary (a query that is wrong, a failure, a repeated write) goes on to the ordinary routes, which
answer the same in more words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shoal.api.bodies import BODY_LIMIT_BYTES
from shoal.api.compat import Compat
from shoal.api.gate import Gate
from shoal.api.link_routes import LinkRoutes
from shoal.api.responses import JSON_FIELDS, problem_response
from shoal.api.v1 import V1
from shoal.errors import StoreError

_SHORT: Final = "/s/"
_FEEDBACK: Final = "/v1/feedback"
_KEY: Final = b"idempotency-key"
_LEARNED: Final = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class Hot:
    """Asks the same endpoints as the routes, without the layers between."""

    def __init__(self, gate: Gate, compat: Compat, v1: V1, links: LinkRoutes) -> None:
        self._gate = gate
        self._v1 = v1
        self._links = links
        self._gets: dict[str, Callable[[bytes], bytes | Response | None]] = {
            "/get/": compat.got,
            "/get": compat.got,
            "/v1/proxies/pick": v1.picked,
        }

    async def answers(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer it, or return False with nothing sent and nothing read that the scope does not hold."""
        method, path = scope["method"], scope["path"]
        if method == "GET":
            make = self._gets.get(path)
            if make is None and not path.startswith(_SHORT):
                return False
        elif method == "POST" and path == _FEEDBACK:
            if any(name == _KEY for name, _ in scope["headers"]):
                return False
        else:
            return False
        if not self._gate.lets_in(scope):
            problem, headers = await self._gate.refusal(scope)
            if problem is not None:
                await problem_response(problem, headers)(scope, receive, send)
                return True
        if method == "POST":
            return await self._learn(scope, receive, send)
        if make is None:
            return await self._follow(path[len(_SHORT) :], scope, receive, send)
        try:
            found = make(scope["query_string"])
        except Exception:  # noqa: BLE001 - the ordinary route meets it again and tells it
            return False
        if found is None:
            # The ordinary route makes it in parts.
            return False
        if isinstance(found, bytes):
            await _send(send, 200, [*JSON_FIELDS, (b"content-length", b"%d" % len(found))], found)
        else:
            await found(scope, receive, send)
        return True

    async def _follow(self, code: str, scope: Scope, receive: Receive, send: Send) -> bool:
        try:
            link = await self._links.visited(code)
        except StoreError:
            return False
        if link is None:
            return False
        await self._links.answer(link)(scope, receive, send)
        return True

    async def _learn(self, scope: Scope, receive: Receive, send: Send) -> bool:
        message = await receive()
        body: bytes = message.get("body", b"")
        while message.get("more_body") and len(body) <= BODY_LIMIT_BYTES:
            message = await receive()
            body += message.get("body", b"")
        scope["shoal.body"] = body
        if len(body) > BODY_LIMIT_BYTES:
            return False
        try:
            if not await self._v1.learned(body):
                return False
        except Exception:  # noqa: BLE001 - as above
            return False
        await _send(send, 204, _LEARNED, b"")
        return True


async def _send(send: Send, status: int, fields: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
