"""Importing: files, URLs, standard input or a proxy_pool's Redis, into a pool that runs or into its data folder."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack

from msgspec import Struct

from shoal.app.engine import secret_of
from shoal.app.pool_api import PoolApi
from shoal.config.folders import data_folder
from shoal.domain import Candidate, Scheme, Trust
from shoal.engine.collector import Collector
from shoal.engine.service import IMPORT_SOURCE
from shoal.errors import ConfigError, ShoalError
from shoal.net.clock import SystemClock
from shoal.net.resolver import SystemResolver
from shoal.options import Options
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.ports import SourceError, SourceState, Store
from shoal.sources.extract.proxy_pool import read_hash
from shoal.sources.registry import open_place
from shoal.stores.lock import DataLock
from shoal.stores.open import is_shared, open_store

_CHUNK = 5_000
"""Proxies of one request to a running pool: well below the bound on its bodies."""
_HASH_LIMIT = 2_000_000
"""Entries of a hash that are read: as many as a pool keeps by default."""

Part = tuple[Sequence[Candidate], Mapping[str, int]]


class Imported(Struct):
    """What became of it. ``read`` counts distinct entries that name a proxy, ``into`` is where they went."""

    into: str
    read: int = 0
    new: int = 0
    known: int = 0
    refused: dict[str, int] = {}

    def add(self, read: int, new: int, known: int, refused: Mapping[str, int]) -> None:
        self.read += read
        self.new += new
        self.known += known
        self.refused = dict(Counter(self.refused) + Counter(refused))


async def import_places(
    options: Options,
    places: Sequence[str],
    *,
    scheme: Scheme | None,
    trust: Trust,
    tags: tuple[str, ...],
    table: str,
    api: str | None = None,
    token: str | None = None,
) -> Imported:
    """Read each place and let it in; ``api`` names a pool that must be there. Raises the ``ShoalError`` family; what
    went in before an error stays."""
    pool = PoolApi(api or options.api.listen, token or options.api.token)
    parts = [_read(place, options, scheme, table) for place in places]
    if await pool.is_there():
        done = Imported(pool.url)
        for part in parts:
            async for candidates, refused in part:
                for start in range(0, max(1, len(candidates)), _CHUNK):
                    chunk = candidates[start : start + _CHUNK]
                    told = await pool.admit(chunk, trust, tags) if chunk else (0, 0, {})
                    done.add(len(chunk), *told)
                done.add(0, 0, 0, refused)
        return done
    if api is not None:
        raise ShoalError(f"no pool answers at {pool.url}; start it, or leave --api out to write into the data folder")
    return await _into_store(options, parts, trust, tags)


async def _into_store(
    options: Options, parts: Sequence[AsyncIterator[Part]], trust: Trust, tags: tuple[str, ...]
) -> Imported:
    folder = data_folder(options)
    store = open_store(options.store, folder / "shoal.db")
    async with AsyncExitStack() as stack:
        if not is_shared(options.store.url):
            stack.enter_context(DataLock(folder))
        await store.open()
        stack.push_async_callback(store.close)
        collector = await _collector(options, store)
        done = Imported((options.store.url and store_name(options.store.url)) or str(folder))
        for part in parts:
            async for candidates, refused in part:
                added, reasons, _ = await collector.admit(
                    candidates, source=IMPORT_SOURCE, trust=trust, tags=tags, refused=refused, imported=True
                )
                done.add(len(candidates), added.new, added.known, reasons)
        return done


def store_name(url: str) -> str:
    """A store's URL without what may be a password."""
    return url.partition("://")[0] + "://" + url.rpartition("@")[2].partition("://")[2] if "@" in url else url


async def _collector(options: Options, store: Store) -> Collector:
    rules = AddressRules.from_options(options.admission)
    admission = Admission(rules, options.admission, await secret_of(store))
    rng = random.Random(secrets.randbits(64))
    clock = SystemClock()
    return Collector((), store, admission, clock, rng, options.sources, options.admission, lambda: None)


async def _read(place: str, options: Options, scheme: Scheme | None, table: str) -> AsyncIterator[Part]:
    word = place.partition("://")[0].lower()
    if "://" in place and word not in ("http", "https"):
        async for part in _read_hash(place, table):
            yield part
        return
    rules = AddressRules.from_options(options.admission)
    source = open_place(place, scheme, options.sources, options.admission, SystemResolver(rules))
    try:
        harvest = await source.fetch(SourceState(source.name))
    except SourceError as error:
        raise ShoalError(f"{source.name}: {error}") from error
    yield harvest.candidates, harvest.refused


async def _read_hash(url: str, table: str) -> AsyncIterator[Part]:
    try:
        from shoal.stores.peer_hash import PeerHash
    except ImportError as error:
        raise ConfigError("reading Redis needs more packages: pip install 'shoal[cluster]'") from error
    peer = PeerHash(url, table, setting="redis://…")
    seen: set[str] = set()
    try:
        async for page, big in peer.entries(limit=_HASH_LIMIT):
            refused: dict[str, int] = {"too_long": big} if big else {}
            yield read_hash(page, refused, seen), refused
    finally:
        await peer.close()
