"""Which store a URL names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shoal.errors import ConfigError
from shoal.options import SHARED_SCHEMES, StoreOptions
from shoal.ports.store import Store
from shoal.stores.memory import MemoryStore
from shoal.stores.seal import KEY_NAME, Sealer, make_key, read_key
from shoal.stores.sealed import sealed_store
from shoal.stores.sqlite import SqliteStore


def is_shared(url: str | None) -> bool:
    """True for a store that many machines may use at once."""
    return url is not None and url.partition(":")[0].lower() in SHARED_SCHEMES


def open_store(options: StoreOptions, default_path: Path) -> Store:
    """The store that ``options.url`` names, not yet opened; without a URL an SQLite file at ``default_path``.

    ``sqlite:///shoal.db`` lies in the working directory, ``sqlite:////var/lib/shoal.db`` is absolute, as SQLAlchemy
    reads such URLs. Raises ``ConfigError``.
    """
    if options.url is None:
        return _sealed(_sqlite(default_path, options), options, default_path.parent)
    try:
        url = urlsplit(options.url)
    except ValueError as error:
        raise ConfigError("store.url is no URL; write sqlite:///PATH, redis://HOST or memory:") from error
    if url.scheme == "memory":
        return MemoryStore()
    if url.scheme == "sqlite":
        store = _sqlite(_path(url.netloc, unquote(url.path)), options)
        return _sealed(store, options, store.path.parent)
    if is_shared(options.url):
        return _sealed(_redis(options.url, options), options, None)
    # Whatever else stands there may hold a password: only the scheme is repeated.
    raise ConfigError(
        f"store.url: no store is called {url.scheme or 'that'!r}; write sqlite:///PATH, redis://HOST or memory:"
    )


def store_file(options: StoreOptions, default_path: Path) -> Path:
    """The SQLite file that ``options.url`` names. Raises ``ConfigError`` when it names something else."""
    if options.url is None:
        return default_path
    url = urlsplit(options.url)
    if url.scheme != "sqlite":
        raise ConfigError(f"store.url: {url.scheme or 'that'} is no file; its own server copies it (BGSAVE for Redis)")
    return _path(url.netloc, unquote(url.path))


def _path(netloc: str, path: str) -> Path:
    if netloc or path == "/" or not path.startswith("/"):
        raise ConfigError(
            "store.url: sqlite: needs three slashes and a path, as in sqlite:///shoal.db or sqlite:////var/lib/shoal.db"
        )
    return Path(path[1:]).expanduser()


def _sealed(store: Store, options: StoreOptions, folder: Path | None) -> Store:
    """With the key that is named, else the one in ``folder``, which is made at the first opening."""
    if options.key_file is not None:
        named = Path(options.key_file).expanduser()
        return sealed_store(store, lambda: Sealer(read_key(named)))
    if folder is None:
        return store
    return sealed_store(store, lambda: Sealer(make_key(folder / KEY_NAME)))


def _sqlite(path: Path, options: StoreOptions) -> SqliteStore:
    return SqliteStore(path, batch=options.batch, batch_interval=options.batch_interval)


def _redis(url: str, options: StoreOptions) -> Store:
    try:
        from shoal.stores.redis import RedisStore
    except ImportError as error:
        raise ConfigError("store.url: Redis and Valkey need more packages; install shoal[cluster]") from error
    return RedisStore(url, prefix=options.prefix, password=options.password)
