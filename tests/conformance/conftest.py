"""The adapters that every conformance test runs against. A new adapter is one more entry here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from itertools import count
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from shoal.ports.store import Store
from shoal.stores.memory import MemoryStore
from shoal.stores.redis import RedisStore
from shoal.stores.remote import RemoteStore
from shoal.stores.seal import Sealer
from shoal.stores.sealed import sealed_store
from shoal.stores.serve import serve_store
from shoal.stores.sqlite import SqliteStore
from shoal.testing.redis_server import debian_program, redis_server, valkey_program

FEED_LIMIT = 8
"""Small, so that a test can fall behind the feed."""

MakeStore = Callable[[], Store]


class ServedStore(RemoteStore):
    """Both ends of the socket: it serves a store of its own, and is that store's client."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._owned = MemoryStore(feed_limit=FEED_LIMIT)
        self._place = folder
        self._served: AsyncExitStack | None = None

    async def open(self) -> None:
        if self._served is None:
            self._place.mkdir(exist_ok=True)
            await self._owned.open()
            self._served = AsyncExitStack()
            await self._served.enter_async_context(serve_store(self._owned, self._place))
        await super().open()

    async def close(self) -> None:
        await super().close()
        served, self._served = self._served, None
        if served is not None:
            await served.aclose()
            await self._owned.close()


class Servers:
    """Servers of this worker, each started when a test first asks for it: Valkey from the wheel, Debian's Redis."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._urls: dict[str, str] = {}

    def url(self, name: str) -> str:
        if name not in self._urls:
            program = valkey_program() if name == "valkey" else debian_program()
            if program is None:
                pytest.skip("redis-server is not installed")
            self._urls[name] = self._stack.enter_context(redis_server(program)).url
        return self._urls[name]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


_prefixes = count()


@pytest.fixture(params=["memory", "sealed", "sqlite", "remote", "valkey", "redis"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> MakeStore:
    """Makes stores, each with a place of its own, not yet opened."""
    made = 0

    def make() -> Store:
        nonlocal made
        made += 1
        if request.param == "memory":
            return MemoryStore(feed_limit=FEED_LIMIT)
        if request.param == "sealed":
            return sealed_store(MemoryStore(feed_limit=FEED_LIMIT), lambda: Sealer(b"k" * 32))
        if request.param == "remote":
            return cast(Store, ServedStore(tmp_path / f"{made}"))
        if request.param in ("valkey", "redis"):
            url = servers.url(request.param)
            return RedisStore(url, prefix=f"test-{next(_prefixes)}", feed_limit=FEED_LIMIT)
        # Long beside a call, so that reads meet work that is answered and not yet committed; short beside a test.
        return SqliteStore(tmp_path / f"{made}.db", batch_interval=0.05, feed_limit=FEED_LIMIT)

    return make


@pytest_asyncio.fixture
async def store(make_store: MakeStore) -> AsyncIterator[Store]:
    store = make_store()
    await store.open()
    yield store
    await store.close()
