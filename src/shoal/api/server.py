"""uvicorn in our own loop: signals stay ours, a taken port is a sentence, and closing is quick."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from shoal.api.protocol import BoundedProtocol
from shoal.api.shed import Shed
from shoal.errors import ShoalError
from shoal.net.accepting import BurstAcceptor
from shoal.net.lag import LoopLag
from shoal.net.listening import BACKLOG, bind_listener
from shoal.options import ApiOptions

_MAX_CONNECTIONS: Final = 10_000
"""Above this the answer is 503: descriptors belong to the checks as well."""
_GRACE: Final = 0.5
"""Seconds that answers under way get when the server closes."""
_KEEP_ALIVE: Final = 75
"""Seconds that an idle connection is kept: above the 60 of common reverse proxies, so that they close first."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The program decides what a signal means, not one of its parts."""
        yield


class ApiHandle:
    """An API that listens; ``host`` and ``port`` are those it got. Owns the task that serves."""

    def __init__(
        self, server: uvicorn.Server, listener: socket.socket, accepting: BurstAcceptor, lag: LoopLag, shed: Shed
    ) -> None:
        self._shed = shed
        self._accepting = accepting
        self.host, self.port = listener.getsockname()[:2]
        self._server = server
        self._lag = lag
        self._task = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]), name="api")

    async def started(self) -> None:
        """Return once connections are taken; raises what stopped the server before that."""
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise ShoalError("the API stopped while it started")
            await asyncio.sleep(0.005)

    async def wait(self) -> None:
        """Until the server ends; raises what ended it."""
        await asyncio.shield(self._task)

    def refuse(self) -> None:
        """Answer no further request. Sets an attribute only: a signal handler may call it."""
        self._shed.is_stopping = True

    async def close(self) -> None:
        """Stop listening, give answers under way half a second, drop the rest."""
        self.refuse()
        self._lag.stop()
        self._accepting.close()
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=_GRACE)
        if not self._task.done():
            self._server.force_exit = True
            for connection in list(self._server.server_state.connections):
                transport = getattr(connection, "transport", None)
                if transport is not None:
                    transport.abort()
            # An answer whose client is gone ends by itself; only one that waits for something else is cut off.
            await asyncio.wait([self._task], timeout=_GRACE / 4)
            for task in list(self._server.server_state.tasks):
                task.cancel()
            await asyncio.wait([self._task], timeout=_GRACE / 2)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_GRACE / 2)
        if self._task.done() and not self._task.cancelled():
            self._task.result()


async def serve_api(
    app: ASGIApp, host: str, port: int, *, listener: socket.socket | None = None, max_lag: float = ApiOptions().max_lag
) -> ApiHandle:
    """Serve ``app`` on ``host``:``port`` (0 for any free port), or on a ``listener`` that is bound already.

    ``max_lag`` is ``ApiOptions.max_lag``. Raises ShoalError when the port cannot be had.
    """
    if listener is None:
        listener = await bind_listener(host, port, what="API", flag="--api")
    lag = LoopLag()
    shed = Shed(app, lag.seconds, max_lag, lambda: len(server.server_state.connections) > _MAX_CONNECTIONS)
    accepting = BurstAcceptor(asyncio.get_running_loop())

    def protocol(**arguments: Any) -> BoundedProtocol:
        """uvicorn's own call of its protocol class; what waits besides is taken in with the same arguments."""
        return accepting.wrap(lambda: BoundedProtocol(**arguments))()

    only_called: Any = protocol
    config = uvicorn.Config(
        shed,
        loop="none",
        http=only_called,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # what strangers send is not worth a line each
        access_log=False,
        # A client's address is what the socket says; X-Forwarded-For would let anyone choose theirs.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        backlog=BACKLOG,
    )
    lag.start()
    server = _Server(config)
    handle = ApiHandle(server, listener, accepting, lag, shed)
    try:
        await handle.started()
        accepting.watch([listener])
    except BaseException:  # whatever ended the start, an interrupt too: the listener must not stay
        await handle.close()
        raise
    return handle
