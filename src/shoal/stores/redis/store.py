"""The store that many machines share: every step of several keys is one script in the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from shoal.domain import Record, Trust, record_id
from shoal.domain.link import Link
from shoal.errors import StoreError
from shoal.ports.store import Added, Admitted, Change, Counts, SourceState, Swapped
from shoal.stores.codec import decode_source_state, encode_body, encode_source_state
from shoal.stores.origin import last_ok, new_record, verified_share
from shoal.stores.redis.address import server_of
from shoal.stores.redis.advice import advice_on
from shoal.stores.redis.blob import flags_of, kept_key, read_blob
from shoal.stores.redis.feed import follow
from shoal.stores.redis.line import Line, Part
from shoal.stores.redis.links import fields_of, link_of, way_of
from shoal.stores.redis.scripts import load_scripts

FEED_LIMIT: Final = 50_000
"""Changes kept for followers that lag: half a minute of a busy cluster, some 30 MB in the server."""
_CHUNK: Final = 250
"""Records a script handles at most: a few milliseconds in which the server does nothing else."""
_BUCKETS: Final = 4096
_EXPIRE_RECORDS: Final = 4_000
"""Records looked at in one go for whether they are outdated: some milliseconds, too."""
_SERVER_FORMAT: Final = b"1"
"""Layout of the keys; another number is another release's."""

T = TypeVar("T")

_pack = msgspec.msgpack.encode


