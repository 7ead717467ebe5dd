"""What every store promises of short links, tags and the renewal of leases."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from shoal.domain.link import Link, LinkKind
from shoal.ports.store import ChangeKind, Store
from shoal.testing.builders import make_admitted, make_path, make_record

NOW = 1_000_000.0
DAY = 86_400.0
LINK = Link("abc2345", "https://example.com/a", created_at=NOW)


async def test_a_link_is_kept_as_it_was_put(store: Store) -> None:
    full = Link("x", "limit=5", LinkKind.QUERY, True, True, False, NOW, NOW + DAY, 9)
    assert await store.put_link(full) == full
    assert await store.get_link("x") == full
    assert await store.get_link("X") is None


async def test_a_code_is_given_once(store: Store) -> None:
    assert await store.put_link(LINK) == LINK
    assert await store.put_link(replace(LINK, target="https://example.com/b")) is None
    assert await store.get_link(LINK.code) == LINK


async def test_a_shared_link_is_given_again(store: Store) -> None:
    first = await store.put_link(replace(LINK, shared=True))
    assert first is not None
    assert await store.put_link(replace(LINK, code="other", shared=True)) == first
    for unlike in (replace(LINK, permanent=True, shared=True, code="p"), replace(LINK, code="q")):
        kept = await store.put_link(unlike)
        assert kept is not None and kept.code == unlike.code


async def test_of_many_who_ask_at_once_all_get_the_same_shared_link(store: Store) -> None:
    wanted = [replace(LINK, code=f"c{number}", shared=True) for number in range(20)]
    kept = await asyncio.gather(*(store.put_link(link) for link in wanted))
    assert len({link.code for link in kept if link is not None}) == 1 and None not in kept


async def test_visits_are_counted(store: Store) -> None:
    await store.put_link(LINK)
    for number in (1, 2):
        assert await store.visit_link(LINK.code, NOW + number) == replace(LINK, clicks=number, last_click=NOW + number)
    assert await store.visit_link("none", NOW) is None
    assert await store.get_link(LINK.code) == replace(LINK, clicks=2, last_click=NOW + 2)


async def test_a_limit_of_visits_holds_for_visitors_at_once(store: Store) -> None:
    await store.put_link(replace(LINK, click_limit=3))
    visits = await asyncio.gather(*(store.visit_link(LINK.code, NOW) for _ in range(10)))
    assert sum(visit is not None for visit in visits) == 3


async def test_a_link_ends_at_its_time_and_is_dropped_with_what_is_outdated(store: Store) -> None:
    await store.put_link(replace(LINK, expires_at=NOW + 10))
    await store.put_link(replace(LINK, code="for-ever"))
    assert await store.visit_link(LINK.code, NOW + 9.9) is not None
    assert await store.visit_link(LINK.code, NOW + 10) is None
    assert await store.get_link(LINK.code) is not None
    await store.expire(NOW + 10, unseen=DAY, not_worked=DAY)
    assert await store.get_link(LINK.code) is None
    assert await store.get_link("for-ever") is not None


async def test_links_are_listed_in_the_order_of_codes(store: Store) -> None:
    for code in ("b", "a", "C", "d"):
        await store.put_link(replace(LINK, code=code))
    assert [link.code for link in await store.links("", 3)] == ["C", "a", "b"]
    assert [link.code for link in await store.links("b", 3)] == ["d"]


async def test_a_changed_link_keeps_its_visits_and_is_shared_no_longer(store: Store) -> None:
    await store.put_link(replace(LINK, shared=True))
    await store.visit_link(LINK.code, NOW + 1)
    changed = replace(LINK, target="https://example.com/b", permanent=True, click_limit=5, created_at=0.0)
    kept = await store.change_link(changed)
    assert kept == replace(changed, created_at=NOW, clicks=1, last_click=NOW + 1)
    assert await store.get_link(LINK.code) == kept
    assert await store.change_link(replace(LINK, code="none")) is None
    again = await store.put_link(replace(LINK, code="again", shared=True))
    assert again is not None and again.code == "again"


async def test_a_deleted_link_is_gone_and_its_target_free(store: Store) -> None:
    await store.put_link(replace(LINK, shared=True))
    assert await store.delete_link(LINK.code)
    assert not await store.delete_link(LINK.code)
    assert await store.get_link(LINK.code) is None
    again = await store.put_link(replace(LINK, code="again", shared=True))
    assert again is not None and again.code == "again"


async def test_links_outlive_the_store_that_was_closed(store: Store) -> None:
    await store.put_link(replace(LINK, shared=True))
    await store.visit_link(LINK.code, NOW)
    await store.close()
    await store.open()
    assert await store.get_link(LINK.code) == replace(LINK, shared=True, clicks=1, last_click=NOW)


# -- tags -------------------------------------------------------------------------------------------------------


async def test_tags_are_given_and_taken(store: Store) -> None:
    admitted = make_admitted(1, tags=("a", "b"))
    await store.add([admitted], NOW)
    (record,) = await store.retag([admitted.key, "none"], add=["c", "a", "d"], remove=["b", "d"])
    assert record.tags == ("a", "c")
    assert await store.get(admitted.id) == record


async def test_given_tags_stay_when_a_check_is_saved_or_a_source_lists_it_again(store: Store) -> None:
    admitted = make_admitted(1, tags=("listed",))
    await store.add([admitted], NOW)
    await store.retag([admitted.key], add=["mine"])
    await store.save([make_record(1, paths=(make_path(),), checks=1)])
    await store.add([admitted], NOW + 1)
    record = await store.get(admitted.id)
    assert record is not None and record.tags == ("listed", "mine")


async def test_followers_are_told_of_tags(store: Store) -> None:
    admitted = make_admitted(1)
    await store.add([admitted], NOW)
    await store.save([make_record(1, paths=(make_path(),), checks=1)])
    since = await store.seq()
    await store.retag([admitted.key], add=["mine"])
    async with asyncio.timeout(5):
        change = await anext(aiter(store.changes(since)))
    assert change.kind is ChangeKind.SAVED
    assert change.record is not None and change.record.tags == ("mine",)


# -- leases -----------------------------------------------------------------------------------------------------


async def test_a_standing_lease_is_renewed_and_no_other(store: Store) -> None:
    admitted = make_admitted(1)
    await store.add([admitted], NOW)
    assert await store.take_lease("l", admitted.key, NOW, NOW + 10, capacity=1, exclusive=True)
    assert await store.renew_lease("l", NOW + 9, NOW + 30)
    assert not await store.take_lease("m", admitted.key, NOW + 20, NOW + 40, capacity=1, exclusive=False)
    assert not await store.renew_lease("l", NOW + 30, NOW + 60)
    assert not await store.renew_lease("none", NOW, NOW + 60)
