"""What a cluster promises when the network between its machines is cut: hosts in namespaces, cables that are pulled.

Two networks: ``lan`` has the store, ``wan`` judges and proxies. One cluster for all, in this order."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shoal.cluster.roll import Word
from shoal.domain import Record
from shoal.stores.redis import RedisStore
from shoal.testing.redis_server import RedisServer, valkey_program

from .conftest import QUICK, SHOAL, until
from .hosts import Host, Wires, needs_namespaces

pytestmark = [pytest.mark.xdist_group("cluster_hosts"), pytest.mark.timeout(300)]

PROXIES = [f"10.78.{net}.{host}" for net in range(1, 9) for host in range(1, 6)]
API, GATEWAY, PROXY_PORT, JUDGE_PORT = 5010, 5011, 8000, 5012
JUDGE = f"http://10.78.0.1:{JUDGE_PORT}/check/"
LEADER_LEASE = 10.0
"""As it is by default: what is promised of a take-over is promised with it."""


class Hosts:
    """``store``, ``head`` (`shoal up`), ``spare`` (`shoal schedule`), ``edge`` (`shoal server`), the workers ``eu`` and
    ``us``, and ``net``, where judge and proxies are."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.wires = Wires(stack, "lan", "wan")
        self.hosts = {name: Host(name, stack) for name in ("store", "net", "head", "spare", "edge", "eu", "us")}
        for number, (name, host) in enumerate(self.hosts.items(), 1):
            if name != "net":
                self.wires.connect(host, "lan", f"10.77.0.{number}/24")
            if name != "store":
                self.wires.connect(host, "wan", f"10.78.0.{1 if name == 'net' else number + 1}/16")
        for address in PROXIES:
            self.hosts["net"].ip("address", "add", f"{address}/16", "dev", "wan")
        self.valkey = RedisServer(
            valkey_program(), folder, "--appendonly", "yes", "--appendfsync", "always", host="10.77.0.1"
        )
        with self.hosts["store"].entered():
            self.valkey.start()
        stack.callback(self.valkey.kill)
        self.processes: dict[str, subprocess.Popen[str]] = {}
        judge = self.run("net", *SHOAL, "judge", "--listen", f"10.78.0.1:{JUDGE_PORT}", "--key", "k")
        internet = self.run(
            "net", sys.executable, str(Path(__file__).with_name("internet.py")), str(PROXY_PORT), *PROXIES
        )
        for process in (judge, internet):
            assert process.stdout is not None and process.stdout.readline()

    def run(self, host: str, *command: str, **environment: str) -> subprocess.Popen[str]:
        folder = self._folder / f"{host}-{len(list(self._folder.iterdir()))}"
        folder.mkdir()
        variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **QUICK, **environment}
        with self.hosts[host].entered():
            process = self._stack.enter_context(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=self._stack.enter_context((folder / "errors").open("w")),
                    text=True,
                    env=variables,
                )
            )
        self._stack.callback(process.kill)
        return process

    def shoal(self, host: str, *words: str) -> None:
        against = ["--judge", f"{JUDGE}#key=k", "--allow", "10.78.0.0/16"]
        if words[0] in ("up", "server"):
            against += ["--allow-target", "10.78.0.0/16", "--api", f"127.0.0.1:{API}"]
            against += ["--gateway", f"127.0.0.1:{GATEWAY}"]
        if words[0] in ("up", "schedule"):
            listed = self._folder / "list.txt"
            listed.write_text("".join(f"http://{address}:{PROXY_PORT}\n" for address in PROXIES))
            against += ["--source", str(listed)]
        settings = {"SHOAL_CLUSTER_LEADER_LEASE": str(LEADER_LEASE), "SHOAL_CHECK_MIN_INTERVAL": "5"}
        # Short, so that requests end soon while the network is away; a still shorter attempt would be late by itself
        # on a busy machine.
        settings |= {"SHOAL_GATEWAY_DEADLINE": "8", "SHOAL_GATEWAY_ATTEMPT_TIMEOUT": "4"}
        self.processes[host] = self.run(host, *SHOAL, *words, "--store", self.valkey.url, *against, **settings)

    def ask(self, host: str, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{API}{path}", data, headers, method=method)
        with self.hosts[host].entered(), urllib.request.urlopen(request, timeout=20.0) as answer:
            return json.loads(answer.read() or b"null")

    def through_gateway(self, host: str) -> bool:
        proxy = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{GATEWAY}"})
        opener = urllib.request.build_opener(proxy)
        with self.hosts[host].entered(), opener.open(JUDGE, timeout=20.0) as answer:
            return bool(answer.read())

    def records(self) -> dict[str, Record]:
        async def read() -> list[Record]:
            store = RedisStore(self.valkey.url)
            await store.open()
            try:
                return [record async for batch in store.scan() for record in batch]
            finally:
                await store.close()

        with self.hosts["store"].entered():
            return {record.key: record for record in asyncio.run(read())}

    def command(self, *words: str) -> Any:
        async def ask() -> Any:
            store = RedisStore(self.valkey.url)
            await store.open()
            try:
                return await store._call(*words)
            finally:
                await store.close()

        with self.hosts["store"].entered():
            return asyncio.run(ask())

    def leader(self) -> str:
        """The host whose scheduler leads."""
        holder = self.command("GET", "{shoal}:job:schedule")
        pids = {str(process.pid): name for name, process in self.processes.items()}
        return "" if holder is None else pids.get(holder.decode().split("-")[-2], "")

    def words(self) -> dict[str, Word]:
        """What each worker said of itself last."""
        said = self.command("HGETALL", "{shoal}:workers")
        words = [msgspec.msgpack.decode(info, type=Word) for info in said[1::2]]
        return {word.vantage: word for word in words}

    def errors(self, host: str) -> str:
        return "".join(path.read_text() for path in self._folder.glob(f"{host}-*/errors"))


def complains_of_store(hosts: Hosts, name: str) -> bool:
    return any("store" in said for said in hosts.ask(name, "/v1/stats")["problems"])


def is_served(hosts: Hosts, name: str) -> bool:
    """Whether the gateway of a host gets an answer from somebody."""
    try:
        return hosts.through_gateway(name)
    except (urllib.error.HTTPError, TimeoutError):
        return False


def checks(records: dict[str, Record]) -> dict[str, int]:
    """Of those that work: others are asked rarely."""
    return {key: record.checks for key, record in records.items() if record.is_verified}


def ask_for_checks(hosts: Hosts) -> None:
    """Of all, soon: by themselves these proxies, which always work, come due ever more rarely."""
    with ThreadPoolExecutor(8) as threads:
        rows = hosts.ask("edge", "/v1/proxies?limit=100")
        list(threads.map(lambda row: hosts.ask("edge", f"/v1/proxies/{row['id']}/check", method="POST"), rows))


def is_at_work(hosts: Hosts, worker: str) -> bool:
    if hosts.words()[worker].in_flight:
        return True
    ask_for_checks(hosts)
    return False


def all_checked_again(hosts: Hosts, before: dict[str, int]) -> None:
    ask_for_checks(hosts)
    until(
        lambda: all(number > before.get(key, 0) for key, number in checks(hosts.records()).items()),
        "that every proxy is checked again",
    )


def comes_back(hosts: Hosts, worker: str, seen: int) -> bool:
    if seen_from(hosts, worker) > seen + 5:
        return True
    ask_for_checks(hosts)
    return False


def seen_from(hosts: Hosts, vantage: str) -> int:
    views = [view for one in hosts.records().values() for path in one.paths for view in path.views]
    return sum(view.health.oks for view in views if view.vantage == vantage)


def nobody_is_blamed(hosts: Hosts) -> None:
    """These proxies always work: any failure is ours."""
    records = hosts.records()
    assert len(records) >= len(PROXIES)
    blamed = {key: path.failure for key, one in records.items() for path in one.paths if path.health.bads}
    assert not blamed


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    needs_namespaces()
    with ExitStack() as stack:
        hosts = Hosts(tmp_path_factory.mktemp("hosts"), stack)
        hosts.shoal("head", "up")
        hosts.shoal("edge", "server")
        for vantage in ("eu", "us"):
            hosts.shoal(vantage, "worker", "--processes", "1", "--vantage", vantage)
        until(lambda: hosts.leader() == "head", "a leader")
        hosts.shoal("spare", "schedule")
        for name in ("head", "edge"):
            until(lambda name=name: hosts.ask(name, "/v1/stats")["working"] == len(PROXIES), f"proxies at {name}")
        until(lambda: all(seen_from(hosts, vantage) for vantage in ("eu", "us")), "checks from both places")
        yield hosts


def test_a_worker_cut_off_from_the_store_costs_its_lease_and_comes_back(hosts: Hosts) -> None:
    until(lambda: is_at_work(hosts, "eu"), "a batch under way")
    hosts.wires.cut(hosts.hosts["eu"], "lan")
    try:
        all_checked_again(hosts, checks(hosts.records()))
        seen = seen_from(hosts, "eu")
    finally:
        hosts.wires.mend(hosts.hosts["eu"], "lan")
    until(lambda: comes_back(hosts, "eu", seen), "checks by the worker that was cut off")
    nobody_is_blamed(hosts)


def test_a_worker_cut_off_from_the_internet_blames_nobody(hosts: Hosts) -> None:
    until(lambda: is_at_work(hosts, "us"), "a batch under way")
    hosts.wires.cut(hosts.hosts["us"], "wan")
    try:
        until(lambda: not hosts.words()["us"].healthy, "that the worker says so")
        all_checked_again(hosts, checks(hosts.records()))
        seen = seen_from(hosts, "us")
    finally:
        hosts.wires.mend(hosts.hosts["us"], "wan")
    until(lambda: comes_back(hosts, "us", seen), "checks by the worker that was cut off")
    nobody_is_blamed(hosts)


def test_a_replica_cut_off_from_the_internet_blames_nobody(hosts: Hosts) -> None:
    names = ("edge", "head")
    for name in names:
        assert hosts.through_gateway(name)
        hosts.wires.cut(hosts.hosts[name], "wan")
    try:
        with ThreadPoolExecutor() as threads:
            assert not any(threads.map(lambda name: is_served(hosts, name), 2 * names))
    finally:
        for name in names:
            hosts.wires.mend(hosts.hosts[name], "wan")
    for name in names:
        until(lambda name=name: is_served(hosts, name), "the gateway after the cut")
    nobody_is_blamed(hosts)


def test_a_store_cut_off_from_all_stops_neither_picks_nor_the_gateway(hosts: Hosts) -> None:
    told = hosts.ask("head", "/v1/proxies", {"proxies": [f"http://10.78.99.{n}:80" for n in range(1, 21)]}, "POST")
    assert told["new"] == 20
    deleted = hosts.ask("edge", "/v1/proxies?limit=1")[0]
    hosts.ask("edge", f"/v1/proxies/{deleted['id']}", method="DELETE")
    hosts.wires.cut(hosts.hosts["store"], "lan")
    try:
        ends = time.monotonic() + 6.0
        while time.monotonic() < ends:
            for name in ("head", "edge"):
                assert hosts.ask(name, "/v1/proxies/pick")["proxy"]
                assert hosts.through_gateway(name)
            time.sleep(0.3)
        # What cannot be kept is not acknowledged.
        with pytest.raises((urllib.error.HTTPError, TimeoutError)) as refused:
            hosts.ask("head", "/v1/proxies", {"proxies": ["http://10.78.99.99:80"]}, "POST")
        assert isinstance(refused.value, TimeoutError) or refused.value.code == 503
    finally:
        hosts.wires.mend(hosts.hosts["store"], "lan")
    records = hosts.records()
    assert sum(key.startswith("10.78.99.") for key in records) >= 20
    assert f"{deleted['host']}:{deleted['port']}" not in records
    for name in ("head", "edge"):
        until(lambda name=name: not complains_of_store(hosts, name), "that all is well again")
    nobody_is_blamed(hosts)


def test_a_leader_cut_off_is_followed_by_another_and_stands_by_when_it_is_back(hosts: Hosts) -> None:
    first = until(hosts.leader, "a leader")
    other = "spare" if first == "head" else "head"
    hosts.wires.cut(hosts.hosts[first], "lan")
    try:
        until(lambda: hosts.leader() == other, "another leader", 2 * LEADER_LEASE + 10.0)
        # Its gateway serves from memory meanwhile.
        assert first == "spare" or hosts.through_gateway(first)
        all_checked_again(hosts, checks(hosts.records()))
    finally:
        hosts.wires.mend(hosts.hosts[first], "lan")
    until(lambda: "this one stands by" in hosts.errors(first), "that the old leader knows")
    for _ in range(20):
        assert hosts.leader() == other
        time.sleep(0.1)
    until(lambda: hosts.through_gateway("head"), "the gateway after the cut")
    nobody_is_blamed(hosts)
