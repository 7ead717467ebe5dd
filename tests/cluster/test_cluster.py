"""What a cluster promises when parts of it die, freeze and come back. One cluster for all, in this order."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from threading import Event

import pytest
from redis import Redis

from shoal.domain import Record
from shoal.stores.redis import RedisStore

from .conftest import Cluster, until

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.timeout(600)]


def records(cluster: Cluster) -> list[Record]:
    async def read() -> list[Record]:
        store = RedisStore(cluster.valkey.url)
        await store.open()
        try:
            return [record async for batch in store.verified() for record in batch]
        finally:
            await store.close()

    return asyncio.run(read())


def leader(cluster: Cluster) -> str:
    """The name of the scheduler that leads."""
    with Redis.from_url(cluster.valkey.url) as client:
        holder = client.get("{shoal}:job:schedule")
    pids = {str(process.pid): name for name, process in cluster.processes.items()}
    return "" if holder is None else pids.get(bytes(holder).decode().split("-")[-2], "")


def grows(cluster: Cluster, by: int = 5) -> None:
    before = cluster.stat("checked_total")
    until(lambda: cluster.stat("checked_total") >= before + by, "checks that go on")


def through_gateway(cluster: Cluster, server: str = "one") -> bytes:
    proxy = f"http://127.0.0.1:{cluster.gateways[server]}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
    judge = next(url for url in cluster.lab["judges"] if url.startswith("http://")).partition("#")[0]
    with opener.open(judge, timeout=20) as answer:
        body: bytes = answer.read()
        return body


def seen_from(cluster: Cluster, vantage: str) -> int:
    views = [view for record in records(cluster) for path in record.paths for view in path.views]
    return sum(view.health.oks for view in views if view.vantage == vantage)


def test_workers_of_every_vantage_point_check_and_tell_what_they_saw_from_there(cluster: Cluster) -> None:
    until(lambda: all(seen_from(cluster, vantage) for vantage in ("eu", "us")), "checks from both vantage points")
    grows(cluster)
    assert through_gateway(cluster)


def test_what_one_replica_changes_the_other_knows(cluster: Cluster) -> None:
    rows = cluster.ask("one", "/v1/proxies?limit=1")
    assert cluster.ask("one", f"/v1/proxies/{rows[0]['id']}", method="DELETE") in (200, 204)

    def gone() -> bool:
        return rows[0]["id"] not in {row["id"] for row in cluster.ask("other", "/v1/proxies?limit=500")}

    began = time.monotonic()
    until(gone, "a deletion at the other replica", 20.0)
    # Within a second on an idle machine; asking for the page takes most of it here.
    assert time.monotonic() - began < 15.0


def test_a_killed_worker_costs_no_more_than_its_lease(cluster: Cluster) -> None:
    cluster.kill("us")
    before = {record.key: record.checks for record in records(cluster)}
    # Whatever it had in hand is checked again by the other one.
    until(
        lambda: all(record.checks > before.get(record.key, 0) for record in records(cluster)),
        "that every proxy is checked again",
    )
    cluster.worker("us", "us")


def test_another_scheduler_takes_over_from_one_that_was_killed(cluster: Cluster) -> None:
    first = until(lambda: leader(cluster), "a leader")
    cluster.kill(first)
    second = until(lambda: leader(cluster), "another leader", 30.0)
    assert second != first
    grows(cluster)


def test_a_frozen_store_stops_neither_picks_nor_the_gateway_and_no_proxy_is_blamed(cluster: Cluster) -> None:
    cluster.valkey.freeze()
    try:
        ends = time.monotonic() + 30.0
        while time.monotonic() < ends:
            assert cluster.ask("one", "/v1/proxies/pick")["proxy"]
            assert through_gateway(cluster)
            time.sleep(0.5)
        # What cannot be kept is not acknowledged.
        with pytest.raises((urllib.error.HTTPError, TimeoutError)) as refused:
            cluster.ask("one", "/v1/proxies", {"proxies": ["http://127.3.3.3:8080"]}, "POST", timeout=30.0)
        if isinstance(refused.value, urllib.error.HTTPError):
            assert refused.value.code == 503
    finally:
        cluster.valkey.thaw()
    grows(cluster, 20)
    # The lab's proxies of this kind always work: any failure would be ours.
    paths = [path for record in records(cluster) for path in record.paths if path.is_verified]
    assert paths and not [path.failure for path in paths if path.health.bads]


def test_what_was_acknowledged_outlives_a_store_that_is_killed(cluster: Cluster) -> None:
    addresses = [f"http://127.9.9.{number}:8080" for number in range(1, 21)]
    answer = cluster.ask("one", "/v1/proxies", {"proxies": addresses}, "POST")
    assert answer["new"] == 20
    cluster.valkey.kill()
    assert cluster.ask("one", "/v1/proxies/pick")["proxy"]
    cluster.valkey.start()

    async def known() -> int:
        store = RedisStore(cluster.valkey.url)
        await store.open()
        try:
            keys = [address.removeprefix("http://") for address in addresses]
            return sum([await store.get_by_key(key) is not None for key in keys])
        finally:
            await store.close()

    assert asyncio.run(known()) == 20
    grows(cluster)
    until(lambda: not [said for said in cluster.stat("problems") if "store" in said], "that all is well again")


def test_each_role_stops_at_once_under_load(cluster: Cluster) -> None:
    """An exit code of 0 says that it was down within ``STOP_LIMIT``: later than that a process ends itself, with
    another code. The times are printed."""
    cluster.start("many", "worker", "--processes", "2", "--vantage", "many")
    until(lambda: seen_from(cluster, "many"), "checks by a worker of two processes")
    over, took = Event(), {}

    def load(ask: Callable[[], object]) -> None:
        while not over.is_set():
            with suppress(OSError, HTTPException):
                ask()

    picks = partial(cluster.ask, "one", "/v1/proxies?limit=100")
    with ThreadPoolExecutor(8) as threads:
        try:
            for ask in (picks, partial(through_gateway, cluster)):
                for _ in range(4):
                    threads.submit(load, ask)
            for name in ("eu", "many", *(cluster.processes.keys() & {"first", "second"}), "one"):
                process = cluster.processes.pop(name)
                began = time.monotonic()
                process.terminate()
                assert process.wait(30.0) == 0, name
                took[name] = round(time.monotonic() - began, 2)
        finally:
            over.set()
    print(took)
    with pytest.raises(OSError):
        picks()
