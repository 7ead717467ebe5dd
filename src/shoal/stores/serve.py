"""The process that owns a store lets others of this machine use it, over a Unix socket in the data folder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from shoal.errors import StoreError
from shoal.log import Log
from shoal.ports.store import Store
from shoal.stores.calls import (
    ARGUMENTS,
    CALLS,
    FRAME_LIMIT_BYTES,
    HELLO,
    MORE,
    REQUESTS,
    Answer,
    Request,
    SocketPath,
    encode,
    framed,
    read_frame,
)

_AT_ONCE = 256
"""Calls of one client under way; further ones wait in its socket."""

log = Log("shoal.store")


@asynccontextmanager
async def serve_store(store: Store, folder: Path) -> AsyncIterator[None]:
    """While open, processes of this user reach ``store`` (which must be open) by ``RemoteStore(folder)``.

    Hold the folder's ``DataLock``: a socket that is found there is taken for a dead one's. Raises ``StoreError``.
    """
    place = SocketPath(folder)
    clients: set[asyncio.Task[None]] = set()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        clients.add(task)
        try:
            await _Client(store, reader, writer).run()
        except asyncio.CancelledError:
            # Only we cancel it, below: asyncio.streams would report the cancellation of its own task as a fault.
            pass
        finally:
            clients.discard(task)
            writer.close()

    with place as name:
        try:
            place.path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(met, name, limit=FRAME_LIMIT_BYTES)
            place.path.chmod(0o600)
        except OSError as error:
            raise StoreError(f"{place.path}: {error.strerror or error}; choose another folder with --data") from error
        try:
            yield
        finally:
            server.close()
            with contextlib.suppress(OSError):
                place.path.unlink()
            ending = set(clients)
            for task in ending:
                task.cancel()
            if ending:
                await asyncio.wait(ending)


class _Client:
    """One connection: calls side by side, each answered as soon as it is done."""

    def __init__(self, store: Store, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._store = store
        self._reader = reader
        self._writer = writer
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._wanted = asyncio.Semaphore(0)

    async def run(self) -> None:
        self._writer.write(framed(HELLO))
        async with asyncio.TaskGroup() as tasks:
            under_way = set()
            while (frame := await read_frame(self._reader)) is not None:
                try:
                    request = REQUESTS.decode(frame)
                except (msgspec.MsgspecError, UnicodeError):
                    break
                if request.method == MORE:
                    self._wanted.release()
                    continue
                await self._slots.acquire()
                task = tasks.create_task(self._answer(request), name=f"store call {request.method}")
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            # The client is gone: whatever it waited for, a change feed above all, ends with it.
            for task in under_way:
                task.cancel()

    async def _answer(self, request: Request) -> None:
        try:
            await self._do(request)
        except StoreError as error:
            await self._send(Answer(request.number, ok=False, body=msgspec.Raw(encode(str(error)))))
        except OSError:
            pass  # the client went away while it was answered
        except Exception:
            # One call that trips a fault of ours must not end all others; the client gets a sentence, the log the rest.
            log.exception("a store call met a fault", method=request.method)
            told = "the process that owns the store met a fault, which its log describes"
            await self._send(Answer(request.number, ok=False, body=msgspec.Raw(encode(told))))
        finally:
            self._slots.release()

    async def _do(self, request: Request) -> None:
        call = CALLS.get(request.method)
        if call is None:
            raise StoreError(f"the process that owns the store knows no {request.method[:40]}; restart both")
        arguments = msgspec.structs.asdict(ARGUMENTS[request.method].decode(request.body))
        method = getattr(self._store, request.method)
        if not call.is_stream:
            await self._send(Answer(request.number, body=msgspec.Raw(encode(await method(**arguments)))))
            return
        async with contextlib.aclosing(method(**arguments)) as items:
            async for item in items:
                await self._send(Answer(request.number, body=msgspec.Raw(encode(item))))
                if call.is_pulled:
                    await self._wanted.acquire()
        await self._send(Answer(request.number, ends=True))

    async def _send(self, answer: Answer) -> None:
        with contextlib.suppress(ConnectionError):
            self._writer.write(framed(answer))
            await self._writer.drain()
