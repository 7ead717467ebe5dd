"""A store that another process of this machine owns, reached over the Unix socket in its data folder."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from shoal.domain import Record
from shoal.errors import StoreError
from shoal.ports.store import Added, Admitted, Change, Counts, SourceState
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
    """``shoal.ports.store.Store`` of whoever runs ``serve_store`` on ``folder``.

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

    # -- calls --------------------------------------------------------------------------------------------------

    async def add(
        self, batch: Sequence[Admitted], now: float, *, imported: bool = False, capacity: int | None = None
    ) -> Added:
        done: Added = await self._call("add", batch=batch, now=now, imported=imported, capacity=capacity)
        return done

    async def claim_due(self, now: float, limit: int, lease: float) -> list[Record]:
        due: list[Record] = await self._call("claim_due", now=now, limit=limit, lease=lease)
        return due

    async def unclaim(self, keys: Sequence[str]) -> None:
        await self._call("unclaim", keys=keys)

    async def next_due(self) -> float | None:
        due: float | None = await self._call("next_due")
        return due

    async def save(self, records: Sequence[Record]) -> frozenset[str]:
        gone: frozenset[str] = await self._call("save", records=records)
        return gone

    async def get(self, id: str) -> Record | None:
        record: Record | None = await self._call("get", id=id)
        return record

    async def get_by_key(self, key: str) -> Record | None:
        record: Record | None = await self._call("get_by_key", key=key)
        return record

    async def delete(self, keys: Sequence[str], now: float, tombstone: float) -> int:
        removed: int = await self._call("delete", keys=keys, now=now, tombstone=tombstone)
        return removed

    async def pop(self, key: str, now: float, tombstone: float) -> bool:
        popped: bool = await self._call("pop", key=key, now=now, tombstone=tombstone)
        return popped

    async def expire(self, now: float, *, unseen: float, not_worked: float) -> int:
        removed: int = await self._call("expire", now=now, unseen=unseen, not_worked=not_worked)
        return removed

    async def counts(self, now: float) -> Counts:
        counts: Counts = await self._call("counts", now=now)
        return counts

    async def take_lease(
        self, lease_id: str, key: str, now: float, expires_at: float, *, capacity: int, exclusive: bool
    ) -> bool:
        given = {"lease_id": lease_id, "key": key, "now": now, "expires_at": expires_at}
        granted: bool = await self._call("take_lease", **given, capacity=capacity, exclusive=exclusive)
        return granted

    async def release_lease(self, lease_id: str, now: float) -> str | None:
        key: str | None = await self._call("release_lease", lease_id=lease_id, now=now)
        return key

    async def source_states(self) -> dict[str, SourceState]:
        states: dict[str, SourceState] = await self._call("source_states")
        return states

    async def save_source_state(self, state: SourceState) -> None:
        await self._call("save_source_state", state=state)

    async def get_meta(self, name: str) -> bytes | None:
        value: bytes | None = await self._call("get_meta", name=name)
        return value

    async def set_meta(self, name: str, value: bytes) -> None:
        await self._call("set_meta", name=name, value=value)

    async def seq(self) -> int:
        seq: int = await self._call("seq")
        return seq

    # -- iterators ----------------------------------------------------------------------------------------------

    def verified(self) -> AsyncIterator[Sequence[Record]]:
        return self._stream("verified")

    def scan(self, after: str = "", limit: int = 500) -> AsyncIterator[Sequence[Record]]:
        return self._stream("scan", after=after, limit=limit)

    async def changes(self, since: int) -> AsyncIterator[Change]:
        async for change in self._stream("changes", since=since):
            yield change
        if not self._closed:
            raise StoreError("the process that owns the store closed it")

    # -- the wire -----------------------------------------------------------------------------------------------

    async def _call(self, method: str, **arguments: Any) -> Any:
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

    async def _stream(self, method: str, **arguments: Any) -> AsyncIterator[Any]:
        if self._closed:
            raise StoreError("the store is closed; open it before use")
        line = await self._connect()
        self._streams.add(line)
        try:
            line.send(0, method, arguments)
            while (frame := await read_frame(line.reader)) is not None:
                answer = ANSWERS.decode(frame)
                if answer.ends:
                    return
                yield _result(method, answer)
                if CALLS[method].is_pulled:
                    line.writer.write(framed(Request(0, MORE, msgspec.Raw(b"\xc0"))))
            if not self._closed:
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
