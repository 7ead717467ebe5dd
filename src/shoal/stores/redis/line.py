"""One connection to the server: commands in order, gathered into pipelines, each with its own answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from shoal.errors import StoreError
from shoal.stores.redis.address import Server
from shoal.stores.redis.scripts import Script

_PIPELINE: Final = 256
"""Commands sent before their answers are read: both ends' buffers stay small."""

_LAST: Final = 0.3
"""Seconds that what was asked gets when the store is closed."""

Part: TypeAlias = bytes | str | int
_Waiting: TypeAlias = tuple[Sequence[Part], asyncio.Future[Any]]


class Line:
    """Whoever calls within one turn of the loop shares a round trip. A caller that is cancelled loses its answer only:
    what was asked is carried out. A lost connection is a ``StoreError`` for the calls under way; the next one connects
    again."""

    def __init__(self, server: Server, prefix: bytes) -> None:
        self._server = server
        self._prefix = prefix
        self._connection: AbstractConnection | None = None
        self._waiting: deque[_Waiting] = deque()
        self._pump: asyncio.Task[None] | None = None

    async def script(self, script: Script, *arguments: Part) -> Any:
        try:
            return await self.call("EVALSHA", script.sha, 1, self._prefix, *arguments)
        except NoScriptError:
            return await self.call("EVAL", script.text, 1, self._prefix, *arguments)

    def call(self, *command: Part) -> asyncio.Future[Any]:
        """The answer to come. ``NoScriptError`` comes out as it is, all else as ``StoreError``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((command, future))
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._run(), name="redis line")
        return future

    async def close(self) -> None:
        """Carry out what was asked, then hang up; a server that does not answer is not waited for."""
        if self._pump is not None:
            await asyncio.wait([self._pump], timeout=_LAST)
            if not self._pump.done():
                self._pump.cancel()
                await asyncio.wait([self._pump])
        self._fail(self._waiting, StoreError(f"the store at {self._server.name} was given up"))
        self._waiting.clear()

    async def _run(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _PIPELINE))]
            try:
                await self._exchange(batch)
            except (RedisError, OSError, asyncio.IncompleteReadError) as error:
                fault = _lost(self._server, error, asked=self._connection is not None)
                await self._hang_up()
                self._fail(batch, fault)
            except BaseException as error:
                await self._hang_up()
                self._fail(batch, StoreError(f"the store at {self._server.name} was given up: {type(error).__name__}"))
                raise
        # The pool looks whether the server hung up meanwhile when it is asked again.
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._server.client.connection_pool.release(connection)

    async def _exchange(self, batch: list[_Waiting]) -> None:
        if self._connection is None:
            self._connection = await self._server.client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        connection = self._connection
        await connection.send_packed_command(connection.pack_commands([command for command, _ in batch]))
        moved = False
        for _, future in batch:
            try:
                answer = await connection.read_response()
            except NoScriptError as error:
                _settle(future, error=error)
            except ResponseError as error:
                # After a fail-over the old master lives on as a replica: the next call asks who is master now.
                moved = moved or isinstance(error, ReadOnlyError)
                _settle(future, error=_refused(self._server, error))
            else:
                _settle(future, answer)
        if moved:
            await self._hang_up()

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._server.client.connection_pool.release(connection)

    def _fail(self, batch: Iterable[_Waiting], error: StoreError) -> None:
        for _, future in batch:
            _settle(future, error=error)


def _settle(future: asyncio.Future[Any], answer: Any = None, error: Exception | None = None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
        # A caller that was cancelled does not come for it.
        future.exception()


def _lost(server: Server, error: BaseException, *, asked: bool) -> StoreError:
    if "Authentication" in type(error).__name__:
        what = "refuses the password"
    elif "CERTIFICATE_VERIFY_FAILED" in str(error):
        what = "shows a certificate that is not trusted here; name its authority with ?ssl_ca_certs=/path/ca.pem"
    elif not asked:
        what = "cannot be reached; is it running, and may this machine connect to it?"
    else:
        silent = isinstance(error, TimeoutError) or "imeout" in type(error).__name__
        what = f"{'does not answer' if silent else 'is lost'}; what was not answered may or may not be stored"
    fault = StoreError(f"the store at {server.name} {what}")
    fault.__cause__ = error
    return fault


def _refused(server: Server, error: ResponseError) -> StoreError:
    # The server's first word says it all (OOM, NOAUTH, READONLY, ...); the rest may repeat what was sent.
    word = str(error).split(" ", 1)[0][:20]
    if "memory" in str(error):
        text = f"the store at {server.name} has no memory left (maxmemory): give it more or lower sources.capacity"
    else:
        text = f"the store at {server.name} refuses: {word} {str(error)[len(word) : 200]}".rstrip()
    fault = StoreError(text)
    fault.__cause__ = error
    return fault
