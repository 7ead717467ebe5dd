"""What the gateway costs: CPU per tunnel, request and byte, added latency, memory; beside a bare relay and its peers.

Every gateway gets the same load through the same single upstream, which plays the targets, too. CPU is scheduler time
of the gateway's processes, so this runs on Linux only. The bare relay has no logic: it passes
every connection on. HAProxy and tinyproxy come from Debian, pproxy and proxy.py from the registry into a temporary
virtual environment: with ``--install`` (as root for the first two) they are fetched, else those that are not there are
left out with a line that says so. Ratios are within one run; the machine's own noise is 10 to 25 %.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from _gateway_peers import Gateway, await_port, gateways, role
from _harness import free_port, process, report, scratch

CONNECT = b"CONNECT bench.example:443 HTTP/1.1\r\nHost: bench.example:443\r\n\r\n"
BLOCK = bytes(262_144)


class Client(asyncio.Protocol):
    """Writes, and waits for so many bytes or the end of a head."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.count = 0
        self.wanted = 0
        self.waiter: asyncio.Future[None] | None = None
        self.lost = False
        self.can_write = asyncio.Event()
        self.can_write.set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.wanted:
            self.count += len(data)
            if self.count >= self.wanted:
                self.wake()
            return
        self.data += data
        if self.waiter is not None and b"\r\n\r\n" in self.data:
            self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.can_write.set()
        self.wake()

    def pause_writing(self) -> None:
        self.can_write.clear()

    def resume_writing(self) -> None:
        self.can_write.set()

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def wait(self) -> None:
        self.waiter = asyncio.get_running_loop().create_future()
        await asyncio.wait_for(self.waiter, 60)
        self.waiter = None

    async def head(self) -> bytes:
        while b"\r\n\r\n" not in self.data:
            if self.lost:
                raise ConnectionError("closed in a head")
            await self.wait()
        head, _, rest = bytes(self.data).partition(b"\r\n\r\n")
        self.data = bytearray(rest)
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ConnectionError(repr(head[:100]))
        return head

    async def body(self, size: int) -> None:
        self.count, self.wanted = len(self.data), size
        self.data.clear()
        if self.count < size:
            await self.wait()
        if self.count != size:
            raise ConnectionError(f"{self.count} of {size} bytes came")
        self.wanted = 0


async def connect(port: int) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    return client


async def tunnel(port: int) -> Client:
    client = await connect(port)
    client.transport.write(CONNECT)
    await client.head()
    return client


async def fetch(client: Client, size: int, base: bytes = b"") -> None:
    client.transport.write(b"GET %b/%d HTTP/1.1\r\nHost: bench.example\r\n\r\n" % (base, size))
    await client.head()
    await client.body(size)


async def send(client: Client, size: int) -> None:
    client.transport.write(b"PUT / HTTP/1.1\r\nHost: bench.example\r\nContent-Length: %d\r\n\r\n" % size)
    while size > 0:
        client.transport.write(BLOCK[: min(size, len(BLOCK))])
        size -= len(BLOCK)
        await client.can_write.wait()
    await client.head()
    await client.body(2)


