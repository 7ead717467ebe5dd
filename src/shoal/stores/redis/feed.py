"""The change feed as a stream of the server. Numbers have no gaps: one that is missing means RESET."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from redis.exceptions import RedisError

from shoal.errors import StoreError
from shoal.ports.store import Change, ChangeKind
from shoal.stores.redis.address import Server
from shoal.stores.redis.blob import read_blob

_BLOCK_MS: Final = 1_000
"""How long the server holds an idle reader: below the time after which an answer counts as missing."""
_CHUNK: Final = 512


async def follow(server: Server, prefix: str, since: int, closed: asyncio.Event) -> AsyncIterator[Change]:
    """What ``Store.changes`` promises, over a connection of its own: a blocked reader must not hold others up."""
    pool = server.client.connection_pool
    closing = asyncio.get_running_loop().create_task(closed.wait(), name="feed closing")
    connection = None
    reading: asyncio.Task[Any] | None = None
    try:
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]

        async def ask(*command: Any) -> Any:
            await connection.send_packed_command(connection.pack_command(*command))
            return await connection.read_response()

        async def tail(since: int) -> tuple[int, Any]:
            seq = int(await ask("GET", f"{prefix}seq") or 0)
            if since > seq:
                return seq, None
            stream = ("STREAMS", f"{prefix}feed", f"{since}-0")
            return seq, await ask("XREAD", "COUNT", _CHUNK, "BLOCK", _BLOCK_MS, *stream)

        while not closed.is_set():
            reading = asyncio.get_running_loop().create_task(tail(since), name="feed reading")
            await asyncio.wait((reading, closing), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                break
            seq, answer = reading.result()
            entries = answer[0][1] if answer else ()
            # A number from the future comes from another life of the store: nothing is known of what was missed.
            if since > seq or (entries and _number(entries[0]) != since + 1) or (seq > since and not entries):
                since = int(await ask("GET", f"{prefix}seq") or 0)
                yield Change(since, ChangeKind.RESET)
                continue
            for entry in entries:
                since = _number(entry)
                kind, data = entry[1][:2]
                record = read_blob(data[8:])
                if kind == b"s":
                    yield Change(since, ChangeKind.SAVED, record.key, record)
                else:
                    yield Change(since, ChangeKind.GONE, record.key)
    except (RedisError, OSError) as error:
        if not closed.is_set():
            raise StoreError(f"the change feed of the store at {server.name} is lost") from error
    finally:
        closing.cancel()
        if reading is not None and not reading.done():
            reading.cancel()
            await asyncio.wait((reading,))
        if connection is not None:
            await connection.disconnect(nowait=True)
            await pool.release(connection)


def _number(entry: Any) -> int:
    return int(entry[0].partition(b"-")[0])
