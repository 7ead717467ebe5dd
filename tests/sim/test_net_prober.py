"""The real prober and judge in virtual time: sans-IO all the way, over a network in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import pytest
from msgspec import Struct

from shoal.domain import Anonymity, Capability, Endpoint, Honesty, Query, Record, Scheme, Trust
from shoal.judge.server import JudgeServer
from shoal.options import CheckOptions, JudgeOptions, Options
from shoal.policy.address_rules import AddressRules
from shoal.ports import Harvest, SourceState
from shoal.probe import JudgePanel, NetProber, parse_judge
from shoal.stores.memory import MemoryStore
from shoal.testing.fakes import FakeSource, make_candidates
from shoal.testing.population import Life, Population
from shoal.testing.simulation import LAB_ADMISSION, Engine
from shoal.testing.virtual_time import EPOCH, VirtualClock, VirtualLoop, run_virtual
from shoal.upstream import make_contexts
from shoal.wire import RequestHead, RequestHeadReader, Socks5Server, encode_request_head

# One worker makes the simulation that all tests of this file look at; a loaded machine may take minutes for it.
pytestmark = [pytest.mark.xdist_group("test_net_prober"), pytest.mark.timeout(900)]

SIZE = 240
JUDGE = ("127.9.9.9", 80)
LIVES = (Life("stable", 0.2, 86_400.0, 600.0), Life("flapper", 0.3, 900.0, 900.0), Life("dead", 0.5, 0.0, 1.0))
OUTAGE = (1800.0, 2400.0)
HOUR = 3600.0
LIAR, TRANSPARENT, SOCKS = 11, 7, 3
"""Every so manieth proxy answers by itself, tells the client's address, or speaks SOCKS5."""


def manner(number: int) -> str:
    for divisor, name in ((LIAR, "liar"), (TRANSPARENT, "transparent"), (SOCKS, "socks")):
        if number % divisor == 0:
            return name
    return "plain"


class Pipe(asyncio.Protocol):
    """The far side of a relay: hands on what arrives."""

    def __init__(self, other: asyncio.Transport) -> None:
        self._other = other

    def data_received(self, data: bytes) -> None:
        self._other.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._other.close()


class SimulatedServer(asyncio.Protocol):
    """One connection to a simulated proxy."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self._manner = manner(number)
        self._exit = f"127.200.{number >> 8}.{number & 255}"
        self._client: asyncio.Transport
        self._far: asyncio.Transport | None = None
        self._head = RequestHeadReader()
        self._socks = Socks5Server()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._client = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._far is not None:
            self._far.close()

    def data_received(self, data: bytes) -> None:
        if self._far is not None:
            self._far.write(data)
        elif self._manner == "socks":
            self._speak_socks(data)
        elif (head := self._head.receive_data(data)) is not None:
            self._speak_http(head)

    def _speak_socks(self, data: bytes) -> None:
        if data[:1] != b"\x05" and self._socks.request is None and not self._socks.done:
            self._client.close()
            return
        self._socks.receive_data(data)
        self._client.write(self._socks.data_to_send())
        if self._socks.pending == "request" and self._socks.request is not None:
            request = self._socks.request
            self._world.spawn(self._open(request.host, request.port, b""))

    def _speak_http(self, head: RequestHead) -> None:
        if self._manner == "liar":
            page = b"<html>Welcome to the hotel</html>"
            self._client.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
            return
        if not head.target.startswith("http://"):
            self._client.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return
        authority, _, path = head.target.removeprefix("http://").partition("/")
        host, _, port = authority.partition(":")
        headers = list(head.headers)
        if self._manner == "transparent":
            peer = self._client.get_extra_info("peername")[0]
            headers.append(("X-Forwarded-For", peer))
        self._world.spawn(self._open(host, int(port or 80), encode_request_head(head.method, "/" + path, headers)))

    async def _open(self, host: str, port: int, first: bytes) -> None:
        network = self._world.loop.network
        try:
            far, _ = await network.connect(lambda: Pipe(self._client), host, port, self._exit)
        except OSError:
            if self._manner == "socks":
                self._socks.reply(5)
                self._client.write(self._socks.data_to_send())
            else:
                self._client.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        self._far = far
        if self._manner == "socks":
            self._socks.reply(0)
            self._client.write(self._socks.data_to_send())
        if first:
            far.write(first)


class Holes(set[str]):
    """Hosts that swallow packets: those that are down and do not refuse."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def __contains__(self, host: object) -> bool:
        endpoint = Endpoint(str(host), 8080)
        world = self._world
        if endpoint not in world.numbers:
            return False
        proxy = world.population.proxy(endpoint)
        return not proxy.refuses and not proxy.is_up(world.clock.now())


class World:
    """Judge and proxies on the loop's network."""

    def __init__(self, tasks: asyncio.TaskGroup, seed: int) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.population = Population(SIZE, seed, EPOCH, LIVES)
        self.candidates = make_candidates(range(1, SIZE + 1), scheme=None)
        self.numbers = {candidate.endpoint: number for number, candidate in enumerate(self.candidates, start=1)}
        self._tasks = tasks
        self._judge = JudgeServer(key=b"key", now=self.clock.now)
        self.listen_judge()
        loop.network.black_holes = Holes(self)
        for endpoint, number in self.numbers.items():
            loop.network.listen(endpoint.host, endpoint.port, lambda number=number: self._accept(number))  # type: ignore[misc]

    def listen_judge(self) -> None:
        self.loop.network.listen(*JUDGE, self._judge.protocol)

    def _accept(self, number: int) -> asyncio.Protocol:
        if not self.population.is_up(self.candidates[number - 1].endpoint, self.clock.now()):
            raise ConnectionRefusedError(111, "refused")
        return SimulatedServer(self, number)

    def spawn(self, job: object) -> None:
        self._tasks.create_task(job, name="relay")  # type: ignore[arg-type]

    def works(self, record: Record) -> bool:
        number = self.numbers[record.endpoint]
        return manner(number) != "liar" and self.population.is_up(record.endpoint, self.clock.now())


