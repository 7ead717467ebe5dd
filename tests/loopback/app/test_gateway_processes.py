"""A gateway of several processes: one port, one pool, one set of books."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shoal.app import open_pool
from shoal.app.gateway_processes import _RESTART_PAUSE
from shoal.cli.demo import options_for
from shoal.errors import ShoalError
from shoal.lab import Lab
from shoal.options import ApiOptions, GatewayOptions, Options

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the lab needs Linux")
BOUND = 60.0


def options(**gateway):
    given = {"listen": "127.0.0.1:0", "processes": 2, **gateway}
    return Options(api=ApiOptions(listen="127.0.0.1:0"), gateway=GatewayOptions(**given))


@asynccontextmanager
async def running(folder: Path, **gateway):
    """A pool over a lab of good proxies, once there is something to hand out."""
    async with Lab(size=40, preset="alive", latency_scale=0.0, folder=folder / "lab") as lab:
        index = lab.describe()
        announced = []
        async with open_pool(
            options_for(options(**gateway), index, folder / "data"), announce=announced.append
        ) as pool:
            port = int(pool.gateway_url.rpartition(":")[2])
            target = lab.judges[0].partition("#")[0]
            yield pool, port, target, announced


async def until(condition, what="it did not come to pass"):
    async with asyncio.timeout(BOUND):
        while not (found := await condition()):
            await asyncio.sleep(0.05)
    return found


async def ask(port, target, login=""):
    """One plain request on a connection of its own; b"" when that ends early."""
    lines = [f"GET {target} HTTP/1.1", "Host: a", "Connection: close", *([login] if login else [])]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return b""
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(BOUND):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def warm(port, target):
    async def works():
        return (await ask(port, target)).startswith(b"HTTP/1.1 200 ")

    await until(works, "no proxy ever worked")


def children():
    return children_of(os.getpid())


def children_of(pid):
    # Of all threads: which one started a process is the loop's affair.
    found = [pid for task in Path(f"/proc/{pid}/task").glob("*/children") for pid in task.read_text().split()]
    return {int(pid) for pid in found if alive(pid)}


async def test_processes_share_a_port_a_pool_sessions_and_their_books(tmp_path):
    async with running(tmp_path) as (pool, port, target, _):
        before = children()
        assert len(before) == 2
        await warm(port, target)
        used = pool.service.stats().uses_total
        answers = await asyncio.gather(*(ask(port, target) for _ in range(40)))
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)

        async def counted():
            figures, stats = pool.service.gateway_figures(), pool.gateway.watch.status().stats
            return figures.requests >= 40 and stats.ok >= 40 and pool.service.stats().uses_total >= used + 40

        await until(counted, "feedback and counts did not come home")
        await rotate_in_all(pool, port, target)
        # A killed one is started again; what it counted is not forgotten, and meanwhile the other serves.
        victim = next(iter(before))
        os.kill(victim, signal.SIGKILL)

        async def renewed():
            now = children()
            return len(now) == 2 and victim not in now

        await until(renewed, "no new process came")
        assert pool.service.gateway_figures().requests >= 40

        async def all_serve():
            return all([(await ask(port, target)).startswith(b"HTTP/1.1 200 ") for _ in range(20)])

        await until(all_serve)
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun < 30.0
    assert not children()


async def rotate_in_all(pool, port, target):
    """A session is one in all processes, and gets another proxy in all."""
    watch = pool.gateway.watch
    names = (f"s{number}" for number in range(1000))

    async def proxies(name):
        login = base64.b64encode(f"me-session-{name}:x".encode()).decode()
        answers = await asyncio.gather(*(ask(port, target, f"Proxy-Authorization: Basic {login}") for _ in range(16)))
        return {answer.partition(b"X-Shoal-Proxy: ")[2].partition(b"\r\n")[0] for answer in answers}

    async def agreed():
        # Processes learn of new proxies at slightly different moments; what a session has by then, it keeps.
        name = next(names)
        found = await proxies(name)
        return (name, *found) if len(found) == 1 else None

    name, before = await until(agreed)
    (info,) = [info for info in await watch.sessions() if info.session == name]
    assert info.proxy.encode() == before
    assert await watch.rotate("", name)
    assert before not in await proxies(name)
    assert not await watch.rotate("", "nobody")


async def test_a_users_limit_holds_for_all_processes_together(tmp_path):
    async with running(tmp_path, user_connections=4, user_rate=0.0) as (pool, port, target, _):
        await warm(port, target)
        host = target.partition("://")[2].partition("/")[0]
        held = []
        try:

            async def refused():
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                held.append(writer)
                writer.write(f"CONNECT {host} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                head = await asyncio.wait_for(reader.readuntil(b"\r\n"), BOUND)
                return b" 429 " in head

            await until(refused, "the limit never held")
            watch = pool.gateway.watch
            # Between two exchanges of news a few more may slip in.
            assert sum(row.kind == "tunnel" for row in await watch.connections(100)) <= 4 + 8
        finally:
            for writer in held:
                writer.transport.abort()


async def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path):
    with contextlib.closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ShoalError, match="is taken by another program"):
            async with running(tmp_path, listen=f"127.0.0.1:{taken.getsockname()[1]}"):
                pass
    assert not children()


async def test_a_server_has_processes_too_and_none_outlives_it(tmp_path):
    """As commands: a tunnel stands open while the server is told to stop."""
    async with Lab(size=40, preset="alive", latency_scale=0.0, folder=tmp_path / "lab") as lab:
        shared = ["--judge-ca", str(lab.ca_file), "--allow", "127.0.0.0/8", "--data", str(tmp_path / "data")]
        shared += [word for url in lab.judges for word in ("--judge", url)]
        sources = [word for url in lab.lists[:3] for word in ("--source", url)]
        gateway = ["--gateway", "127.0.0.1:0", "--processes", "2", "--allow-target", "127.0.0.0/8"]
        target = lab.judges[0].partition("#")[0]
        async with (
            command("schedule", *sources, *shared, folder=tmp_path),
            # It needs the store, which the other half serves once it has begun.
            command("server", *shared, *gateway, "--api", "127.0.0.1:0", folder=tmp_path) as server,
        ):
            port = await url_of(server, "gateway")
            await warm(port, target)
            workers = children_of(server.pid)
            assert len(workers) == 2
            host = target.partition("://")[2].partition("/")[0]
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"CONNECT {host} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            server.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(server.wait(), BOUND) == 0
            writer.transport.abort()

            async def gone(workers=workers):
                return not any(alive(pid) for pid in workers)

            await until(gone, "a process outlived its pool")


async def test_told_to_stop_all_processes_refuse_at_once_and_end_what_is_under_way(tmp_path):
    async with running(tmp_path) as (pool, port, target, _):
        await warm(port, target)
        workers = children()
        host = target.partition("://")[2].partition("/")[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"CONNECT {host} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), BOUND)
        # As a signal handler does it: the pool itself has not noticed anything yet.
        pool.refuse()
        writer.write(f"GET /check/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n"), BOUND)

        async def refused():
            return not any([await ask(port, target) for _ in range(8)])

        await until(refused, "a process still serves")
        writer.transport.abort()

        async def gone():
            return not any(alive(pid) for pid in workers)

        await until(gone, "a process stayed")
        # Nobody takes their place.
        await asyncio.sleep(3 * _RESTART_PAUSE)
        assert not children() and await refused()


async def test_a_process_ends_when_the_pool_that_it_belongs_to_has_gone():
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shoal.cli.gateway_worker", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    worker.stdin.close()
    assert await asyncio.wait_for(worker.wait(), BOUND) == 0


def alive(pid):
    with contextlib.suppress(OSError):
        return b"gateway_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


async def url_of(process, face):
    async with asyncio.timeout(BOUND):
        while line := (await process.stdout.readline()).decode():
            if line.split()[:1] == [face]:
                return int(line.split()[1].rpartition(":")[2])
    raise AssertionError(f"no {face} came up")


@asynccontextmanager
async def command(*words, folder):
    environment = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shoal", *words, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        if words[0] == "schedule":
            await asyncio.wait_for(process.stdout.readline(), BOUND)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
