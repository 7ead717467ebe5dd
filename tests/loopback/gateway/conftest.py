"""A gateway over lab proxies, and an origin that tells what reached it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
import uvloop
from msgspec.structs import replace

from shoal.domain import Capability, Endpoint, Feedback, Health, Path, Pick, Proxy, Query, Record, Scheme, Timing, Trust
from shoal.domain.health import TIME_SCALES
from shoal.domain.proxy import record_key
from shoal.engine.pool import Pool
from shoal.gateway import GatewayHandle, serve_gateway
from shoal.lab import Lab
from shoal.lab.population import LabProxy
from shoal.net.resolver import SystemResolver
from shoal.options import AdmissionOptions, GatewayOptions, PoolOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_use import SourceUse
from shoal.upstream import make_contexts
from shoal.wire import RequestHeadReader, request_body_reader


def pytest_asyncio_loop_factories(config, item):
    if item.path.name.startswith("test_clients"):
        # Programs beside us are what costs there: once, on the loop that the product runs on.
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


NOW = 1_800_000_000.0
BOUND = 10.0


class Service:
    """The engine's own index over given records, and every feedback that came."""

    def __init__(self, records: list[Record], seed: int = 1, limits: LimitTable | None = None) -> None:
        self.uses = SourceUse(limits)
        # Tests with few proxies would be governed by the share that one may get.
        self.pool = Pool(PoolOptions(max_share=1.0), Random(seed), uses=self.uses)
        for record in records:
            self.pool.apply(record, NOW)
        self.given: list[tuple[str, Feedback]] = []

    def now(self) -> float:
        return NOW

    def pick(self, query: Query) -> Pick | None:
        return self.pool.pick(query, NOW)

    def list(self, query: Query) -> list[Pick]:
        return self.pool.list(query, NOW)

    def report(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        self.given.append((key, feedback))

    def minds(self, target: str) -> bool:
        return self.pool.minds(target, NOW)

    def is_kept_from(self, key: str, scheme: Scheme, target: str) -> bool:
        return self.pool.is_kept_from(key, scheme, target, NOW)

    def ready(self) -> tuple[bool, str]:
        return (True, "") if len(self.pool) else (False, "no proxy has passed a check yet; checks are running")


def record_of(proxy: LabProxy, *, country: str | None = None, trust: Trust = Trust.OWN) -> Record:
    """What the pool would know of a live lab proxy after its checks."""
    health = Health.of(ok=(9.0,) * len(TIME_SCALES), last_ok=NOW - 1.0, oks=9, streak=9)
    paths = []
    for scheme in proxy.schemes:
        can = set(proxy.capabilities)
        if scheme.is_socks:
            can.discard(Capability.FORWARD)
        timing = Timing(connect=0.05, handshake=0.1, first_byte=0.2, total=0.3)
        paths.append(Path(scheme, health, frozenset(can), country=country, timing=timing))
    key = record_key(proxy.endpoint, proxy.credentials, b"test")
    return Record(
        key=key, endpoint=proxy.endpoint, credentials=proxy.credentials, trust=trust,
        paths=tuple(paths),
    )  # fmt: skip


class Origin(asyncio.Protocol):
    """Answers with what it was sent; ``/bytes/N`` sends N bytes, ``/chunked/N`` in chunks, ``/close/N`` until close."""

    def __init__(self, seen: list[dict[str, Any]]) -> None:
        self._seen = seen
        self._head = RequestHeadReader(1 << 20, 500)
        self._body: Any = None
        self._transport: Any = None
        self._echo = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._echo:
            self._transport.write(data)
            return
        while data:
            if self._body is None:
                head = self._head.receive_data(data)
                if head is None:
                    return
                data = self._head.trailing_data
                self._body = request_body_reader(head, 1 << 30)
                if head.get("expect"):
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if data or not self._body.done:
                self._body.receive_data(data)
            if not self._body.done:
                return
            data = self._body.trailing_data
            self._answer()

    def _answer(self) -> None:
        head, body = self._head.head, self._body.body
        assert head is not None
        self._head, self._body = RequestHeadReader(1 << 20, 500), None
        told = {
            "method": head.method,
            "target": head.target,
            "headers": [list(field) for field in head.headers],
            "sha256": hashlib.sha256(body).hexdigest(),
            "length": len(body),
        }
        self._seen.append(told)
        last = (head.get("connection") or "").lower() == "close"
        self._more = "Connection: close\r\n" if last else ""
        kind, _, rest = head.target.removeprefix("/").partition("/")
        number = int(rest) if rest.isdigit() else 0
        if kind == "bytes":
            self._send(pattern(number))
        elif kind == "status":
            self._transport.write(f"HTTP/1.1 {number} Said So\r\nContent-Length: 2\r\n\r\nno".encode())
        elif kind == "chunked":
            whole = pattern(number)
            self._transport.write(f"HTTP/1.1 200 OK\r\n{self._more}Transfer-Encoding: chunked\r\n\r\n".encode())
            for start in range(0, number, 7000):
                part = whole[start : start + 7000]
                self._transport.write(b"%x\r\n%b\r\n" % (len(part), part))
            self._transport.write(b"0\r\n\r\n")
        elif kind == "close":
            self._transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + pattern(number))
            self._transport.close()
        elif kind == "upgrade":
            self._transport.write(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            self._echo = True
        elif kind == "silent":
            pass
        else:
            self._send(json.dumps(told).encode(), "" if head.method != "HEAD" else "HEAD")
        if last:
            self._transport.close()

    def _send(self, body: bytes, method: str = "") -> None:
        head = f"HTTP/1.1 200 OK\r\n{self._more}Content-Length: {len(body)}\r\n\r\n".encode()
        self._transport.write(head if method == "HEAD" else head + body)


def pattern(length: int) -> bytes:
    return Random(length).randbytes(length)


class World:
    """What a test holds: the lab, the origin's port and what it saw, and gateways on demand."""

    def __init__(self, lab: Any, origin: int, seen: list[dict[str, Any]]) -> None:
        self.lab, self.origin, self.seen = lab, origin, seen
        self.service = Service([])

    def target(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.origin}{path}"

    @asynccontextmanager
    async def gateway(
        self,
        records: list[Record] | None = None,
        *,
        ordered: bool = False,
        limits: LimitTable | None = None,
        **options: Any,
    ) -> AsyncIterator[GatewayHandle]:
        if records is None:
            records = [record_of(proxy) for proxy in self.lab.population] if self.lab is not None else []
        self.service = Order(records) if ordered else Service(records, limits=limits)
        settings = {"listen": "127.0.0.1:0", "allow_target": ("127.0.0.0/8",), **options}
        handle = await serve_gateway(
            self.service,
            GatewayOptions(**settings),
            resolver=SystemResolver(AddressRules.from_options(AdmissionOptions(allow=("127.0.0.0/8",)))),
            contexts=make_contexts(),
            rng=Random(1),
        )
        try:
            yield handle
        finally:
            await handle.close(grace=0.5)
            assert handle._core.tasks.crashes == 0
            assert not handle._core.live
            assert not handle._core.chooser.in_use
            assert handle._core.users.nobody.connections == 0


Worlds = Callable[..., Any]


@pytest.fixture
def kit() -> Any:
    """The helpers of this file."""
    return sys.modules[__name__]


@pytest.fixture
def world() -> Worlds:
    @asynccontextmanager
    async def make(
        *schemes: Scheme, size: int = 4, edit: Callable[[LabProxy], LabProxy] | None = None, **lab: Any
    ) -> AsyncIterator[World]:
        seen: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Origin(seen), "127.0.0.1", 0)
        settings = {"preset": "alive", "latency_scale": 0.0, **lab}
        async with Lab(size=size, schemes=schemes or None, edit=edit, **settings) as running:
            yield World(running, server.sockets[0].getsockname()[1], seen)
        server.close()

    return make


