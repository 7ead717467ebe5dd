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
import gc
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import uvloop

from _harness import free_port, process, report, scratch

CONNECT = b"CONNECT bench.example:443 HTTP/1.1\r\nHost: bench.example:443\r\n\r\n"
BLOCK = bytes(262_144)
ME = str(Path(__file__).resolve())


# -- what runs in processes of its own ---------------------------------------------------------------------------


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

    __slots__ = ("peer", "transport")

    def data_received(self, data: bytes) -> None:
        self.peer.transport.write(data)

    def eof_received(self) -> bool:
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
    from shoal.upstream import make_contexts

    clock = SystemClock()
    now = clock.now()
    health = Health(
        at=now, ok=(50.0,) * len(TIME_SCALES), last_ok=now, bad=(0.0,) * len(TIME_SCALES), oks=50, streak=50
    )
    can = frozenset({Capability.TUNNEL, Capability.FORWARD})
    path = Path(Scheme.HTTP, health, can, timing=Timing(connect=0.2, handshake=0.4, total=0.5))
    endpoint = Endpoint("127.0.0.1", upstream)
    record = Record(record_id(str(endpoint)), str(endpoint), endpoint, trust=Trust.OWN, paths=(path,))
    pool = Pool(PoolOptions(max_share=1.0, min_forecast=0.0), random.Random(1))
    pool.apply(record, now)

    class Service:
        now = staticmethod(clock.now)

        def pick(self, query: Any) -> Any:
            return pool.pick(query, clock.now())

        def list(self, query: Any) -> Any:
            return pool.list(query, clock.now())

        def report(self, key: Any, proxy: Any, feedback: Any) -> None:
            pass

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


# -- the gateways ------------------------------------------------------------------------------------------------

HAPROXY = """
global
    nbthread 1
    maxconn {clients}
defaults
    mode tcp
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    maxconn {clients}
listen bench
    bind 127.0.0.1:{port} backlog 4096
    server one 127.0.0.1:{upstream}
"""
TINYPROXY = """
Port {port}
Listen 127.0.0.1
MaxClients {clients}
LogFile "/dev/null"
LogLevel Critical
Timeout 600
Upstream http 127.0.0.1:{upstream}
"""


class Gateway:
    """A running one. ``plain`` tells whether it takes absolute-form requests on a kept connection."""

    def __init__(self, name: str, port: int, pid: int, plain: bool) -> None:
        self.name, self.port, self.pid, self.plain = name, port, pid, plain

    def pids(self) -> list[int]:
        found, queue = [], [self.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                queue += map(int, task.read_text().split())
        return found

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        # The kernel's clock of a process as a whole (clock_getcpuclockid): threads that have ended count, too.
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def memory(self) -> int:
        """Bytes, shared pages counted in proportion."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total


def role(name: str, port: int, upstream: int) -> list[str]:
    return [sys.executable, ME, "--role", name, "--port", str(port), "--upstream", str(upstream)]


def await_port(port: int, seconds: float = 10.0) -> bool:
    import socket

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def debian(name: str, install: bool) -> str | None:
    """The program's path, after an installation where that is wanted and possible."""
    if shutil.which(name) is None and install and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-qq", name], check=False, stdout=subprocess.DEVNULL)
    return shutil.which(name)


def registry(folder: Path, install: bool) -> Path | None:
    """A virtual environment with pproxy and proxy.py, or None."""
    if not install:
        return None
    venv = folder / "peers"
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False)
    words = [str(venv / "bin/pip"), "install", "-q", "--disable-pip-version-check", "pproxy", "proxy.py", "uvloop"]
    return venv / "bin" if made.returncode == 0 and subprocess.run(words, check=False).returncode == 0 else None


@contextmanager
def gateways(folder: Path, upstream: int, wanted: set[str], install: bool) -> Iterator[list[Gateway]]:
    """All that can be had, each in processes of its own."""
    with ExitStack() as stack:
        found: list[Gateway] = []

        def start(name: str, words: list[str] | None, port: int, plain: bool, how: str) -> None:
            if wanted and name not in wanted:
                return
            if words is None:
                print(f"  {name} is left out: it is not here ({how})")
                return
            child = stack.enter_context(process(words, folder / f"{name}.log"))
            if await_port(port):
                found.append(Gateway(name, port, child.pid, plain))
            else:
                print(f"  {name} is left out: it does not listen; see {folder / name}.log")

        for name in ("relay", "ours"):
            port = free_port()
            start(name, role(name, port, upstream), port, True, "")
        # HAProxy does not start with more than its descriptors allow.
        clients = (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500) // 2
        apt = "run as root with --install, or apt-get install haproxy tinyproxy"
        for name, text in (("haproxy", HAPROXY), ("tinyproxy", TINYPROXY)):
            port, program = free_port(), debian(name, install)
            config = folder / f"{name}.conf"
            config.write_text(text.format(port=port, upstream=upstream, clients=clients))
            flags = ["-f" if name == "haproxy" else "-d", *(["-c"] if name == "tinyproxy" else []), str(config)]
            start(name, [program, *flags] if program else None, port, name == "haproxy", apt)
        venv = registry(folder, install)
        port = free_port()
        # Its start asks for a current event loop, which uvloop's policy no longer makes.
        pproxy = (
            "import asyncio, sys\n"
            "install = asyncio.set_event_loop_policy\n"
            "def both(policy):\n"
            "    install(policy)\n"
            "    asyncio.set_event_loop(asyncio.new_event_loop())\n"
            "asyncio.set_event_loop_policy = both\n"
            f"sys.argv = ['pproxy', '-l', 'http://127.0.0.1:{port}', '-r', 'http://127.0.0.1:{upstream}']\n"
            "from pproxy.server import main\n"
            "main()\n"
        )
        pip = "--install puts it into a temporary virtual environment"
        start("pproxy", [str(venv / "python"), "-c", pproxy] if venv else None, port, False, pip)
        port = free_port()
        words = [
            "--hostname", "127.0.0.1", "--port", str(port), "--num-workers", "1", "--num-acceptors", "1",
            "--plugins", "proxy.plugin.ProxyPoolPlugin", "--proxy-pool", f"127.0.0.1:{upstream}", "--log-level", "e",
        ]  # fmt: skip
        start("proxy.py", [str(venv / "proxy"), *words] if venv else None, port, True, pip)
        yield found


# -- the load ----------------------------------------------------------------------------------------------------


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
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--upstream", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.role:
        uvloop.run(serve_role(options.role, options.port, options.upstream))
        return
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