async def many(count: int, width: int, job: Callable[[], Awaitable[None]]) -> None:
    async def worker(share: int) -> None:
        for _ in range(share):
            await job()

    async with asyncio.TaskGroup() as tasks:
        for number in range(width):
            tasks.create_task(worker(count // width + (number < count % width)))


async def tunnels(gateway: Gateway, count: int) -> float:
    async def one() -> None:
        client = await tunnel(gateway.port)
        await fetch(client, 1024)
        client.transport.close()

    return await cost(gateway, many(count, 64, one)) / count * 1e6


async def requests(gateway: Gateway, count: int, *, plain: bool) -> float:
    base = b"http://bench.example" if plain else b""
    clients = [await (connect if plain else tunnel)(gateway.port) for _ in range(64)]
    for client in clients:
        await fetch(client, 1024, base)
    queue = iter(clients)

    async def worker(client: Client) -> None:
        for _ in range(count // 64):
            await fetch(client, 1024, base)

    async def load() -> None:
        async with asyncio.TaskGroup() as tasks:
            for client in queue:
                tasks.create_task(worker(client))

    used = await cost(gateway, load())
    for client in clients:
        client.transport.close()
    return used / (count // 64 * 64) * 1e6


async def stream(gateway: Gateway, size: int, width: int, act: Callable[[Client, int], Awaitable[None]]) -> float:
    clients = [await tunnel(gateway.port) for _ in range(width)]

    async def load() -> None:
        async with asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(act(client, size // width))  # type: ignore[arg-type]

    used = await cost(gateway, load())
    for client in clients:
        client.transport.close()
    return used / (size / 1e9)


async def cost(gateway: Gateway, load: Awaitable[None]) -> float:
    before = gateway.cpu()
    await load
    await asyncio.sleep(0.05)
    return gateway.cpu() - before


async def latency(port: int, count: int) -> tuple[list[float], list[float]]:
    """Microseconds of whole tunnels, and of requests inside one."""
    clock = time.perf_counter
    whole, inside = [], []
    for _ in range(count):
        begin = clock()
        client = await tunnel(port)
        await fetch(client, 1024)
        whole.append((clock() - begin) * 1e6)
        client.transport.close()
    client = await tunnel(port)
    for _ in range(count):
        begin = clock()
        await fetch(client, 1024)
        inside.append((clock() - begin) * 1e6)
    client.transport.close()
    return whole, inside


async def idle_memory(gateway: Gateway, count: int) -> float:
    """KiB a tunnel in which one request has passed and nothing moves any more."""
    before = gateway.memory()
    clients: list[Client] = []

    async def one() -> None:
        client = await tunnel(gateway.port)
        await fetch(client, 16)
        clients.append(client)

    await many(count, 64, one)
    await asyncio.sleep(0.3)
    used = gateway.memory() - before
    for client in clients:
        if client.lost:
            raise ConnectionError("an idle tunnel was closed")
        client.transport.abort()
    await asyncio.sleep(0.5)
    return used / 1024 / count


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


Measure = Callable[[Gateway], Awaitable[float]]


async def run(found: list[Gateway], upstream: int, options: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    results: dict[str, dict[str, list[float]]] = {gateway.name: {} for gateway in found}
    scale = options.scale
    size = int(400_000_000 * scale)
    columns: dict[str, Measure] = {
        "tunnel_us": lambda g: tunnels(g, int(3000 * scale)),
        "request_us": lambda g: requests(g, int(16_000 * scale), plain=False),
        "plain_us": lambda g: requests(g, int(10_000 * scale), plain=True),
        "down_s_per_gb": lambda g: stream(g, size, 4, fetch),
        "up_s_per_gb": lambda g: stream(g, size, 4, send),
    }
    rng = random.Random(options.seed)
    for number in range(options.rounds):
        for column, measure in columns.items():
            order = list(found)
            rng.shuffle(order)
            for gateway in order:
                if column == "plain_us" and not gateway.plain:
                    continue
                await keep(results, gateway.name, column, measure(gateway))
        direct = await latency(upstream, int(300 * scale))
        for gateway in rng.sample(found, len(found)):
            try:
                through = await latency(gateway.port, int(300 * scale))
            except (OSError, TimeoutError) as error:
                print(f"  {gateway.name} failed at latency: {error!r}")
                continue
            for name, here, there in zip(("tunnel", "request"), through, direct, strict=True):
                for share in (0.5, 0.99):
                    column = f"added_{name}_p{int(share * 100)}_us"
                    added = percentile(here, share) - percentile(there, share)
                    results[gateway.name].setdefault(column, []).append(added)
        print(f"  round {number + 1} of {options.rounds} done", flush=True)
    for gateway in found:
        await keep(results, gateway.name, "idle_kib", idle_memory(gateway, options.idle))
    return results


async def keep(results: dict[str, dict[str, list[float]]], name: str, column: str, job: Awaitable[float]) -> None:
    try:
        results[name].setdefault(column, []).append(await job)
    except (OSError, TimeoutError, ExceptionGroup) as error:
        print(f"  {name} failed at {column}: {error!r}"[:160])


def table(results: dict[str, dict[str, list[float]]], peers: dict[str, float] | None = None) -> None:
    columns = list(dict.fromkeys(column for row in results.values() for column in row))
    for column in columns:
        medians = {name: statistics.median(row[column]) for name, row in results.items() if row.get(column)}
        base = medians.get("relay")
        print(f"\n  {column}")
        for name, value in medians.items():
            ratio = f"{value / base:6.2f} x relay" if base and not column.startswith("added") else ""
            runs = ", ".join(f"{one:.4g}" for one in results[name][column])
            print(f"    {name:10} {value:10.2f}  {ratio}   [{runs}]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the amount of load")
    parser.add_argument("--idle", type=int, default=9000, help="idle tunnels held")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], help="gateways to run")
    parser.add_argument("--install", action="store_true", help="fetch peers that are not here")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # 4 descriptors a tunnel are held over client, gateway and upstream; each process holds 2 at most.
    options.idle = min(options.idle, (hard - 200) // 2)
    port = free_port()
    with scratch() as folder, process(role("upstream", port, 0), folder / "upstream.log"):
        if not await_port(port):
            raise SystemExit("the upstream does not listen")
        with gateways(folder, port, set(options.only), options.install) as found:
            results = uvloop.run(run(found, port, options))
    table(results)
    medians = {
        name: {column: round(statistics.median(values), 3) for column, values in row.items() if values}
        for name, row in results.items()
    }
    ours, relay = medians.get("ours", {}), medians.get("relay", {})
    lines = [
        (column, f"{ours[column] / relay[column]:.2f} x the bare relay")
        for column in ("tunnel_us", "request_us", "plain_us", "down_s_per_gb", "up_s_per_gb")
        if relay.get(column) and ours.get(column)
    ]
    report("gateway", {"rounds": options.rounds, "idle": options.idle, "medians": medians}, lines or [("nothing", "")])


if __name__ == "__main__":
    main()
