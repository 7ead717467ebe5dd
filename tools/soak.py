"""A pool at work for half an hour: does it keep its size?

Starts `shoal demo`, asks for proxies, sends requests through the gateway and follows the events as an open dashboard
does, all on 127.0.0.0/8. Memory, descriptors and threads of the pool's process are read every few seconds; after the
warm-up the first and the last quarter of what remains are compared.

    python tools/soak.py --minutes 30
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SAMPLE = 5.0
"""Seconds between two readings."""
START_LIMIT = 120.0
"""Seconds from the start to the first proxy, on a machine that is busy with other things."""
PAUSE = 0.1
"""Seconds between two requests of one client."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(pool: subprocess.Popen[bytes], port: int) -> None:
    """Until it has a proxy to give: what is asked before that measures the start."""
    deadline = time.monotonic() + START_LIMIT
    while pool.poll() is None and time.monotonic() < deadline:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            link.request("GET", "/readyz")
            if link.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            link.close()
        time.sleep(0.2)
    raise SystemExit("the pool found no proxy")


class Traffic:
    """Clients of a pool until ``over`` is set; counts of what they saw."""

    def __init__(self, api: int, gateway: int) -> None:
        self.api, self.gateway = api, gateway
        self.over = threading.Event()
        self.counts: dict[str, int] = {}
        self.threads = [
            threading.Thread(target=run, daemon=True) for run in (self.pick, self.relay, self.relay, self.follow)
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def note(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def ask(self, port: int, path: str, name: str) -> None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            link.request("GET", path)
            answer = link.getresponse()
            answer.read()
            self.note(f"{name} {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            self.note(f"{name} {type(error).__name__}")
        finally:
            link.close()

    def pick(self) -> None:
        while not self.over.wait(PAUSE):
            self.ask(self.api, "/get/", "get")
            self.ask(self.api, "/v1/stats", "stats")
            self.ask(self.api, "/v1/proxies?limit=50", "list")

    def relay(self) -> None:
        while not self.over.wait(PAUSE):
            self.ask(self.gateway, f"http://127.0.0.1:{self.api}/check/", "gateway")

    def follow(self) -> None:
        """As an open page does, and again when it was closed."""
        while not self.over.wait(1.0):
            link = http.client.HTTPConnection("127.0.0.1", self.api, timeout=30)
            try:
                link.request("GET", "/v1/events")
                answer = link.getresponse()
                until = time.monotonic() + 60.0
                while time.monotonic() < until and not self.over.is_set() and answer.readline():
                    self.note("event lines")
            except OSError:
                self.note("events broken")
            finally:
                link.close()


def reading(pid: int) -> tuple[float, int, int]:
    """Megabytes of memory, descriptors, threads."""
    status = Path(f"/proc/{pid}/status").read_text()
    values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(values["VmRSS"].split()[0]) / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())), int(values["Threads"])


def soak(minutes: float, size: int, warm_up: float) -> dict[str, Any]:
    api, gateway = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="shoal-soak-") as folder:
        log = Path(folder) / "log"
        words = ["demo", "--size", str(size), "--api", f"127.0.0.1:{api}", "--gateway", f"127.0.0.1:{gateway}"]
        with log.open("wb") as out:
            pool = subprocess.Popen([sys.executable, "-m", "shoal", *words], stdout=out, stderr=out)
        samples: list[tuple[float, int, int]] = []
        traffic = Traffic(api, gateway)
        try:
            wait_until_up(pool, api)
            traffic.start()
            end = time.monotonic() + minutes * 60.0
            while time.monotonic() < end and pool.poll() is None:
                time.sleep(SAMPLE)
                samples.append(reading(pool.pid))
            alive = pool.poll() is None
        finally:
            traffic.over.set()
            pool.send_signal(signal.SIGTERM)
            stopping = time.monotonic()
            try:
                pool.wait(30)
            finally:
                pool.kill()
        stopped = time.monotonic() - stopping
        text = log.read_text(errors="replace")
    steady = samples[int(warm_up * 60.0 / SAMPLE) :]
    quarter = max(1, len(steady) // 4)
    first, last = steady[:quarter], steady[-quarter:]
    memory = [statistics.mean(row[0] for row in rows) for rows in (first, last)]
    return {
        "minutes": minutes,
        "alive_at_the_end": alive,
        "memory_mb": [round(value, 1) for value in memory],
        "memory_change_percent": round(100.0 * (memory[1] / memory[0] - 1.0), 2),
        "descriptors": [max(row[1] for row in rows) for rows in (first, last)],
        "threads": [max(row[2] for row in rows) for rows in (first, last)],
        "seen": dict(sorted(traffic.counts.items())),
        "tracebacks": [part[-1_500:] for part in text.split("Traceback")[1:4]],
        "stopped_in_s": round(stopped, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Does a pool at work keep its size?")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, default=8.0, help="minutes that are not compared")
    parser.add_argument("--size", type=int, default=400, help="proxies of the lab")
    options = parser.parse_args()
    print(json.dumps(soak(options.minutes, options.size, options.warm_up), indent=2))


if __name__ == "__main__":
    main()
