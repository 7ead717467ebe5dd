"""More than a pool can take, for a while: slow clients by the thousand, then far too many requests.

Starts `shoal demo` and, on 127.0.0.0/8 only:

* holds 10,000 clients that send a byte now and then, half of them at the API and half at the gateway, and asks
  beside them what an ordinary client would;
* lets wrk (Debian) ask API and gateway with 2,000 connections at once, ten times what they answer in time, counts what
  was answered and what was refused with 503, and asks again and again when it is over: until the first good answer.

What is asked through the gateway is a site of its own, in a process of its own: were it the pool's API, the flood's
requests would come in a second time at the other end. When a flood is over, three are asked side by side: what was
flooded, what the gateway answers without any proxy, and some of the lab's proxies without the gateway. Of each request
it is logged what came of it; and of the pool, how long it ran and how long it stood ready and got no core: what is left
of the time, it waited for somebody.

    python tools/load_trial.py
    python tools/load_trial.py --slow 0 --no-log
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
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
REFUSED = ("http://127.0.0.1:25/", "403 target_refused")
"""What the gateway answers without any proxy."""
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


async def look(port: int, path: str, host: str = "127.0.0.1") -> tuple[str, float, str]:
    """What came of a request, in how many seconds, and whose answer it is.

    "200", "503 overloaded" (the gateway's own word), "no answer", or how far it came until ``PATIENCE`` was over.
    """
    began, word, by = time.monotonic(), "not let in", ""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, port, limit=2**20)
            word = "no answer"
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
                heads = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
                word = f"{lines[0].split()[1]} {heads.get('x-shoal-error', '')}".strip()
                by = heads.get("x-shoal-proxy", "")
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    return word, time.monotonic() - began, by


async def ask(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, float]:
    """Status (0: no answer), and seconds until the head of the answer was there."""
    word, seconds, _ = await look(port, path, host)
    return int(word[:3]) if word[:3].isdigit() else 0, seconds


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


def spent_by(pid: int) -> tuple[float, float, float]:
    """Now, seconds that the process' first thread ran, and seconds that it stood ready and waited for a core."""
    ran, stood = map(int, Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[:2])
    return time.monotonic(), ran / 1e9, stood / 1e9


class Aftermath:
    """The moments after a flood: who asks what, ten times a second each, until all have had a good answer.

    Asked are ``place`` as in the flood ("here"), for something that it answers by itself, without any proxy ("alone"),
    and for the same as in the flood some proxies, without the pool ("straight").
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._begin = spent_by(pid)
        self.firsts: dict[str, tuple[float, float, float]] = {}
        """Until the first good answer, by what was asked: seconds, seconds the pool ran, and waited for a core."""
        self.log: list[tuple[float, float, str, str, str]] = []
        """Sent at, seconds, what was asked, what came of it, and by which proxy."""

    async def ask(self, what: str, places: list[tuple[str, int]], path: str, good: str) -> None:
        asked = set[asyncio.Task[None]]()
        try:
            while what not in self.firsts and time.monotonic() < self._begin[0] + 2 * PATIENCE:
                host, port = places[0]
                places = [*places[1:], places[0]]
                asked.add(asyncio.create_task(self._one(what, host, port, path, good)))
                await asyncio.sleep(0.1)
        finally:
            for task in asked:
                task.cancel()

    async def _one(self, what: str, host: str, port: int, path: str, good: str) -> None:
        at = time.monotonic() - self._begin[0]
        word, seconds, by = await look(port, path, host)
        self.log.append((round(at, 2), round(seconds, 2), what, word, by))
        if word == good and what not in self.firsts:
            now, ran, stood = (now - then for now, then in zip(spent_by(self._pid), self._begin, strict=True))
            self.firsts[what] = round(now, 2), round(ran, 2), round(stood, 2)

    def told(self) -> dict[str, Any]:
        seconds, ran, stood = self.firsts.get("here", (-1.0, -1.0, -1.0))
        return {
            "first_good_answer_after_s": seconds,
            "until_then_the_pool": {"ran_s": ran, "waited_for_a_core_s": stood},
            "first_answer_without_a_proxy_after_s": self.firsts.get("alone", (-1.0,))[0],
            "the_same_straight_through_a_proxy_after_s": self.firsts.get("straight", (None,))[0],
            "answers_until_then": dict(Counter(f"{what}: {word}" for _, _, what, word, _ in self.log)),
            "log": sorted(self.log),
        }


async def flood(
    port: int, path: str, alone: tuple[str, str], load: tuple[int, int], pid: int, straight: list[tuple[str, int]]
) -> dict[str, Any]:
    """``alone`` is what needs nobody but the pool, and its answer; ``load`` seconds and connections; ``straight`` are
    proxies that are asked beside ``port`` afterwards."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'request = function() return wrk.format("GET", "{path}") end\n{COUNTING}')
        script.flush()
        words = ["wrk", "-t1", f"-c{load[1]}", f"-d{load[0]}s", "--timeout", "20s", "-s", script.name]
        spent = spent_by(pid)
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
    aftermath, over = Aftermath(pid), spent_by(pid)
    counts = next((line.split()[1:] for line in text.splitlines() if line.startswith("COUNTS")), ["0", "0", "0"])
    here = ("127.0.0.1", port)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(aftermath.ask("here", [here], path, "200"))
        tasks.create_task(aftermath.ask("alone", [here], *alone))
        if straight:
            tasks.create_task(aftermath.ask("straight", straight, path, "200"))
    after = [await ask(port, path) for _ in range(5)]
    return {
        "answered": int(counts[0]),
        "refused_with_503": int(counts[1]),
        "of_these_without_retry_after": int(counts[2]),
        "in_the_flood_the_pool": {
            "ran_s": round(over[1] - spent[1], 1),
            "waited_for_a_core_s": round(over[2] - spent[2], 1),
        },
        "asked_meanwhile": [[status, round(seconds, 2)] for status, seconds in health][:12],
        **aftermath.told(),
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
            target, load = f"http://127.0.0.1:{site_port}/", (seconds, connections)
            result: dict[str, Any] = {
                "slow": await slow_clients(api, gateway, count) if count else None,
                "api": await flood(api, "/v1/proxies?limit=200", ("/healthz", "200"), load, pool.pid, []),
                "gateway": await flood(gateway, target, REFUSED, load, pool.pid, straight),
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
    parser.add_argument("--no-log", action="store_true", help="leave out the single requests after a flood")
    options = parser.parse_args()
    result = asyncio.run(trial(options.slow, options.seconds, options.connections))
    for flooded in (result["api"], result["gateway"]):
        log = flooded.pop("log")
        if not options.no_log:
            print(*(" ".join(map(str, line)) for line in log), sep="\n", file=sys.stderr)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
