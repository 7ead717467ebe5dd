"""The adapters that every conformance test runs against. A new adapter is one more entry here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from shoal.ports.store import Store
from shoal.stores.memory import MemoryStore
from shoal.stores.sqlite import SqliteStore

FEED_LIMIT = 8
"""Small, so that a test can fall behind the feed."""

MakeStore = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    """Makes stores, each with a place of its own, not yet opened."""
    made = 0

    def make() -> Store:
        nonlocal made
        made += 1
        if request.param == "memory":
            return MemoryStore(feed_limit=FEED_LIMIT)
        # Long beside a call, so that reads meet work that is answered and not yet committed; short beside a test.
        return SqliteStore(tmp_path / f"{made}.db", batch_interval=0.05, feed_limit=FEED_LIMIT)

    return make


@pytest_asyncio.fixture
async def store(make_store: MakeStore) -> AsyncIterator[Store]:
    store = make_store()
    await store.open()
    yield store
    await store.close()