class Literal:
    """A resolver for a world without names."""

    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        return (host,)


class Report(Struct):
    found_after: float = 0.0
    picks: int = 0
    good: int = 0
    liars: int = 0
    up: int = 0
    found: int = 0
    healthy_in_outage: bool = True
    unchanged_in_outage: bool = False
    back_after: float = 0.0
    records: list[Record] = []


async def simulate(seed: int) -> Report:
    report = Report(records=[])
    with suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as relays:
            world = World(relays, seed)
            await _simulate(world, seed, report)
    return report


async def _simulate(world: World, seed: int, report: Report) -> None:
    clock, rng = world.clock, Random(seed)
    check = CheckOptions(concurrency=100, min_interval=30.0, max_interval=900.0)
    rules = AddressRules.from_options(LAB_ADMISSION)

    def nonce() -> str:
        return f"{rng.getrandbits(128):032x}"

    judge = parse_judge(f"http://{JUDGE[0]}/check/#key=key")
    contexts = make_contexts()
    panel = JudgePanel([judge], JudgeOptions(), Literal(), clock, nonce, contexts)
    prober = NetProber(check, panel, Literal(), rules.refusal, clock, nonce, contexts)
    store = MemoryStore()
    await store.open()

    async def fetch(state: SourceState) -> Harvest:
        return Harvest(world.candidates)

    engine = Engine(
        store=store,
        prober=prober,
        vantage=panel,
        clock=clock,
        rng=rng,
        sources=[FakeSource("list", fetch)],
        options=Options(check=check, admission=LAB_ADMISSION),
    )

    def pick() -> None:
        found = engine.service.pick(Query())
        report.picks += 1
        if found is not None:
            report.good += world.works(found.record)
            report.liars += manner(world.numbers[found.record.endpoint]) == "liar"

    async with engine.running(), asyncio.TaskGroup() as tasks:
        control = tasks.create_task(panel.run(), name="judges")
        while engine.service.pick(Query()) is None:
            await asyncio.sleep(0.05)
        report.found_after = clock.now() - EPOCH
        await asyncio.sleep(60.0)
        for endpoint in world.numbers:
            report.up += world.population.is_up(endpoint, clock.now()) and manner(world.numbers[endpoint]) != "liar"
        report.found = engine.pool.working
        while clock.now() < EPOCH + OUTAGE[0]:
            await asyncio.sleep(5.0)
            if clock.now() > EPOCH + 600.0:
                pick()
        world.loop.network.close(*JUDGE)
        await asyncio.sleep(60.0)
        before = {record.key: record.paths for record in engine.pool.records()}
        report.healthy_in_outage = panel.healthy
        await asyncio.sleep(OUTAGE[1] - OUTAGE[0] - 60.0)
        report.unchanged_in_outage = before == {record.key: record.paths for record in engine.pool.records()}
        checked = engine.recorder.checked
        world.listen_judge()
        while engine.recorder.checked == checked:
            await asyncio.sleep(0.5)
        report.back_after = clock.now() - EPOCH - OUTAGE[1]
        await asyncio.sleep(120.0)
        while clock.now() < EPOCH + HOUR:
            await asyncio.sleep(5.0)
            pick()
        control.cancel()
    report.records = list(engine.pool.records())
    await store.close()


@pytest.fixture(scope="module")
def hour() -> Iterator[Report]:
    yield run_virtual(simulate(5))


def test_the_first_proxy_is_served_within_seconds(hour: Report) -> None:
    assert hour.found_after < 2.0


def test_what_is_up_is_found(hour: Report) -> None:
    print(f"{hour.found} of {hour.up} working proxies found after a minute; {hour.good}/{hour.picks} picks good")
    assert hour.found >= 0.85 * hour.up


def test_picks_work_and_no_liar_is_ever_served(hour: Report) -> None:
    assert hour.picks > 400
    assert hour.good / hour.picks >= 0.8
    assert hour.liars == 0


def test_an_outage_of_the_judge_is_nobodys_fault_and_soon_over(hour: Report) -> None:
    assert not hour.healthy_in_outage
    assert hour.unchanged_in_outage
    assert hour.back_after <= 60.0


def test_what_the_judge_saw_is_in_the_records(hour: Report) -> None:
    manners = set()
    for record in hour.records:
        number = int(record.endpoint.host.rpartition(".")[2])
        (path,) = record.paths
        manners.add(manner(number))
        assert path.exit == f"127.200.0.{number}"
        assert path.honesty in (Honesty.CLEAN, Honesty.UNKNOWN)
        if manner(number) == "socks":
            assert path.scheme is Scheme.SOCKS5
        else:
            assert path.scheme is Scheme.HTTP
            assert Capability.FORWARD in path.capabilities
            expected = Anonymity.TRANSPARENT if manner(number) == "transparent" else Anonymity.ELITE
            assert path.anonymity is expected
    assert manners == {"plain", "transparent", "socks"}
    assert any(path.honesty is Honesty.CLEAN for record in hour.records for path in record.paths)
