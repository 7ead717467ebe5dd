"""The processes of the gateway's benchmark: the upstream that plays all targets, the bare relay, and ours."""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import sys
from collections.abc import Callable
from typing import Any

import uvloop

BLOCK = bytes(262_144)


class Upstream(asyncio.Protocol):
    """An HTTP proxy and every target behind it: ``GET …/N`` answers N bytes, ``PUT`` takes what it is sent."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.head = b""
        self.left = 0
        self.paused = False
        self.owed = 0

    def data_received(self, data: bytes) -> None:
        if self.left:
            self.left -= len(data)
            if self.left <= 0:
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                self.left = 0
            return
        self.head += data
        while (end := self.head.find(b"\r\n\r\n")) >= 0:
            head, self.head = self.head[:end], self.head[end + 4 :]
            if head.startswith(b"CONNECT"):
                self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
            elif head.startswith(b"PUT"):
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                self.left = length - len(self.head)
                self.head = b""
            else:
                size = int(head.split(b" ", 2)[1].rpartition(b"/")[2])
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
                self.owed = size
                self.pay()

    def pay(self) -> None:
        while self.owed and not self.paused:
            part = min(self.owed, len(BLOCK))
            self.owed -= part
            self.transport.write(BLOCK if part == len(BLOCK) else BLOCK[:part])

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.pay()


class Bare(asyncio.Protocol):
    """One side of the bare relay."""

    __slots__ = ("ended", "peer", "transport")

    def data_received(self, data: bytes) -> None:
        self.peer.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if getattr(self.peer, "ended", False):
            # Both ways are over: kept open, every tunnel would leave two descriptors behind.
            self.peer.transport.close()
            return False
        self.peer.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.peer.transport.close()

    def pause_writing(self) -> None:
        self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self.peer.transport.resume_reading()


class BareFront(Bare):
    __slots__ = ("early", "upstream")

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.early = b""
        self.peer: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        asyncio.get_running_loop().create_task(self.dial())

    def data_received(self, data: bytes) -> None:
        if self.peer is None:
            self.early += data
        else:
            self.peer.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer is not None:
            self.peer.transport.close()

    async def dial(self) -> None:
        back = Bare()
        back.peer = self
        back.transport, _ = await asyncio.get_running_loop().create_connection(lambda: back, "127.0.0.1", self.upstream)
        self.peer = back
        if self.early:
            back.transport.write(self.early)
        relay = Bare()
        relay.transport, relay.peer = self.transport, back
        back.peer = relay
        self.transport.set_protocol(relay)


async def serve_role(role: str, port: int, upstream: int) -> None:
    loop = asyncio.get_running_loop()
    if role == "ours":
        await serve_ours(port, upstream)
    else:
        factory: Callable[[], asyncio.Protocol] = Upstream if role == "upstream" else lambda: BareFront(upstream)
        await loop.create_server(factory, "127.0.0.1", port, backlog=4096)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def serve_ours(port: int, upstream: int) -> None:
    """The gateway over the engine's own index, which knows one proxy, with the program's own collector settings."""
    gc.set_threshold(50_000, 20, 50)
    from shoal.domain import Capability, Endpoint, Health, Path, Record, Scheme, Timing, Trust
    from shoal.domain.health import TIME_SCALES
    from shoal.domain.proxy import record_id
    from shoal.engine.pool import Pool
    from shoal.gateway import serve_gateway
    from shoal.net.clock import SystemClock
    from shoal.net.resolver import SystemResolver
    from shoal.options import AdmissionOptions, GatewayOptions, PoolOptions
    from shoal.policy.address_rules import AddressRules
    from shoal.policy.source_use import SourceUse
    from shoal.upstream import make_contexts

    clock = SystemClock()
    now = clock.now()
    health = Health.of(ok=(50.0,) * len(TIME_SCALES), last_ok=now, bad=(0.0,) * len(TIME_SCALES), oks=50, streak=50)
    can = frozenset({Capability.TUNNEL, Capability.FORWARD})
    path = Path(Scheme.HTTP, health, can, timing=Timing(connect=0.2, handshake=0.4, total=0.5))
    endpoint = Endpoint("127.0.0.1", upstream)
    record = Record(record_id(str(endpoint)), str(endpoint), endpoint, trust=Trust.OWN, paths=(path,))
    uses = SourceUse()
    pool = Pool(PoolOptions(max_share=1.0, min_forecast=0.0), random.Random(1), uses=uses)
    pool.apply(record, now)

    class Service:
        def __init__(self) -> None:
            self.uses = uses

        now = staticmethod(clock.now)

        def pick(self, query: Any) -> Any:
            return pool.pick(query, clock.now())

        def list(self, query: Any) -> Any:
            return pool.list(query, clock.now())

        def report(self, key: Any, proxy: Any, feedback: Any) -> None:
            pass

        def minds(self, target: str) -> bool:
            return pool.minds(target, clock.now())

        def ready(self) -> tuple[bool, str]:
            return True, ""

    rules = AddressRules.from_options(AdmissionOptions(allow=("127.0.0.0/8",)))
    await serve_gateway(
        Service(),
        GatewayOptions(listen=f"127.0.0.1:{port}", max_connections=100_000),
        resolver=SystemResolver(rules),
        contexts=make_contexts(),
        rng=random.Random(1),
    )


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(serve_role(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
