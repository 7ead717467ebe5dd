"""Idempotency keys: a write that is sent again with the same key is done once and answered the same.

After draft-ietf-httpapi-idempotency-key-header. Answers are kept in memory, so a restart forgets them.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shoal.api.bodies import read_body
from shoal.api.responses import problem_response
from shoal.domain.problem import Problem

_KEY: Final = re.compile(r"[!-~]{1,255}")
_KEPT: Final = 1_000
_KEPT_BYTES: Final = 65_536
"""Longer answers are not kept: a repeated import answers anew, and changes nothing."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Replays:
    """The last answers to writes that came with a key. One instance serves all routes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[bytes, Response | None]] = OrderedDict()

    def wrap(self, endpoint: Endpoint, limit: int) -> Endpoint:
        """``endpoint`` with keys; its body is read up to ``limit`` bytes."""

        async def guarded(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            if key is None:
                return await endpoint(request)
            if _KEY.fullmatch(key) is None:
                detail = "Idempotency-Key has 1 to 255 visible ASCII characters."
                return problem_response(Problem(400, "invalid_key", detail, "Idempotency-Key"))
            return await self._once(endpoint, request, key, await read_body(request, limit))

        return guarded

    async def _once(self, endpoint: Endpoint, request: Request, key: str, body: bytes) -> Response:
        who = request.headers.get("authorization", "")
        name = _digest(who, request.method, request.url.path, key)
        content = _digest(request.url.query, body)
        if name in self._kept:
            known, answer = self._kept[name]
            if known != content:
                detail = "This Idempotency-Key was used for another request; draw a new one."
                return problem_response(Problem(409, "key_reused", detail, "Idempotency-Key"))
            if answer is None:
                detail = "The first request with this Idempotency-Key is still under way; try again shortly."
                return problem_response(Problem(409, "key_in_use", detail, "Idempotency-Key"), {"Retry-After": "1"})
            return answer
        self._kept[name] = (content, None)
        try:
            answer = await endpoint(request)
        except BaseException:  # a client that went away (CancelledError) as much as a fault: nothing was answered
            self._kept.pop(name, None)
            raise
        if answer.status_code < 500 and len(answer.body) <= _KEPT_BYTES:
            self._kept[name] = (content, answer)
        else:
            self._kept.pop(name, None)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return answer


def _digest(*parts: str | bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
