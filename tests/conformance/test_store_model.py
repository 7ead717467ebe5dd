"""Random histories: every store must answer as a model of a few lines does, and tell in its feed what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.domain import Record, Trust
from shoal.ports.store import ChangeKind, Store
from shoal.stores.redis import RedisStore
from shoal.testing.builders import make_admitted, make_path, make_record

NUMBERS = st.integers(0, 4)
SOME = st.lists(NUMBERS, min_size=1, max_size=5)
STEP = st.one_of(
    st.tuples(st.just("add"), SOME, st.sampled_from(Trust), st.sampled_from("ab"), st.booleans()),
    st.tuples(st.just("claim"), st.integers(1, 4), st.integers(1, 30)),
    st.tuples(st.just("claim these"), SOME, st.integers(1, 30)),
    st.tuples(st.just("unclaim"), SOME),
    st.tuples(st.just("save"), st.lists(st.tuples(NUMBERS, st.integers(0, 40), st.booleans()), min_size=1, max_size=5)),
    st.tuples(st.just("delete"), SOME, st.sampled_from([0, 15])),
    st.tuples(st.just("pop"), NUMBERS, st.sampled_from([0, 15])),
    st.tuples(st.just("expire"), st.integers(0, 40), st.integers(0, 40)),
    st.tuples(st.just("take"), st.integers(0, 3), NUMBERS, st.integers(1, 20), st.booleans()),
    st.tuples(st.just("release"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(1, 20)),
)
KEYS = [make_admitted(number).key for number in range(5)]
CAPACITY = 2


class Known:
    """A record as far as the model goes."""

    def __init__(self, now: float, own: bool, source: str) -> None:
        self.own = own
        self.sources = [source]
        self.last_seen = now
        self.next_check = 0.0 if own else now
        self.claimed_until: float | None = None
        self.last_ok = 0.0
        self.checked = False


class Model:
    """The port's words in their plainest form."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.known: dict[str, Known] = {}
        self.tombstones: dict[str, float] = {}
        self.leases: dict[str, tuple[str, float, bool]] = {}

    def add(self, numbers: list[int], trust: Trust, source: str, imported: bool) -> tuple[int, int, int]:
        new = known = tombstoned = 0
        for key in (KEYS[number] for number in numbers):
            if imported:
                self.tombstones.pop(key, None)
            if (it := self.known.get(key)) is not None:
                it.own |= trust is Trust.OWN
                it.last_seen = self.now
                it.sources += [source] * (source not in it.sources)
                known += 1
            elif self.tombstones.get(key, 0) > self.now:
                tombstoned += 1
            else:
                self.known[key] = Known(self.now, trust is Trust.OWN, source)
                new += 1
        return new, known, tombstoned

    def free(self) -> dict[str, float]:
        return {
            key: it.next_check
            for key, it in self.known.items()
            if it.next_check <= self.now and (it.claimed_until is None or it.claimed_until <= self.now)
        }

    def remove(self, key: str, tombstone: float) -> bool:
        if self.known.pop(key, None) is None:
            return False
        if tombstone:
            self.tombstones[key] = self.now + tombstone
        return True

    def standing(self, key: str) -> list[bool]:
        return [alone for held, until, alone in self.leases.values() if held == key and until > self.now]

    def take(self, lease_id: str, key: str, expires_at: float, exclusive: bool) -> bool:
        standing = self.standing(key)
        taken = lease_id in self.leases and self.leases[lease_id][1] > self.now
        if key not in self.known or taken or len(standing) >= CAPACITY or any(standing) or (exclusive and standing):
            return False
        self.leases[lease_id] = (key, expires_at, exclusive)
        return True


def test_any_history_leaves_what_the_model_holds(make_store: Callable[[], Store]) -> None:
    # A server is asked over a socket, some ten times a step, and two kinds of server run the same scripts.
    examples = 12 if isinstance(make_store(), RedisStore) else 50

    @given(steps=st.lists(STEP, min_size=20, max_size=60))
    @settings(max_examples=examples, deadline=None)
    def histories(steps: list[tuple[object, ...]]) -> None:
        asyncio.run(replay(make_store(), steps))

    histories()


async def replay(store: Store, steps: list[tuple[object, ...]]) -> None:
    await store.open()
    model = Model()
    index: dict[str, Record] = {}
    seq = await store.seq()
    for step in steps:
        await take_step(store, model, step)
        seq = await catch_up(store, index, seq)
        await compare(store, model, index)
    await store.close()


