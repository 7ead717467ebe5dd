from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from shoal.errors import ConfigError
from shoal.options import StoreOptions
from shoal.stores.memory import MemoryStore
from shoal.stores.open import open_store
from shoal.stores.redis import RedisStore
from shoal.stores.sqlite import SqliteStore

DEFAULT = Path("/data/shoal.db")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (None, "/data/shoal.db"),
        ("sqlite:////var/lib/shoal.db", "/var/lib/shoal.db"),
        ("sqlite:///shoal.db", "shoal.db"),
        ("sqlite:///./a/shoal.db", "a/shoal.db"),
        ("sqlite:////with%20space/x.db", "/with space/x.db"),
    ],
)
def test_sqlite_urls_name_a_file(url: str | None, path: str) -> None:
    store = cast(Any, open_store(StoreOptions(url=url), DEFAULT))
    # Below the layer that seals passwords.
    assert isinstance(store.below, SqliteStore)
    assert store.path == Path(path)


def test_memory() -> None:
    assert isinstance(open_store(StoreOptions(url="memory:"), DEFAULT), MemoryStore)


@pytest.mark.parametrize("url", ["redis://localhost/0", "valkeys://localhost", "redis+sentinel://a,b/main"])
def test_shared_stores(url: str) -> None:
    assert isinstance(open_store(StoreOptions(url=url), DEFAULT), RedisStore)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:secret@localhost:port", "store.url cannot be read"),
        ("redis+sentinel://:secret@localhost", "SERVICE"),
        ("mysql://user:secret@host/db", "no store is called 'mysql'"),
        ("shoal.db", "sqlite:///PATH"),
        ("", "sqlite:///PATH"),
        ("sqlite:shoal.db", "three slashes"),
        ("sqlite://shoal.db", "three slashes"),
        ("sqlite:///", "three slashes"),
        ("sqlite://[", "is no URL"),
    ],
)
def test_other_urls_are_refused_with_advice_and_without_secrets(url: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(StoreOptions(url=url), DEFAULT)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
