"""A store that another process of this machine owns, reached over the Unix socket in its data folder."""

from __future__ import annotations

import asyncio
import errno
import inspect
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from shoal.errors import StoreError
from shoal.ports.store import Store
from shoal.stores.calls import (
    ANSWERS,
    CALLS,
    FRAME_LIMIT_BYTES,
    HELLO,
    MORE,
    RESULTS,
    Answer,
    Request,
    SocketPath,
    framed,
    read_frame,
)
from shoal.stores.calls import encode as encoded

_HELLO_TIMEOUT = 5.0
"""Seconds: the owner greets before it does anything else."""


class _Line:
    """One connection. Its answers are told apart by number; it is closed when either end is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.waiting: dict[int, asyncio.Future[Answer]] = {}
        self.is_open = True

    def send(self, number: int, method: str, arguments: dict[str, Any]) -> None:
        body = encoded(CALLS[method].arguments(**arguments))
        self.writer.write(framed(Request(number, method, msgspec.Raw(body))))

    async def listen(self) -> None:
        """Hand answers to those who wait, until the connection ends."""
        try:
            while (frame := await read_frame(self.reader)) is not None:
                answer = ANSWERS.decode(frame)
                future = self.waiting.pop(answer.number, None)
                if future is not None and not future.done():
                    future.set_result(answer)
        finally:
            self.close()

    def close(self) -> None:
        self.is_open = False
        self.writer.close()
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(StoreError(_GONE))
        self.waiting.clear()


_GONE = "the process that owns the store ended; what was not answered may or may not be stored"


class RemoteStore:
    """``shoal.ports.store.Store`` of whoever runs ``serve_store`` on ``folder``; ``remote_store`` gives one.

    The port's methods are added below, each by its signature: what the port learns, this learns with it.

    Calls share one connection, each iterator has its own, so that a slow follower slows nobody. A lost connection
    is a ``StoreError`` for the calls under way; the next call connects again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._line: _Line | None = None
        self._listener: asyncio.Task[None] | None = None
        self._streams: set[_Line] = set()
        self._connecting = asyncio.Lock()
        self._number = 0
        self._closed = True

    async def open(self) -> None:
        """Raises ``StoreError`` when nobody serves the store, or another version of Shoal does."""
        self._closed = False
        try:
            await self._calls_line()
        except StoreError:
            self._closed = True
            raise

    async def close(self) -> None:
        self._closed = True
        for line in self._streams:
            line.close()
        listener, self._listener, self._line = self._listener, None, None
        if listener is not None:
            listener.cancel()
            await asyncio.wait((listener,))

    async def _call(self, method: str, arguments: dict[str, Any]) -> Any:
        line = await self._calls_line()
        self._number += 1
        number = self._number
        future = line.waiting[number] = asyncio.get_running_loop().create_future()
        try:
            line.send(number, method, arguments)
            answer = await future
        finally:
            line.waiting.pop(number, None)
        return _result(method, answer)

    async def _stream(self, method: str, arguments: dict[str, Any]) -> AsyncIterator[Any]:
        if self._closed:
            raise StoreError("the store is closed; open it before use")
        line = await self._connect()
        self._streams.add(line)
        try:
            line.send(0, method, arguments)
            while (frame := await read_frame(line.reader)) is not None:
                answer = ANSWERS.decode(frame)
                if answer.ends:
                    break
                yield _result(method, answer)
                if CALLS[method].is_pulled:
                    line.writer.write(framed(Request(0, MORE, msgspec.Raw(b"\xc0"))))
            else:
                answer = None
            # A change feed ends only with the store: its owner closed it, and we did not.
            if not self._closed and (answer is None or not CALLS[method].is_pulled):
                raise StoreError(_GONE)
        finally:
            self._streams.discard(line)
            line.close()

    async def _calls_line(self) -> _Line:
        if self._closed:
            raise StoreError("the store is closed; open it before use")
        async with self._connecting:
            if self._line is None or not self._line.is_open:
                self._line = line = await self._connect()
                # Its owner is this store: close() cancels it and waits for it.
                self._listener = asyncio.get_running_loop().create_task(line.listen(), name="store answers")
            return self._line

    async def _connect(self) -> _Line:
        with SocketPath(self._folder) as name:
            try:
                reader, writer = await asyncio.open_unix_connection(name, limit=FRAME_LIMIT_BYTES)
            except OSError as error:
                nobody = ConnectionRefusedError(errno.ECONNREFUSED, str(error))
                raise StoreError(
                    f"no `shoal schedule` runs on {self._folder}; start one, or name its data folder with --data"
                ) from nobody
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT):
                hello = await read_frame(reader)
        except TimeoutError:
            hello = None
        if hello != encoded(HELLO):
            writer.close()
            raise StoreError(f"what runs on {self._folder} is another version of Shoal; restart it with this one")
        return _Line(reader, writer)


def _result(method: str, answer: Answer) -> Any:
    if not answer.ok:
        raise StoreError(msgspec.msgpack.decode(answer.body, type=str))
    return RESULTS[method].decode(answer.body)


def _forwarded(name: str) -> Callable[..., Any]:
    signature = inspect.signature(getattr(Store, name))

    def named(given: tuple[Any, ...], more: dict[str, Any]) -> dict[str, Any]:
        arguments = signature.bind(*given, **more).arguments
        arguments.pop("self")
        return arguments

    def stream(*given: Any, **more: Any) -> AsyncIterator[Any]:
        return cast(RemoteStore, given[0])._stream(name, named(given, more))

    async def call(*given: Any, **more: Any) -> Any:
        return await cast(RemoteStore, given[0])._call(name, named(given, more))

    return stream if CALLS[name].is_stream else call


for _name in CALLS:
    setattr(RemoteStore, _name, _forwarded(_name))


def remote_store(folder: Path) -> Store:
    """The store that another process serves on ``folder``, not yet opened."""
    return cast(Store, RemoteStore(folder))
