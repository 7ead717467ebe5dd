"""Under more load than this process can take, some requests are refused at once: the rest are answered in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from shoal.api.responses import problem_response
from shoal.domain.problem import Problem

_EXEMPT: Final = frozenset({"/healthz", "/readyz"})
"""Who asks these decides whether to restart us: an answer that is late is still one."""
_CROWDED: Final = Problem(
    503, "too_many_connections", "More clients are connected than this process serves; ask again in a second."
)
_OVERLOADED: Final = Problem(
    503, "overloaded", "More requests come than this process can answer in time; ask again in a second."
)


_STOPPING: Final = Problem(503, "stopping", "This process is being stopped; ask again in some seconds.")


class Shed:
    """Outermost ASGI layer. ``lag`` tells by how many seconds the loop is behind, ``most`` how many are bearable;
    ``crowded`` whether more clients are connected than may be."""

    def __init__(self, app: ASGIApp, lag: Callable[[], float], most: float, crowded: Callable[[], bool]) -> None:
        self._app = app
        self._lag = lag
        self._most = most
        self._crowded = crowded
        self.is_stopping = False
        """Answer nothing any more, so that what stops us gets its turn."""
        self._gone = problem_response(_STOPPING, {"Retry-After": "5", "Connection": "close"})
        self._late = problem_response(_OVERLOADED, {"Retry-After": "1"})
        self._full = problem_response(_CROWDED, {"Retry-After": "1", "Connection": "close"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self.is_stopping:
                await self._gone(scope, receive, send)
                return
            if self._crowded():
                await self._full(scope, receive, send)
                return
            if self._lag() > self._most and scope["path"] not in _EXEMPT:
                await self._late(scope, receive, send)
                return
        await self._app(scope, receive, send)