@pytest.fixture
async def bare() -> AsyncIterator[World]:
    """A world without a lab: an origin, and upstreams that the test plays itself."""
    seen: list[dict[str, Any]] = []
    server = await asyncio.get_running_loop().create_server(lambda: Origin(seen), "127.0.0.1", 0)
    yield World(None, server.sockets[0].getsockname()[1], seen)
    server.close()


async def talk(port: int, *parts: bytes, until: bytes | None = None) -> bytes:
    """Send, then read up to ``until`` or the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(BOUND):
            return await (reader.read() if until is None else reader.readuntil(until))
    finally:
        writer.transport.abort()


async def hold(port: int, origin: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A tunnel through the gateway that carried something and stays open until the writer is closed (or either end is
    forgotten)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    inner = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(f"CONNECT 127.0.0.1:{origin} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + inner)
    async with asyncio.timeout(BOUND):
        await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def changed(proxy: LabProxy, **fields: Any) -> LabProxy:
    return replace(proxy, **fields)


class Upstream:
    """A scripted proxy: ``script(reader, writer, number)`` plays it for its n-th connection."""

    def __init__(self, address: str, script: Callable[..., Any]) -> None:
        self.address, self._script = address, script
        self.connections = 0
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._script(reader, writer, self.connections)
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def __aenter__(self) -> Upstream:
        self._server = await asyncio.start_server(self._serve, self.address, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def record(self, *can: Capability, scheme: Scheme = Scheme.HTTP, handshake: float = 0.05, rate: int = 9) -> Record:
        health = Health.of(ok=(float(rate),) * len(TIME_SCALES), last_ok=NOW - 1.0, oks=rate, streak=rate)
        timing = Timing(connect=handshake / 2, handshake=handshake, total=handshake)
        path = Path(scheme, health, frozenset(can or (Capability.TUNNEL, Capability.FORWARD)), timing=timing)
        endpoint = Endpoint(self.address, self.port)
        key = str(endpoint)
        return Record(key, endpoint, trust=Trust.OWN, paths=(path,))


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), BOUND)


async def accept_tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await writer.drain()


class Order(Service):
    """Hands out the records in the order given, as far as they fit."""

    def __init__(self, records: list[Record]) -> None:
        super().__init__(records)
        self._order = [record.id for record in records]

    def pick(self, query: Query) -> Pick | None:
        found = {pick.record.id: pick for pick in self.pool.list(query, NOW)}
        return next((found[id] for id in self._order if id in found), None)