class RedisStore:
    """``shoal.ports.store.Store`` on a Redis or Valkey server, with what a cluster needs beside it (``ports.cluster``).

    All keys begin with ``{prefix}:``. The braces are a hash tag: they share one slot, which scripts need on a Redis
    Cluster, where the pool therefore lives on one shard.
    """

    def __init__(
        self, url: str, *, prefix: str = "shoal", password: str | None = None, feed_limit: int = FEED_LIMIT
    ) -> None:
        self._server = server_of(url, password)
        self._prefix = f"{{{prefix}}}:"
        self._scripts = load_scripts()
        self._feed_limit = feed_limit
        self._line: Line | None = None
        self._closed = asyncio.Event()
        self.advice: tuple[str, ...] = ()
        """What the user should know of the server's settings, in sentences; known once it is open."""

    async def open(self) -> None:
        self._line = Line(self._server, self._prefix.encode())
        self._closed = asyncio.Event()
        try:
            found, self.advice = await asyncio.gather(
                self._call("SET", f"{self._prefix}format", _SERVER_FORMAT, "NX", "GET"), advice_on(self._line)
            )
        except BaseException:
            await self.close()
            raise
        if found not in (None, _SERVER_FORMAT):
            await self.close()
            raise StoreError(f"the store at {self._server.name} is kept by another release of Shoal (format {found!r})")

    async def close(self) -> None:
        self._closed.set()
        line, self._line = self._line, None
        if line is not None:
            await line.close()
            await self._server.client.aclose()

    # -- records ------------------------------------------------------------------------------------------------

    async def add(
        self, batch: Sequence[Admitted], now: float, *, imported: bool = False, capacity: int | None = None
    ) -> Added:
        room = "" if capacity is None else str(capacity)
        head = (self._feed_limit, repr(now), int(imported), room)
        totals = [0, 0, 0, 0]
        keys: list[str] = []
        for chunk in _chunks(batch):
            *answer, places = await self._run("add", *head, *_flat(_candidate(admitted, now) for admitted in chunk))
            totals = [total + int(more) for total, more in zip(totals, answer, strict=True)]
            keys += [chunk[int(place)].key for place in places]
        new, known, tombstoned, full = totals
        return Added(new, known, tombstoned, full, tuple(keys))

    async def claim_due(self, now: float, limit: int, lease: float, *, ahead: int | None = None) -> list[Record]:
        first = verified_share(limit) if ahead is None else min(ahead, limit)
        return _records(await self._run("claim", repr(now), limit, first, repr(now + lease), 1))

    async def claim(self, keys: Sequence[str], now: float, lease: float) -> list[Record]:
        claimed: list[Record] = []
        for chunk in _chunks(keys):
            claimed += _records(await self._run("claim_these", repr(now), repr(now + lease), *map(_id, chunk)))
        return claimed

    async def unclaim(self, keys: Sequence[str]) -> None:
        for chunk in _chunks(keys):
            await self._run("unclaim", *map(_id, chunk))

    async def next_due(self) -> float | None:
        first = await self._call("ZRANGE", f"{self._prefix}due", 0, 0, "WITHSCORES")
        return float(first[1]) if first else None

    async def save(self, records: Sequence[Record]) -> frozenset[str]:
        gone: set[str] = set()
        for chunk in _chunks(records):
            answers = await self._run("save", self._feed_limit, *_flat(_state(record, "") for record in chunk))
            gone.update(record.key for record, answer in zip(chunk, answers, strict=True) if answer == 1)
        return frozenset(gone)

    async def swap(self, states: Sequence[tuple[int, Record]]) -> Swapped:
        gone: set[str] = set()
        standing: dict[str, Record] = {}
        for chunk in _chunks(states):
            answers = await self._run("save", self._feed_limit, *_flat(_state(one, str(base)) for base, one in chunk))
            for (_, record), answer in zip(chunk, answers, strict=True):
                if answer == 1:
                    gone.add(record.key)
                elif answer != 0:
                    standing[record.key] = read_blob(answer)
        return Swapped(frozenset(gone), standing)

    async def get(self, id: str) -> Record | None:
        try:
            name = bytes.fromhex(id)
        except ValueError:
            return None
        return await self._get(name) if len(name) == 8 else None

    async def get_by_key(self, key: str) -> Record | None:
        return await self._get(_id(key))

    async def verified(self) -> AsyncIterator[Sequence[Record]]:
        ids = await self._call("SMEMBERS", f"{self._prefix}verified")
        for chunk in _chunks(list(ids)):
            blobs = await self._run("fetch", *chunk)
            records = [read_blob(blob) for blob in blobs if blob is not None]
            if found := [record for record in records if record.is_verified]:
                yield found

    async def scan(self, after: str = "", limit: int = 500) -> AsyncIterator[Sequence[Record]]:
        last = bytes.fromhex(after) if after else b""
        bucket = int(after[:3] or "0", 16)
        while bucket < _BUCKETS:
            following, *parts = await self._run("scan", bucket, limit)
            pairs = sorted((id, blob) for id, blob in zip(parts[::2], parts[1::2], strict=True) if id > last)
            page = pairs[:limit]
            if page:
                yield [read_blob(blob) for _, blob in page]
                last = page[-1][0]
            # Whole buckets come: what is more than a page is asked for again, so that it is not older than the page.
            bucket = int(last[:2].hex()[:3], 16) if len(pairs) > limit else following

    async def delete(self, keys: Sequence[str], now: float, tombstone: float) -> int:
        gone = 0
        for chunk in _chunks(keys):
            gone += await self._run("delete", self._feed_limit, _end(now, tombstone), *map(_id, chunk))
        return gone

    async def pop(self, key: str, now: float, tombstone: float) -> bool:
        return bool(await self._run("pop", self._feed_limit, _end(now, tombstone), _id(key), repr(now)))

    async def retag(self, keys: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[Record]:
        changed: list[Record] = []
        given, taken = _pack(list(dict.fromkeys(add))), _pack(list(remove))
        for chunk in _chunks(keys):
            changed += _records(await self._run("retag", self._feed_limit, given, taken, *map(_id, chunk)))
        return changed

    async def expire(self, now: float, *, unseen: float, not_worked: float) -> int:
        gone = 0
        bounds = (self._feed_limit, repr(now - unseen), repr(now - not_worked))
        known = int(await self._call("HGET", f"{self._prefix}counters", "known") or 0)
        step = max(1, _EXPIRE_RECORDS * _BUCKETS // max(known, _EXPIRE_RECORDS))
        for first in range(0, _BUCKETS, step):
            gone += await self._run("expire", *bounds, first, min(first + step, _BUCKETS) - 1)
        while await self._run("outdated", repr(now)):
            pass
        return gone

    async def counts(self, now: float) -> Counts:
        due, verified, (known, unchecked), sources = await self._run("counts", repr(now))
        by_source = {name.decode(): int(count) for name, count in zip(sources[::2], sources[1::2], strict=True)}
        return Counts(int(known or 0), verified, due, int(unchecked or 0), by_source)

    # -- leases -------------------------------------------------------------------------------------------------

    async def take_lease(
        self, lease_id: str, key: str, now: float, expires_at: float, *, capacity: int, exclusive: bool
    ) -> bool:
        rules = (repr(now), repr(expires_at), capacity, int(exclusive))
        return bool(await self._run("lease_take", lease_id, _id(key), key, *rules))

    async def release_lease(self, lease_id: str, now: float) -> str | None:
        key = await self._run("lease_end", lease_id, repr(now))
        return key.decode() if key else None

    async def renew_lease(self, lease_id: str, now: float, expires_at: float) -> bool:
        return bool(await self._run("lease_renew", lease_id, repr(now), repr(expires_at)))

    # -- short links --------------------------------------------------------------------------------------------

    async def put_link(self, link: Link) -> Link | None:
        way = way_of(link) if link.shared else ""
        kept = await self._run("link_put", link.code, way, _until(link.expires_at), *fields_of(link, new=True))
        return link_of(kept) if kept else None

    async def get_link(self, code: str) -> Link | None:
        kept = await self._call("HGETALL", f"{self._prefix}link:{code}")
        return link_of(kept) if kept else None

    async def visit_link(self, code: str, now: float) -> Link | None:
        kept = await self._run("link_visit", code, repr(now))
        return link_of(kept) if kept else None

    async def links(self, after: str, limit: int) -> list[Link]:
        return [link_of(kept) for kept in await self._run("link_page", after, limit) if kept]

    async def change_link(self, link: Link) -> Link | None:
        kept = await self._run("link_change", link.code, _until(link.expires_at), *fields_of(link, new=False))
        return link_of(kept) if kept else None

    async def delete_link(self, code: str) -> bool:
        return bool(await self._run("link_delete", code))

    # -- small things -------------------------------------------------------------------------------------------

    async def source_states(self) -> dict[str, SourceState]:
        kept = await self._call("HVALS", f"{self._prefix}sources")
        return {state.name: state for state in map(decode_source_state, kept)}

    async def save_source_state(self, state: SourceState) -> None:
        await self._call("HSET", f"{self._prefix}sources", state.name, encode_source_state(state))

    async def get_meta(self, name: str) -> bytes | None:
        value: bytes | None = await self._call("HGET", f"{self._prefix}meta", name)
        return value

    async def set_meta(self, name: str, value: bytes) -> None:
        await self._call("HSET", f"{self._prefix}meta", name, value)

    async def swap_meta(self, name: str, expected: bytes | None, value: bytes) -> bool:
        stands = (0, b"") if expected is None else (1, expected)
        return bool(await self._run("meta_swap", name, *stands, value))

    # -- change feed --------------------------------------------------------------------------------------------

    async def seq(self) -> int:
        return int(await self._call("GET", f"{self._prefix}seq") or 0)

    def changes(self, since: int) -> AsyncIterator[Change]:
        return follow(self._server, self._prefix, since, self._closed)

    # -- work of a cluster --------------------------------------------------------------------------------------

    async def claim_ids(self, now: float, limit: int, lease: float, *, ahead: int | None = None) -> list[str]:
        first = verified_share(limit) if ahead is None else min(ahead, limit)
        ids = await self._run("claim", repr(now), limit, first, repr(now + lease), 0)
        return [id.hex() for id in ids]

    async def late(self, now: float) -> float:
        # What was claimed and not checked counts from the next claim on.
        first = await self._call("ZRANGE", f"{self._prefix}due-verified", 0, 0, "WITHSCORES")
        return max(0.0, now - float(first[1])) if first else 0.0

    async def confirm(self, ids: Sequence[str], claimed_until: float, now: float, lease: float) -> list[Record]:
        found: list[Record] = []
        for chunk in _chunks(ids):
            names = [bytes.fromhex(id) for id in chunk]
            found += _records(await self._run("confirm", repr(claimed_until), repr(now + lease), repr(now), *names))
        return found

    async def hold(self, job: str, holder: str, seconds: float) -> bool:
        return bool(await self._run("hold", job, holder, int(seconds * 1000)))

    async def claimed(self, now: float) -> int:
        return int(await self._call("ZCOUNT", f"{self._prefix}claims", f"({now!r}", "+inf"))

    async def report(self, worker: str, info: bytes, added: Mapping[str, int]) -> None:
        await self._run("report", worker, info, *_flat((name, count) for name, count in added.items()))

    async def reports(self) -> tuple[dict[str, bytes], dict[str, int]]:
        workers, totals = await asyncio.gather(
            self._call("HGETALL", f"{self._prefix}workers"), self._call("HGETALL", f"{self._prefix}totals")
        )
        said = {name.decode(): info for name, info in zip(workers[::2], workers[1::2], strict=True)}
        return said, {name.decode(): int(count) for name, count in zip(totals[::2], totals[1::2], strict=True)}

    # -- the line -----------------------------------------------------------------------------------------------

    async def _get(self, id: bytes) -> Record | None:
        blob = (await self._run("fetch", id))[0]
        return None if blob is None else read_blob(blob)

    async def _run(self, script: str, *arguments: Part) -> Any:
        return await self._open_line().script(self._scripts[script], *arguments)

    async def _call(self, *command: Part) -> Any:
        return await self._open_line().call(*command)

    def _open_line(self) -> Line:
        if self._line is None:
            raise StoreError("the store is closed; open it before use")
        return self._line


def _id(key: str) -> bytes:
    return bytes.fromhex(record_id(key))


def _end(now: float, span: float) -> str:
    return repr(now + span) if span > 0 else ""


def _until(expires_at: float) -> str:
    return repr(expires_at) if expires_at else "0"


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


def _flat(groups: Iterable[Sequence[Part]]) -> list[Part]:
    return [part for group in groups for part in group]


def _records(answer: list[bytes]) -> list[Record]:
    return [read_blob(blob) for blob in answer[1::2]]


def _candidate(admitted: Admitted, now: float) -> tuple[Part, ...]:
    record = new_record(admitted, now)
    scheme = admitted.candidate.scheme
    return (
        *(_id(admitted.key), int(admitted.trust is Trust.OWN), scheme.value if scheme else "", admitted.source),
        *(_pack(list(admitted.tags)), repr(record.next_check), kept_key(record), encode_body(record)),
    )


def _state(record: Record, base: str) -> tuple[Part, ...]:
    return (
        *(_id(record.key), flags_of(record), repr(record.next_check), repr(last_ok(record))),
        *(record.version, base, encode_body(record)),
    )