async def take_step(store: Store, model: Model, step: tuple[object, ...]) -> None:
    now, known = model.now, model.known
    match step:
        case ("add", list(numbers), Trust() as trust, str(source), bool(imported)):
            batch = [make_admitted(number, trust=trust, source=source) for number in numbers]
            added = await store.add(batch, now, imported=imported)
            assert (added.new, added.known, added.tombstoned) == model.add(numbers, trust, source, imported)
        case ("claim", int(limit), int(lease)):
            free = model.free()
            claimed = await store.claim_due(now, limit, float(lease))
            # Which of several that are due at one instant come first is nobody's promise.
            first = sorted(due for key, due in free.items() if known[key].last_ok)[: max(1, limit * 7 // 10)]
            assert [record.next_check for record in claimed[: len(first)]] == first
            ahead = {record.key for record in claimed[: len(first)]}
            others = sorted(due for key, due in free.items() if key not in ahead)[: limit - len(first)]
            assert [record.next_check for record in claimed[len(first) :]] == others
            assert {record.key for record in claimed} <= set(free)
            for record in claimed:
                known[record.key].claimed_until = now + lease
        case ("claim these", list(numbers), int(lease)):
            named = list(dict.fromkeys(KEYS[number] for number in numbers))
            free_now = [
                key for key in named if (it := known.get(key)) and (it.claimed_until is None or it.claimed_until <= now)
            ]
            assert [record.key for record in await store.claim(named, now, float(lease))] == free_now
            for key in free_now:
                known[key].claimed_until = now + lease
        case ("unclaim", list(numbers)):
            await store.unclaim([KEYS[number] for number in numbers])
            for number in numbers:
                if (it := known.get(KEYS[number])) is not None:
                    it.claimed_until = None
        case ("save", list(states)):
            records = [
                make_record(n, paths=(make_path(last_ok=now),) if ok else (), checks=1, next_check=now + wait)
                for n, wait, ok in states
            ]
            assert await store.save(records) == {KEYS[n] for n, _, _ in states} - set(known)
            for n, wait, ok in states:
                if (it := known.get(KEYS[n])) is not None:
                    it.next_check, it.claimed_until = now + wait, None
                    it.last_ok, it.checked = now if ok else 0.0, True
        case ("delete", list(numbers), int(tombstone)):
            removed = await store.delete([KEYS[number] for number in numbers], now, tombstone)
            assert removed == sum(model.remove(KEYS[number], tombstone) for number in numbers)
        case ("pop", int(number), int(tombstone)):
            popped = await store.pop(KEYS[number], now, tombstone)
            assert popped == (not any(model.standing(KEYS[number])) and model.remove(KEYS[number], tombstone))
        case ("expire", int(unseen), int(not_worked)):
            outdated = [
                key
                for key, it in known.items()
                if not it.own and it.last_seen <= now - unseen and (not it.last_ok or it.last_ok <= now - not_worked)
            ]
            assert await store.expire(now, unseen=unseen, not_worked=not_worked) == len(outdated)
            for key in outdated:
                del known[key]
        case ("take", int(lease), int(number), int(span), bool(exclusive)):
            taken = await store.take_lease(
                str(lease), KEYS[number], now, now + span, capacity=CAPACITY, exclusive=exclusive
            )
            assert taken == model.take(str(lease), KEYS[number], now + span, exclusive)
        case ("release", int(lease)):
            held = model.leases.pop(str(lease), ("", 0.0, False))
            assert await store.release_lease(str(lease), now) == (held[0] if held[1] > now else None)
        case ("wait", int(span)):
            model.now += span


async def catch_up(store: Store, index: dict[str, Record], since: int) -> int:
    """Apply the feed to ``index`` as the pool does."""
    newest = await store.seq()
    if newest == since:
        return since
    async for change in store.changes(since):
        if change.kind is ChangeKind.RESET:
            index.clear()
            index.update({record.key: record async for batch in store.verified() for record in batch})
        elif change.record is None:
            index.pop(change.key, None)
        else:
            index[change.key] = change.record
        if change.seq >= newest:
            break
    return newest


async def compare(store: Store, model: Model, index: dict[str, Record]) -> None:
    records = {record.key: record async for batch in store.scan(limit=2) for record in batch}
    assert set(records) == set(model.known)
    by_source: dict[str, int] = {}
    for key, it in model.known.items():
        record = records[key]
        assert (record.trust is Trust.OWN, list(record.sources)) == (it.own, it.sources)
        assert (record.last_seen, record.next_check) == (it.last_seen, it.next_check)
        for source in it.sources:
            by_source[source] = by_source.get(source, 0) + 1
    verified = {key: record for key, record in records.items() if record.is_verified}
    assert set(verified) == {key for key, it in model.known.items() if it.last_ok}
    assert {record.key: record async for batch in store.verified() for record in batch} == verified
    assert index == verified
    counts = await store.counts(model.now)
    assert (counts.known, counts.verified, counts.due) == (len(records), len(verified), len(model.free()))
    assert counts.unchecked == sum(not it.checked for it in model.known.values())
    assert dict(counts.by_source) == by_source
