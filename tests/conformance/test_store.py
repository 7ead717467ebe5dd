"""What every store promises: the sentences of ``shoal.ports.store.Store``, one test each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec import structs

from shoal.domain import Blame, Credentials, Failure, Reach, Reason, Record, Scheme, Stage, Trust
from shoal.errors import StoreError
from shoal.ports.store import Added, Admitted, Change, ChangeKind, Counts, SourceState, Store, Swapped
from shoal.testing.builders import make_admitted, make_path, make_record

NOW = 1_000_000.0
DAY = 86_400.0
FEED_LIMIT = 8


async def fill(store: Store, numbers: Sequence[int], *, now: float = NOW) -> list[str]:
    """Public records that were never checked; their keys."""
    batch = [make_admitted(number) for number in numbers]
    await store.add(batch, now)
    return [admitted.key for admitted in batch]


async def fill_verified(store: Store, numbers: Sequence[int], *, last_ok: float = NOW, now: float = NOW) -> list[str]:
    keys = await fill(store, numbers, now=now)
    await store.save([worked(number, last_ok) for number in numbers])
    return keys


def worked(number: int, last_ok: float = NOW, *, next_check: float = NOW + 60) -> Record:
    return make_record(number, paths=(make_path(last_ok=last_ok),), checks=1, next_check=next_check)


def failed(number: int, *, next_check: float = NOW + 60) -> Record:
    failure = Failure(Stage.CONNECT, Reason.TIMEOUT, "no answer")
    return structs.replace(make_record(number, checks=1, next_check=next_check), failure=failure, misses=1)


async def gather(batches: AsyncIterator[Sequence[Record]]) -> list[Record]:
    return [record async for batch in batches for record in batch]


async def follow(store: Store, since: int, count: int) -> list[Change]:
    """The next ``count`` changes; a feed that has fewer fails the test instead of hanging it."""
    changes: list[Change] = []
    async with asyncio.timeout(5):
        async for change in store.changes(since):
            changes.append(change)
            if len(changes) == count:
                break
    return changes


def must(record: Record | None) -> Record:
    assert record is not None
    return record


# -- add --------------------------------------------------------------------------------------------------------


async def test_add_keeps_what_the_candidate_says(store: Store) -> None:
    admitted = make_admitted(
        7,
        scheme=Scheme.SOCKS5,
        credentials=Credentials("user", "pa:ss @"),
        source="mine",
        trust=Trust.OWN,
        tags=("fast", "eu"),
        country="DE",
    )
    assert (await store.add([admitted], NOW)).counts == Added(new=1).counts
    record = must(await store.get_by_key(admitted.key))
    assert record == await store.get(admitted.id)
    assert (record.id, record.key, record.endpoint) == (admitted.id, admitted.key, admitted.candidate.endpoint)
    assert record.credentials == Credentials("user", "pa:ss @")
    assert (record.claims, record.sources, record.tags) == ((Scheme.SOCKS5,), ("mine",), ("fast", "eu"))
    assert (record.trust, record.country) == (Trust.OWN, "DE")
    assert (record.first_seen, record.last_seen) == (NOW, NOW)
    assert (record.checks, record.paths) == (0, ())


async def test_add_without_a_claimed_scheme_claims_none(store: Store) -> None:
    await store.add([make_admitted(1, scheme=None)], NOW)
    assert (must(await store.get(make_admitted(1).id))).claims == ()


async def test_add_makes_new_records_due_at_once(store: Store) -> None:
    await fill(store, [1])
    assert [record.key for record in await store.claim_due(NOW, 10, 60)] == [make_admitted(1).key]


async def test_own_records_are_due_before_public_ones_that_wait_for_long(store: Store) -> None:
    await fill(store, [1, 2], now=NOW - DAY)
    await store.add([make_admitted(3, trust=Trust.OWN)], NOW)
    assert (await store.claim_due(NOW, 1, 60))[0].key == make_admitted(3).key


async def test_add_refreshes_what_sources_own(store: Store) -> None:
    await store.add([make_admitted(1, scheme=Scheme.HTTP, source="a", tags=("x",))], NOW)
    again = make_admitted(1, scheme=Scheme.SOCKS4, source="b", tags=("y", "x"))
    assert (await store.add([again], NOW + 10)).counts == Added(known=1).counts
    record = must(await store.get(again.id))
    assert record.claims == (Scheme.SOCKS4, Scheme.HTTP)
    assert record.sources == ("a", "b")
    assert record.tags == ("x", "y")
    assert (record.first_seen, record.last_seen) == (NOW, NOW + 10)


async def test_claims_are_ordered_most_recent_first_without_doubles(store: Store) -> None:
    for scheme in (Scheme.HTTP, Scheme.SOCKS5, None, Scheme.HTTP):
        await store.add([make_admitted(1, scheme=scheme)], NOW)
    assert (must(await store.get(make_admitted(1).id))).claims == (Scheme.HTTP, Scheme.SOCKS5)


async def test_add_leaves_what_checks_own(store: Store) -> None:
    await fill_verified(store, [1])
    before = must(await store.get(make_admitted(1).id))
    await store.add([make_admitted(1, source="b", country="FR")], NOW + 10)
    after = must(await store.get(before.id))
    assert after == structs.replace(before, sources=("list", "b"), last_seen=NOW + 10)


async def test_last_seen_never_goes_back(store: Store) -> None:
    await fill(store, [1])
    await fill(store, [1], now=NOW - 100)
    await store.add([make_admitted(1, source="b")], NOW - 50)
    assert (must(await store.get(make_admitted(1).id))).last_seen == NOW


async def test_trust_only_rises(store: Store) -> None:
    seen = []
    for trust in (Trust.PUBLIC, Trust.OWN, Trust.PUBLIC):
        await store.add([make_admitted(1, trust=trust)], NOW)
        seen.append((must(await store.get(make_admitted(1).id))).trust)
    assert seen == [Trust.PUBLIC, Trust.OWN, Trust.OWN]


async def test_add_names_the_new_ones(store: Store) -> None:
    await store.add([make_admitted(2)], NOW)
    added = await store.add([make_admitted(n) for n in (1, 2, 3, 3)], NOW)
    assert added.keys == (make_admitted(1).key, make_admitted(3).key)


async def test_a_key_twice_in_one_batch_is_new_once(store: Store) -> None:
    assert (await store.add([make_admitted(1, source="a"), make_admitted(1, source="b")], NOW)).counts == Added(
        new=1, known=1
    ).counts
    assert (must(await store.get(make_admitted(1).id))).sources == ("a", "b")


async def test_add_of_nothing_does_nothing(store: Store) -> None:
    assert (await store.add([], NOW)).counts == Added().counts


async def test_long_batches_are_added_whole(store: Store) -> None:
    batch = [make_admitted(number) for number in range(4_500)]
    assert (await store.add(batch, NOW, capacity=4_400)).counts == Added(new=4_400, full=100).counts
    assert (await store.counts(NOW)).known == 4_400


async def test_a_tombstone_keeps_sources_out_until_it_runs_out(store: Store) -> None:
    keys = await fill(store, [1])
    await store.delete(keys, NOW, DAY)
    assert (await store.add([make_admitted(1)], NOW + DAY - 1)).counts == Added(tombstoned=1).counts
    assert await store.get_by_key(keys[0]) is None
    assert (await store.add([make_admitted(1)], NOW + DAY)).counts == Added(new=1).counts


async def test_an_import_lifts_a_tombstone_for_good(store: Store) -> None:
    keys = await fill(store, [1])
    await store.delete(keys, NOW, DAY)
    assert (await store.add([make_admitted(1, trust=Trust.OWN)], NOW, imported=True)).counts == Added(new=1).counts
    await store.delete(keys, NOW, 0)
    assert (await store.add([make_admitted(1)], NOW)).counts == Added(new=1).counts


async def test_capacity_bounds_public_records_and_no_others(store: Store) -> None:
    await store.add([make_admitted(1, trust=Trust.OWN)], NOW)
    assert (await store.add([make_admitted(n) for n in (2, 3, 4)], NOW, capacity=2)).counts == Added(
        new=2, full=1
    ).counts
    assert (await store.add([make_admitted(2)], NOW, capacity=2)).counts == Added(known=1).counts
    assert (await store.add([make_admitted(5, trust=Trust.OWN)], NOW, capacity=2)).counts == Added(new=1).counts
    await store.delete([make_admitted(2).key], NOW, 0)
    assert (await store.add([make_admitted(6), make_admitted(7)], NOW, capacity=2)).counts == Added(
        new=1, full=1
    ).counts


async def test_a_public_record_that_becomes_own_makes_room(store: Store) -> None:
    await fill(store, [1])
    await store.add([make_admitted(1, trust=Trust.OWN)], NOW)
    assert (await store.add([make_admitted(2)], NOW, capacity=1)).counts == Added(new=1).counts


# -- claims -----------------------------------------------------------------------------------------------------


async def test_claims_come_earliest_first_up_to_the_limit(store: Store) -> None:
    await fill(store, [1, 2, 3, 4])
    await store.save([failed(n, next_check=NOW + due) for n, due in ((1, 30), (2, 10), (3, 20), (4, 99))])
    assert [r.key for r in await store.claim_due(NOW + 50, 2, 60)] == [make_admitted(2).key, make_admitted(3).key]
    assert [r.key for r in await store.claim_due(NOW + 50, 5, 60)] == [make_admitted(1).key]


async def test_what_ever_worked_is_claimed_first_but_never_takes_a_whole_claim(store: Store) -> None:
    await fill(store, range(1, 41))
    await store.save([failed(n, next_check=NOW) for n in range(1, 21)])
    await store.save([worked(n, next_check=NOW + 40) for n in range(21, 41)])
    hot = {make_admitted(n).key for n in range(21, 41)}
    claimed = [r.key for r in await store.claim_due(NOW + 50, 10, 60)]
    assert set(claimed[:7]) < hot and hot.isdisjoint(claimed[7:])


async def test_claims_give_the_whole_record(store: Store) -> None:
    await fill(store, [1])
    await store.save([worked(1, next_check=NOW)])
    (claimed,) = await store.claim_due(NOW, 1, 60)
    assert claimed == await store.get(claimed.id)
    assert claimed.paths == worked(1).paths


async def test_a_record_is_due_at_its_very_second(store: Store) -> None:
    await fill(store, [1])
    assert await store.claim_due(NOW - 0.001, 1, 60) == []
    assert len(await store.claim_due(NOW, 1, 60)) == 1


async def test_a_claim_holds_for_its_lease_and_no_longer(store: Store) -> None:
    await fill(store, [1])
    await store.claim_due(NOW, 1, 60)
    assert await store.claim_due(NOW + 59, 1, 60) == []
    assert len(await store.claim_due(NOW + 60, 1, 60)) == 1
    assert await store.claim_due(NOW + 61, 1, 60) == []


async def test_claims_that_ran_out_keep_their_place_in_the_order(store: Store) -> None:
    await fill(store, [1], now=NOW - 10)
    await store.claim_due(NOW, 1, 60)
    await fill(store, [2], now=NOW)
    assert [r.key for r in await store.claim_due(NOW + 60, 2, 60)] == [make_admitted(1).key, make_admitted(2).key]


async def test_saving_ends_a_claim(store: Store) -> None:
    await fill(store, [1])
    await store.claim_due(NOW, 1, 600)
    await store.save([failed(1, next_check=NOW + 5)])
    assert await store.claim_due(NOW + 4, 1, 60) == []
    assert len(await store.claim_due(NOW + 5, 1, 60)) == 1


async def test_an_earlier_claim_does_not_end_a_later_one(store: Store) -> None:
    await fill(store, [1])
    await store.claim_due(NOW, 1, 60)
    await store.save([failed(1, next_check=NOW + 1)])
    assert len(await store.claim_due(NOW + 1, 1, 600)) == 1
    assert await store.claim_due(NOW + 60, 1, 60) == []


async def test_how_many_that_worked_come_first_can_be_told(store: Store) -> None:
    verified = await fill_verified(store, range(10), now=NOW)
    await store.save([worked(number, next_check=NOW) for number in range(10)])
    new = await fill(store, range(10, 20), now=NOW - 1)
    assert [record.key in verified for record in await store.claim_due(NOW, 6, 60, ahead=2)] == 2 * [True] + 4 * [False]
    assert [record.key in new for record in await store.claim_due(NOW, 3, 60, ahead=0)] == 3 * [True]
    assert len(await store.claim_due(NOW, 5, 60, ahead=99)) == 5


async def test_what_was_claimed_before_it_was_due_is_not_due_when_the_claim_has_run_out(store: Store) -> None:
    await store.add([make_admitted(1)], NOW)
    (record,) = await store.claim_due(NOW, 1, 60)
    await store.save([structs.replace(record, next_check=NOW + 1000)])
    assert len(await store.claim([record.key], NOW + 10, 30)) == 1
    assert (await store.counts(NOW + 20)).due == 0
    assert (await store.counts(NOW + 50)).due == 0
    assert await store.claim_due(NOW + 50, 1, 60) == []
    assert (await store.counts(NOW + 1000)).due == 1


async def test_what_is_named_is_claimed_before_it_is_due(store: Store) -> None:
    keys = await fill(store, [1, 2, 3])
    await store.save([worked(2, next_check=NOW + 900)])
    await store.delete([keys[2]], NOW, 600)
    claimed = await store.claim([keys[1], "no such key", keys[2], keys[0], keys[1]], NOW, 60)
    assert [record.key for record in claimed] == [keys[1], keys[0]]
    assert claimed[0].next_check == NOW + 900
    assert await store.claim(keys, NOW + 59, 60) == []
    assert await store.claim_due(NOW + 59, 3, 60) == []
    assert await store.next_due() is None


async def test_claims_of_what_is_named_end_as_all_do(store: Store) -> None:
    keys = await fill(store, [1, 2])
    await store.claim(keys, NOW, 60)
    await store.unclaim([keys[0]])
    assert [record.key for record in await store.claim_due(NOW, 2, 600)] == [keys[0]]
    assert [record.key for record in await store.claim(keys, NOW + 60, 60)] == [keys[1]]
    await store.save([failed(2, next_check=NOW + 70)])
    assert [record.key for record in await store.claim_due(NOW + 70, 2, 60)] == [keys[1]]


async def test_what_is_due_is_not_named_and_claimed_twice(store: Store) -> None:
    keys = await fill(store, range(100))
    claims = await asyncio.gather(
        *(store.claim(keys[start : start + 40], NOW, 60) for start in range(0, 100, 20)),
        *(store.claim_due(NOW, 12, 60) for _ in range(5)),
    )
    claimed = [record.key for claim in claims for record in claim]
    assert len(claimed) == len(set(claimed)) == 100


async def test_unclaimed_records_are_due_again_at_once(store: Store) -> None:
    keys = await fill(store, [1, 2])
    await store.claim_due(NOW, 2, 600)
    await store.unclaim([keys[1], "no such key"])
    assert [record.key for record in await store.claim_due(NOW, 2, 60)] == [keys[1]]


async def test_fifty_claims_at_once_never_overlap(store: Store) -> None:
    await fill(store, range(500))
    claims = await asyncio.gather(*(store.claim_due(NOW, 12, 60) for _ in range(50)))
    keys = [record.key for claim in claims for record in claim]
    assert len(keys) == len(set(keys)) == 500


async def test_next_due_names_the_earliest_unclaimed_record(store: Store) -> None:
    assert await store.next_due() is None
    await fill(store, [1, 2])
    await store.save([failed(1, next_check=NOW + 10), failed(2, next_check=NOW + 20)])
    assert await store.next_due() == NOW + 10
    await store.claim_due(NOW + 10, 1, 60)
    assert await store.next_due() == NOW + 20
    await store.claim_due(NOW + 20, 1, 60)
    assert await store.next_due() is None
    await store.unclaim([make_admitted(1).key])
    assert await store.next_due() == NOW + 10


async def test_next_due_forgets_deleted_records(store: Store) -> None:
    await store.delete(await fill(store, [1]), NOW, 0)
    assert await store.next_due() is None


# -- save and get -----------------------------------------------------------------------------------------------


async def test_saved_records_come_back_whole(store: Store) -> None:
    await fill(store, [1])
    paths = (
        make_path(Scheme.HTTP, last_ok=NOW - 5),
        structs.replace(
            make_path(Scheme.SOCKS5, last_ok=0.0),
            failure=Failure(Stage.HANDSHAKE, Reason.AUTH),
            exit="2001:db8::1",
            country="NL",
            asn=64_500,
            profiled_at=NOW,
        ),
    )
    record = structs.replace(
        make_record(1, paths=paths, checks=9, next_check=NOW + 3.5),
        claims=(Scheme.HTTP,),
        country="NL",
        misses=2,
        last_check=NOW,
        failure=Failure(Stage.CONTENT, Reason.MISMATCH, "nonce"),
        blame=Blame.PROXY,
        version=4,
        first_seen=NOW - DAY,
        last_seen=NOW,
    )
    assert await store.save([record]) == frozenset()
    assert await store.get(record.id) == record


async def test_what_paths_showed_at_targets_is_kept_and_told(store: Store) -> None:
    keys = await fill_verified(store, [1])
    since = await store.seq()
    banned = Reach("shop.example", NOW - 9, NOW, 3, 1, 1, NOW + 900, "the answer was 403")
    path = structs.replace(make_path(last_ok=NOW), reaches=(banned, Reach("news.example", ok_at=NOW, oks=1)))
    await store.save([make_record(1, paths=(path,), checks=2)])
    (change,) = await follow(store, since, 1)
    assert must(change.record).paths == (path,)
    assert must(await store.get_by_key(keys[0])).paths == (path,)
    assert [record.paths for record in await gather(store.verified())] == [(path,)]


async def test_save_keeps_what_sources_own(store: Store) -> None:
    await store.add([make_admitted(1, scheme=Scheme.SOCKS4, source="a", tags=("t",), trust=Trust.OWN)], NOW)
    claims = structs.replace(worked(1), claims=(), sources=("z",), tags=(), trust=Trust.PUBLIC, last_seen=1.0)
    await store.save([claims])
    kept = must(await store.get(claims.id))
    assert (kept.claims, kept.sources, kept.tags) == ((Scheme.SOCKS4,), ("a",), ("t",))
    assert (kept.trust, kept.last_seen) == (Trust.OWN, NOW)
    assert kept.paths == claims.paths


async def test_a_record_deleted_between_claim_and_save_stays_deleted(store: Store) -> None:
    keys = await fill(store, [1, 2])
    claimed = await store.claim_due(NOW, 2, 60)
    await store.delete([keys[0]], NOW, 0)
    assert await store.save(claimed) == frozenset({keys[0]})
    assert await store.get_by_key(keys[0]) is None
    assert await store.get_by_key(keys[1]) is not None


async def test_the_last_of_two_states_in_one_save_stands(store: Store) -> None:
    await fill(store, [1])
    await store.save([worked(1), failed(1)])
    assert (must(await store.get(make_admitted(1).id))).misses == 1
    assert (await store.counts(NOW)).verified == 0


async def test_unknown_ids_and_keys_are_none(store: Store) -> None:
    assert await store.get("0" * 16) is None
    assert await store.get_by_key("") is None


async def test_verified_gives_all_records_of_which_a_path_ever_worked(store: Store) -> None:
    await fill(store, range(6))
    await store.save([worked(1), failed(2), worked(3, last_ok=1.0)])
    assert {record.key for record in await gather(store.verified())} == {make_admitted(1).key, make_admitted(3).key}


async def test_scan_is_ordered_and_batched(store: Store) -> None:
    await fill(store, range(25))
    batches = [batch async for batch in store.scan(limit=10)]
    assert [len(batch) for batch in batches] == [10, 10, 5]
    ids = [record.id for batch in batches for record in batch]
    assert ids == sorted(make_admitted(number).id for number in range(25))
    assert [record.id for record in await gather(store.scan(after=ids[9], limit=4))] == ids[10:]
    assert await gather(store.scan(after=ids[-1])) == []


async def test_records_deleted_during_a_scan_are_left_out(store: Store) -> None:
    await fill(store, range(9))
    seen: list[str] = []
    async for batch in store.scan(limit=3):
        seen += [record.id for record in batch]
        await store.delete([make_admitted(number).key for number in range(9)], NOW, 0)
    assert len(seen) == 3


# -- removal ----------------------------------------------------------------------------------------------------


async def test_delete_tells_how_many_went(store: Store) -> None:
    keys = await fill(store, [1, 2, 3])
    assert await store.delete([*keys[:2], keys[0], "no such key"], NOW, DAY) == 2
    assert await store.delete(keys, NOW, DAY) == 1
    assert (await store.counts(NOW)).known == 0


async def test_deleting_what_is_not_there_leaves_no_tombstone(store: Store) -> None:
    await store.delete([make_admitted(1).key], NOW, DAY)
    assert (await store.add([make_admitted(1)], NOW)).counts == Added(new=1).counts


async def test_delete_without_a_tombstone_lets_it_come_back(store: Store) -> None:
    await store.delete(await fill(store, [1]), NOW, 0)
    assert (await store.add([make_admitted(1)], NOW)).counts == Added(new=1).counts


async def test_pop_removes_and_tombstones(store: Store) -> None:
    (key,) = await fill(store, [1])
    assert await store.pop(key, NOW, DAY) is True
    assert await store.pop(key, NOW, DAY) is False
    assert await store.get_by_key(key) is None
    assert (await store.add([make_admitted(1)], NOW + 1)).counts == Added(tombstoned=1).counts


async def test_exactly_one_of_fifty_pops_gets_the_record(store: Store) -> None:
    (key,) = await fill(store, [1])
    answers = await asyncio.gather(*(store.pop(key, NOW, DAY) for _ in range(50)))
    assert answers.count(True) == 1


async def test_pop_waits_for_an_exclusive_lease_and_not_for_a_shared_one(store: Store) -> None:
    exclusive, shared = await fill(store, [1, 2])
    assert await store.take_lease("e", exclusive, NOW, NOW + 60, capacity=8, exclusive=True)
    assert await store.take_lease("s", shared, NOW, NOW + 60, capacity=8, exclusive=False)
    assert await store.pop(exclusive, NOW + 59, DAY) is False
    assert await store.pop(shared, NOW, DAY) is True
    assert await store.pop(exclusive, NOW + 60, DAY) is True


async def test_expire_forgets_public_records_that_nobody_lists_and_that_do_not_work(store: Store) -> None:
    await fill_verified(store, [1], last_ok=NOW)
    await fill_verified(store, [2], last_ok=NOW + 5 * DAY)
    await fill(store, [3, 4])
    await store.add([make_admitted(5, trust=Trust.OWN)], NOW)
    await fill(store, [4], now=NOW + 8 * DAY)
    assert await store.expire(NOW + 10 * DAY - 1, unseen=10 * DAY, not_worked=6 * DAY) == 0
    assert await store.expire(NOW + 10 * DAY, unseen=10 * DAY, not_worked=6 * DAY) == 2
    left = {record.key for record in await gather(store.scan())}
    assert left == {make_admitted(number).key for number in (2, 4, 5)}


async def test_expire_leaves_no_tombstones(store: Store) -> None:
    await fill(store, [1])
    assert await store.expire(NOW + DAY, unseen=DAY, not_worked=DAY) == 1
    assert (await store.add([make_admitted(1)], NOW + DAY)).counts == Added(new=1).counts


async def test_expire_keeps_tombstones_and_leases_that_still_stand(store: Store) -> None:
    gone, held = await fill(store, [1, 2])
    await store.delete([gone], NOW, DAY)
    await store.take_lease("a", held, NOW, NOW + 60, capacity=1, exclusive=False)
    await store.expire(NOW + 1, unseen=DAY, not_worked=DAY)
    assert (await store.add([make_admitted(1)], NOW + 1)).counts == Added(tombstoned=1).counts
    assert await store.release_lease("a", NOW + 1) == held


# -- counts -----------------------------------------------------------------------------------------------------


async def test_counts(store: Store) -> None:
    await store.add([make_admitted(n, source="a") for n in (1, 2, 3, 4)], NOW)
    await store.add([make_admitted(n, source="b") for n in (4, 5)], NOW)
    await store.save([worked(1), failed(2, next_check=NOW - 1)])
    counts = await store.counts(NOW)
    assert (counts.known, counts.verified, counts.due, counts.unchecked) == (5, 1, 4, 3)
    assert dict(counts.by_source) == {"a": 4, "b": 2}


async def test_removed_records_are_counted_no_more(store: Store) -> None:
    keys = await fill_verified(store, [1, 2, 3])
    await store.delete([keys[0]], NOW, DAY)
    await store.pop(keys[1], NOW, DAY)
    assert await store.counts(NOW) == Counts(known=1, verified=1, due=0, unchecked=0, by_source={"list": 1})
    await store.expire(NOW + DAY, unseen=1, not_worked=1)
    assert await store.counts(NOW) == Counts()


async def test_claimed_records_are_not_due_while_the_claim_lasts(store: Store) -> None:
    await fill(store, [1, 2, 3])
    await store.claim_due(NOW, 2, 60)
    assert (await store.counts(NOW)).due == 1
    assert (await store.counts(NOW + 60)).due == 3


async def test_sources_without_records_are_not_counted(store: Store) -> None:
    await store.delete(await fill(store, [1]), NOW, DAY)
    assert dict((await store.counts(NOW)).by_source) == {}


# -- leases -----------------------------------------------------------------------------------------------------


async def test_leases_need_a_record(store: Store) -> None:
    assert not await store.take_lease("a", "no such key", NOW, NOW + 60, capacity=8, exclusive=False)


async def test_shared_leases_stand_up_to_the_capacity(store: Store) -> None:
    (key,) = await fill(store, [1])
    taken = [await store.take_lease(f"{n}", key, NOW, NOW + 60, capacity=2, exclusive=False) for n in range(3)]
    assert taken == [True, True, False]
    assert await store.release_lease("0", NOW) == key
    assert await store.take_lease("3", key, NOW, NOW + 60, capacity=2, exclusive=False)


async def test_an_exclusive_lease_stands_alone(store: Store) -> None:
    (key,) = await fill(store, [1])
    assert await store.take_lease("a", key, NOW, NOW + 60, capacity=8, exclusive=False)
    assert not await store.take_lease("b", key, NOW, NOW + 60, capacity=8, exclusive=True)
    await store.release_lease("a", NOW)
    assert await store.take_lease("b", key, NOW, NOW + 60, capacity=8, exclusive=True)
    assert not await store.take_lease("c", key, NOW, NOW + 60, capacity=8, exclusive=False)
    assert not await store.take_lease("d", key, NOW, NOW + 60, capacity=8, exclusive=True)


async def test_leases_run_out(store: Store) -> None:
    (key,) = await fill(store, [1])
    await store.take_lease("a", key, NOW, NOW + 60, capacity=1, exclusive=True)
    assert not await store.take_lease("b", key, NOW + 59, NOW + 99, capacity=1, exclusive=True)
    assert await store.take_lease("b", key, NOW + 60, NOW + 99, capacity=1, exclusive=True)
    assert await store.release_lease("a", NOW + 60) is None


async def test_a_lease_is_released_once(store: Store) -> None:
    (key,) = await fill(store, [1])
    await store.take_lease("a", key, NOW, NOW + 60, capacity=1, exclusive=False)
    assert await store.release_lease("a", NOW + 59) == key
    assert await store.release_lease("a", NOW + 59) is None
    assert await store.release_lease("never was", NOW) is None


async def test_releasing_too_late_gives_none(store: Store) -> None:
    (key,) = await fill(store, [1])
    await store.take_lease("a", key, NOW, NOW + 60, capacity=1, exclusive=False)
    assert await store.release_lease("a", NOW + 60) is None


async def test_a_lease_can_be_released_after_its_record_went(store: Store) -> None:
    (key,) = await fill(store, [1])
    await store.take_lease("a", key, NOW, NOW + 60, capacity=1, exclusive=False)
    await store.delete([key], NOW, 0)
    assert await store.release_lease("a", NOW + 1) == key


async def test_an_id_that_stands_is_not_granted_twice(store: Store) -> None:
    first, second = await fill(store, [1, 2])
    assert await store.take_lease("a", first, NOW, NOW + 60, capacity=8, exclusive=False)
    assert not await store.take_lease("a", second, NOW, NOW + 60, capacity=8, exclusive=False)
    assert await store.release_lease("a", NOW) == first


async def test_fifty_exclusive_leases_at_once_grant_one(store: Store) -> None:
    (key,) = await fill(store, [1])
    granted = await asyncio.gather(
        *(store.take_lease(f"{n}", key, NOW, NOW + 60, capacity=8, exclusive=True) for n in range(50))
    )
    assert granted.count(True) == 1


# -- small things -----------------------------------------------------------------------------------------------


async def test_source_states_are_kept_by_name(store: Store) -> None:
    assert await store.source_states() == {}
    state = SourceState("a", '"tag"', "yesterday", NOW, failures=2, error="gone", found=30, refused={"bad_port": 5})
    await store.save_source_state(SourceState("b"))
    await store.save_source_state(SourceState("a"))
    await store.save_source_state(state)
    assert await store.source_states() == {"a": state, "b": SourceState("b")}


async def test_meta_is_swapped_only_when_nobody_else_did(store: Store) -> None:
    assert await store.swap_meta("list", None, b"one")
    assert not await store.swap_meta("list", None, b"two")
    assert not await store.swap_meta("list", b"two", b"three")
    assert await store.get_meta("list") == b"one"
    assert await store.swap_meta("list", b"one", b"")
    assert await store.swap_meta("list", b"", b"four")
    assert await store.get_meta("list") == b"four"


async def test_of_several_swaps_at_once_one_wins(store: Store) -> None:
    await store.set_meta("list", b"0")
    won = await asyncio.gather(*(store.swap_meta("list", b"0", str(number).encode()) for number in range(1, 9)))
    assert won.count(True) == 1
    assert await store.get_meta("list") == str(won.index(True) + 1).encode()


async def test_meta_is_kept_by_name(store: Store) -> None:
    assert await store.get_meta("secret") is None
    await store.set_meta("secret", b"\x00\xff")
    await store.set_meta("secret", b"")
    await store.set_meta("other", b"x")
    assert (await store.get_meta("secret"), await store.get_meta("other")) == (b"", b"x")


# -- change feed ------------------------------------------------------------------------------------------------


async def test_saves_of_verified_records_are_told_with_their_new_state(store: Store) -> None:
    await fill(store, [1, 2])
    since = await store.seq()
    await store.save([worked(1), failed(2)])
    (change,) = await follow(store, since, 1)
    assert (change.kind, change.key) == (ChangeKind.SAVED, make_admitted(1).key)
    assert change.record == await store.get(make_admitted(1).id)
    assert await store.seq() == change.seq > since


async def test_records_that_never_worked_do_not_reach_the_feed(store: Store) -> None:
    since = await store.seq()
    keys = await fill(store, [1, 2, 3])
    await store.save([failed(1), failed(2)])
    await store.delete(keys[:1], NOW, 0)
    await store.pop(keys[1], NOW, 0)
    await store.expire(NOW + DAY, unseen=1, not_worked=1)
    assert await store.seq() == since


async def test_a_listing_of_a_verified_record_is_told(store: Store) -> None:
    await fill_verified(store, [1])
    since = await store.seq()
    await store.add([make_admitted(1, source="b")], NOW + 1)
    (change,) = await follow(store, since, 1)
    assert change.record is not None
    assert (change.record.sources, change.record.last_seen) == (("list", "b"), NOW + 1)


async def test_removals_of_verified_records_are_told(store: Store) -> None:
    keys = await fill_verified(store, [1, 2, 3], last_ok=NOW)
    since = await store.seq()
    await store.delete([keys[0]], NOW, 0)
    await store.pop(keys[1], NOW, 0)
    await store.expire(NOW + DAY, unseen=DAY, not_worked=DAY)
    changes = await follow(store, since, 3)
    assert [(c.kind, c.key, c.record) for c in changes] == [(ChangeKind.GONE, key, None) for key in keys]


async def test_a_record_that_is_no_longer_verified_is_gone_from_the_feed(store: Store) -> None:
    await fill_verified(store, [1])
    since = await store.seq()
    await store.save([failed(1)])
    assert [change.kind for change in await follow(store, since, 1)] == [ChangeKind.GONE]


async def test_the_feed_is_in_order_and_waits_for_more(store: Store) -> None:
    await fill(store, [1, 2, 3])
    since = await store.seq()

    async def save() -> None:
        for number in (1, 2, 3):
            await store.save([worked(number)])
            # The follower must find each without the store being asked anything else.
            await store.seq()
            await asyncio.sleep(0)

    changes, _ = await asyncio.gather(follow(store, since, 3), save())
    assert [change.key for change in changes] == [make_admitted(number).key for number in (1, 2, 3)]
    assert [change.seq for change in changes] == sorted({change.seq for change in changes})


async def test_a_follower_goes_on_where_it_stopped(store: Store) -> None:
    since = await store.seq()
    keys = await fill_verified(store, [1, 2, 3])
    (first,) = await follow(store, since, 1)
    assert [change.key for change in await follow(store, first.seq, 2)] == keys[1:]


async def test_a_number_too_far_back_starts_with_reset(store: Store) -> None:
    since = await store.seq()
    await fill_verified(store, range(FEED_LIMIT + 1))
    (reset,) = await follow(store, since, 1)
    assert (reset.kind, reset.key, reset.record) == (ChangeKind.RESET, "", None)
    assert reset.seq == await store.seq()


async def test_a_number_that_is_just_kept_needs_no_reset(store: Store) -> None:
    since = await store.seq()
    keys = await fill_verified(store, range(FEED_LIMIT))
    assert [change.key for change in await follow(store, since, FEED_LIMIT)] == keys


async def test_a_number_of_the_future_starts_with_reset(store: Store) -> None:
    assert (await follow(store, await store.seq() + 5, 1))[0].kind is ChangeKind.RESET


async def test_a_follower_that_falls_behind_is_reset_and_goes_on(store: Store) -> None:
    await fill(store, range(20))
    feed = store.changes(await store.seq())
    await store.save([worked(0)])
    await store.seq()
    assert (await anext(feed)).kind is ChangeKind.SAVED
    await store.save([worked(number) for number in range(20)])
    await store.seq()
    assert (await anext(feed)).kind is ChangeKind.RESET
    await store.save([worked(5)])
    await store.seq()
    last = await anext(feed)
    assert (last.kind, last.key) == (ChangeKind.SAVED, make_admitted(5).key)


# -- life -------------------------------------------------------------------------------------------------------


async def test_closing_ends_followers(store: Store) -> None:
    async def all_changes(since: int) -> list[Change]:
        return [change async for change in store.changes(since)]

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        follower = tasks.create_task(all_changes(await store.seq()), name="follower")
        await asyncio.sleep(0)
        await store.close()
    assert follower.result() == []


async def test_closing_twice_does_nothing(store: Store) -> None:
    await store.close()
    await store.close()


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.get("0" * 16)
    with pytest.raises(StoreError, match="closed"):
        await store.add([make_admitted(1)], NOW)


async def test_reopening_keeps_everything(store: Store) -> None:
    first, second, third = await fill(store, [1, 2, 3])
    await store.save([worked(1)])
    await store.delete([second], NOW, DAY)
    await store.take_lease("a", first, NOW, NOW + 60, capacity=8, exclusive=True)
    await store.set_meta("m", b"v")
    await store.save_source_state(SourceState("list", found=3))
    before = (await gather(store.scan()), await store.counts(NOW))
    await store.close()
    await store.open()
    assert (await gather(store.scan()), await store.counts(NOW)) == before
    assert [record.key for record in await gather(store.verified())] == [first]
    assert (await store.add([make_admitted(2)], NOW)).counts == Added(tombstoned=1).counts
    assert not await store.pop(first, NOW, 0)
    assert await store.get_meta("m") == b"v"
    assert await store.source_states() == {"list": SourceState("list", found=3)}
    assert [record.key for record in await store.claim_due(NOW, 5, 60)] == [third]


async def test_a_cancelled_caller_neither_loses_the_write_nor_blocks_others(store: Store) -> None:
    async with asyncio.TaskGroup() as tasks:
        batch: list[Admitted] = [make_admitted(1)]
        adding = tasks.create_task(store.add(batch, NOW, imported=True), name="adding")
        await asyncio.sleep(0)
        adding.cancel()
    async with asyncio.timeout(5):
        assert (await store.add([make_admitted(2)], NOW, imported=True)).counts == Added(new=1).counts
        assert (await store.counts(NOW)).known == 2


# -- swap -------------------------------------------------------------------------------------------------------


def version(number: int, version: int, *, next_check: float = NOW + 60) -> Record:
    return structs.replace(worked(number, next_check=next_check), version=version)


async def test_swap_writes_what_was_made_from_the_stored_version(store: Store) -> None:
    await fill(store, [1])
    assert await store.swap([(0, version(1, 3))]) == Swapped()
    assert (must(await store.get_by_key(make_admitted(1).key))).version == 3
    assert await store.swap([(3, version(1, 4))]) == Swapped()


async def test_swap_tells_the_state_that_another_wrote_and_leaves_it(store: Store) -> None:
    keys = await fill(store, [1, 2])
    await store.save([version(1, 2)])
    standing = must(await store.get_by_key(keys[0]))
    done = await store.swap([(1, version(1, 5)), (0, version(2, 1))])
    assert done == Swapped(standing={keys[0]: standing})
    assert await store.get_by_key(keys[0]) == standing
    assert (must(await store.get_by_key(keys[1]))).version == 1


async def test_swap_tells_what_is_gone(store: Store) -> None:
    assert await store.swap([(0, version(1, 1))]) == Swapped(frozenset({make_admitted(1).key}))


async def test_a_swap_ends_a_claim_and_one_that_fails_does_not(store: Store) -> None:
    await fill(store, [1])
    await store.claim_due(NOW, 1, 600)
    await store.swap([(7, version(1, 8, next_check=NOW))])
    assert await store.claim_due(NOW, 1, 60) == []
    await store.swap([(0, version(1, 1, next_check=NOW))])
    assert len(await store.claim_due(NOW, 1, 60)) == 1


async def test_a_swap_is_told_and_one_that_fails_is_not(store: Store) -> None:
    await fill(store, [1, 2])
    since = await store.seq()
    await store.swap([(9, version(1, 10)), (0, version(2, 1))])
    assert [change.key for change in await follow(store, since, 1)] == [make_admitted(2).key]
    assert await store.seq() == since + 1


async def test_of_fifty_swaps_from_one_version_one_is_written(store: Store) -> None:
    await fill(store, [1])
    done = await asyncio.gather(*(store.swap([(0, version(1, 1))]) for _ in range(50)))
    assert sum(not swapped.standing for swapped in done) == 1
