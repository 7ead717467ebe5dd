"""More than a pool can take, for a while: slow clients by the thousand, then far too many requests.

Starts `shoal demo` and, on 127.0.0.0/8 only:

* holds 10,000 clients that send a byte now and then, half of them at the API and half at the gateway, and asks
  beside them what an ordinary client would;
* lets wrk (Debian) ask API and gateway with 2,000 connections at once, ten times what they answer in time, counts what
  was answered and what was refused with 503, and asks again and again when it is over: until the first good answer.

What is asked through the gateway is a site of its own, in a process of its own: were it the pool's API, the flood's
requests would come in a second time at the other end. Beside the gateway the same is asked straight of one of the lab's
proxies: until that one answers, no gateway can.

    python tools/load_trial.py
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import IO, Any

import uvloop
from soak import free_port

COUNTING = """
local threads = {}
setup = function(thread) table.insert(threads, thread) end
init = function() good = 0; shed = 0; mute = 0 end
response = function(status, headers)
    if status == 200 then good = good + 1 end
    if status == 503 or status == 429 then
        shed = shed + 1
        if not headers["Retry-After"] and not headers["retry-after"] then mute = mute + 1 end
    end
end
done = function()
    local sums = {0, 0, 0}
    for _, thread in ipairs(threads) do
        for number, name in ipairs({"good", "shed", "mute"}) do sums[number] = sums[number] + thread:get(name) end
    end
    print("COUNTS " .. table.concat(sums, " "))
end
"""
PATIENCE = 30.0
SITE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"


class Site(asyncio.Protocol):
    """A site that costs next to nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.begin = b""

    def data_received(self, data: bytes) -> None:
        self.begin = (self.begin + data)[-8_192:]
        while b"\r\n\r\n" in self.begin:
            self.begin = self.begin.partition(b"\r\n\r\n")[2]
            self.transport.write(SITE)  # type: ignore[attr-defined]


def serve_site(port: int) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Site, "127.0.0.1", port, backlog=4096)
        await server.serve_forever()

    uvloop.run(serve())


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ask(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, float]:
    """Status (0: no answer), and seconds until the head of the answer was there."""
    began, status = time.monotonic(), 0
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, port, limit=2**20)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                status = int((await reader.readuntil(b"\r\n\r\n")).split()[1])
            finally:
                writer.transport.abort()
    return status, time.monotonic() - began


