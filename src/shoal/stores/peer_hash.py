"""The hash of a jhao104/proxy_pool in Redis or Valkey: read in bounded steps, and kept up as a mirror."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from shoal.errors import ConfigError, StoreError
from shoal.stores.redis.address import server_of

FIELD_LIMIT_BYTES: Final = 1_024
"""``user:password@host:port`` at its longest, with room."""
VALUE_LIMIT_BYTES: Final = 8_192
"""proxy_pool's own values have about 200 bytes; what is longer was not written by it and is not fetched."""
_STEP: Final = 500
_SCAN: Final = """
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found, big = {}, 0
for place = 1, #page[2], 2 do
  if #page[2][place] <= tonumber(ARGV[3]) and #page[2][place + 1] <= tonumber(ARGV[4]) then
    found[#found + 1] = page[2][place]
    found[#found + 1] = page[2][place + 1]
  else
    big = big + 1
  end
end
return {page[1], big, found}
"""
"""The server leaves out what is too long: whatever lies there never comes over the network."""
_NAMES: Final = """
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found = {}
for place = 1, #page[2], 2 do
  if #page[2][place] <= tonumber(ARGV[3]) then
    found[#found + 1] = page[2][place]
  else
    redis.call('HDEL', KEYS[1], page[2][place])
  end
end
return {page[1], found}
"""

Entry = tuple[bytes, bytes]


class PeerHash:
    """One hash. Methods raise ``StoreError`` while the server does not answer; the next call connects again."""

    def __init__(self, url: str, table: str, password: str | None = None, *, setting: str) -> None:
        """Raises ``ConfigError``, in which ``setting`` is named; no message shows the password."""
        try:
            server = server_of(url, password)
        except ConfigError as error:
            raise ConfigError(str(error).replace("store.url", setting)) from None
        self.name = server.name
        self._client = server.client
        self._table = table

    async def entries(self, *, limit: int) -> AsyncIterator[tuple[list[Entry], int]]:
        """Pages of fields and values, and how many of each page were too long; at most ``limit`` entries. Entries that
        change meanwhile may come twice or not at all."""
        kind = await self._ask("TYPE", self._table)
        if kind == b"none":
            raise StoreError(f"{self.name} has no hash named {self._table}; say --table NAME (proxy_pool: TABLE_NAME)")
        if kind != b"hash":
            raise StoreError(f"{self._table} at {self.name} is a {kind.decode('ascii', 'replace')}, not a hash")
        cursor, seen = b"0", 0
        while True:
            cursor, big, page = await self._page(cursor)
            seen += len(page) + big
            yield page[: max(0, len(page) - max(0, seen - limit))], big
            if cursor == b"0" or seen >= limit:
                return

    async def _page(self, cursor: bytes) -> tuple[bytes, int, list[Entry]]:
        try:
            cursor, big, flat = await self._send(
                "EVAL", _SCAN, 1, self._table, cursor, _STEP, FIELD_LIMIT_BYTES, VALUE_LIMIT_BYTES
            )
        except ResponseError:
            # Some hosts allow no scripts.
            cursor, flat = await self._ask("HSCAN", self._table, cursor, "COUNT", _STEP)
            if isinstance(flat, Mapping):
                flat = [part for entry in flat.items() for part in entry]
            pairs = list(zip(flat[::2], flat[1::2], strict=True))
            fit = [one for one in pairs if len(one[0]) <= FIELD_LIMIT_BYTES and len(one[1]) <= VALUE_LIMIT_BYTES]
            return _bytes(cursor), len(pairs) - len(fit), fit
        except (RedisError, OSError) as error:
            raise self._lost(error) from error
        return _bytes(cursor), int(big), list(zip(flat[::2], flat[1::2], strict=True))

    async def size(self) -> int:
        """Fields in the hash."""
        return int(await self._ask("HLEN", self._table))

    async def fields(self) -> set[bytes]:
        """Their names. What is too long to be ours is removed."""
        found: set[bytes] = set()
        cursor = b"0"
        while True:
            cursor, names = await self._ask("EVAL", _NAMES, 1, self._table, cursor, _STEP, FIELD_LIMIT_BYTES)
            found.update(names)
            if cursor == b"0":
                return found

    async def write(self, put: Sequence[Entry], drop: Sequence[bytes]) -> None:
        """Set these, then remove those; in steps, so that no other client of the server waits."""
        for start in range(0, len(put), _STEP):
            await self._ask("HSET", self._table, *(part for entry in put[start : start + _STEP] for part in entry))
        for start in range(0, len(drop), _STEP):
            await self._ask("HDEL", self._table, *drop[start : start + _STEP])

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, *command: Any) -> Any:
        try:
            return await self._send(*command)
        except (RedisError, OSError) as error:
            raise self._lost(error) from error

    async def _send(self, *command: Any) -> Any:
        return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def _lost(self, error: Exception) -> StoreError:
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return StoreError(f"{self.name} does not do what it is asked: {why}")


def _bytes(cursor: Any) -> bytes:
    return cursor if isinstance(cursor, bytes) else str(cursor).encode()