def ask_plainly(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
        return bytes(answer.read())


async def some_proxies(api: int) -> list[tuple[str, int]]:
    """HTTP proxies of the lab that work, as far as the pool knows."""
    text = await asyncio.to_thread(ask_plainly, api, "/v1/proxies?scheme=http&capability=forward&limit=5")
    return [(one["host"], one["port"]) for one in json.loads(text)]


async def dribble(port: int, over: asyncio.Event, held: list[int]) -> None:
    """A client that never comes to the end of its head."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    held[0] += 1
    try:
        for byte in b"GET / HTTP/1.1\r\nHost: slow\r\nX: " + b"y" * 10_000:
            writer.write(bytes([byte]))
            await writer.drain()
            try:
                await asyncio.wait_for(reader.read(1), 3.0)
                return  # Dropped, or told off.
            except TimeoutError:
                if over.is_set():
                    return
    except OSError:
        return
    finally:
        held[0] -= 1
        writer.transport.abort()


async def slow_clients(api: int, gateway: int, count: int) -> dict[str, Any]:
    over, held, peak = asyncio.Event(), [0], 0
    answers: list[tuple[int, float]] = []
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(dribble(api if number % 2 else gateway, over, held))
            if number % 200 == 0:
                await asyncio.sleep(0.02)
        end = time.monotonic() + 25.0
        while time.monotonic() < end:
            answers.append(await ask(api, "/get/"))
            answers.append(await ask(gateway, f"http://127.0.0.1:{api}/check/"))
            peak = max(peak, held[0])
            await asyncio.sleep(0.25)
        over.set()
    good = sorted(seconds for status, seconds in answers if status == 200)
    return {
        "slow_clients_at_once": peak,
        "asked_beside_them": len(answers),
        "answered": len(good),
        "median_ms": round(1_000 * good[len(good) // 2], 1) if good else None,
        "worst_ms": round(1_000 * good[-1], 1) if good else None,
    }


async def first_answer(places: list[tuple[str, int]], path: str) -> float:
    """Seconds until a request is answered well, of those sent ten times a second to one place after the other."""
    began, asked = time.monotonic(), set[asyncio.Task[tuple[int, float]]]()
    try:
        while time.monotonic() < began + 2 * PATIENCE:
            host, port = places[0]
            places = [*places[1:], places[0]]
            asked.add(asyncio.create_task(ask(port, path, host)))
            done, asked = await asyncio.wait(asked, timeout=0.1)
            if any(task.result()[0] == 200 for task in done):
                return round(time.monotonic() - began, 2)
        return -1.0
    finally:
        for task in asked:
            task.cancel()


async def flood(
    port: int, path: str, seconds: int, connections: int, pid: int, straight: list[tuple[str, int]]
) -> dict[str, Any]:
    """``straight`` are proxies that are asked beside ``port`` afterwards."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'request = function() return wrk.format("GET", "{path}") end\n{COUNTING}')
        script.flush()
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", script.name]
        spent = cpu_seconds(pid)
        wrk = await asyncio.create_subprocess_exec(
            *words, f"http://127.0.0.1:{port}", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        health = []
        while wrk.returncode is None:
            health.append(await ask(port, path))
            try:
                await asyncio.wait_for(asyncio.shield(wrk.wait()), 0.5)
            except TimeoutError:
                continue
        assert wrk.stdout is not None
        text = (await wrk.stdout.read()).decode()
    over = cpu_seconds(pid)
    counts = next((line.split()[1:] for line in text.splitlines() if line.startswith("COUNTS")), ["0", "0", "0"])
    waits = [first_answer([("127.0.0.1", port)], path)]
    if straight:
        waits.append(first_answer(straight, path))
    firsts = await asyncio.gather(*waits)
    digested = cpu_seconds(pid)
    after = [await ask(port, path) for _ in range(5)]
    return {
        "answered": int(counts[0]),
        "refused_with_503": int(counts[1]),
        "of_these_without_retry_after": int(counts[2]),
        "cpu_s_of_the_pool": round(over - spent, 1),
        "asked_meanwhile": [[status, round(seconds, 2)] for status, seconds in health][:12],
        "first_good_answer_after_s": firsts[0],
        "cpu_s_of_the_pool_until_then": round(digested - over, 1),
        "the_same_straight_through_a_proxy_after_s": firsts[1] if straight else None,
        "afterwards_ms": [round(1_000 * seconds, 1) for status, seconds in after if status == 200],
    }


def start(words: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, stdout=log, stderr=log)


async def ready(port: int) -> None:
    for _ in range(300):
        if (await ask(port, "/readyz"))[0] == 200:
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the pool found no proxy")


async def trial(count: int, seconds: int, connections: int) -> dict[str, Any]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    api, gateway, site_port = free_port(), free_port(), free_port()
    site = multiprocessing.get_context("spawn").Process(target=serve_site, args=(site_port,), daemon=True)
    site.start()
    with tempfile.TemporaryDirectory(prefix="shoal-load-") as folder:
        with (Path(folder) / "log").open("wb") as log:
            words = ["demo", "--size", "400", "--api", f"127.0.0.1:{api}", "--gateway", f"127.0.0.1:{gateway}"]
            pool = start([sys.executable, "-m", "shoal", *words], log)
        try:
            await ready(api)
            straight = await some_proxies(api)
            target = f"http://127.0.0.1:{site_port}/"
            result = {
                "slow": await slow_clients(api, gateway, count),
                "api": await flood(api, "/v1/proxies?limit=200", seconds, connections, pool.pid, []),
                "gateway": await flood(gateway, target, seconds, connections, pool.pid, straight),
                "alive_at_the_end": pool.poll() is None,
            }
        finally:
            pool.send_signal(signal.SIGTERM)
            try:
                pool.wait(30)
            finally:
                pool.kill()
                site.terminate()
        result["tracebacks"] = (Path(folder) / "log").read_text(errors="replace").count("Traceback")
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Far too many clients, and what becomes of an ordinary one.")
    parser.add_argument("--slow", type=int, default=10_000, help="slow clients at once")
    parser.add_argument("--seconds", type=int, default=10, help="how long each flood lasts")
    parser.add_argument("--connections", type=int, default=2_000)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(trial(options.slow, options.seconds, options.connections)), indent=2))


if __name__ == "__main__":
    main()
