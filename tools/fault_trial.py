"""Something gone for a minute and back: is the pool still there, does it say what is wrong, did it keep its promises?

Starts a simulated internet and a pool on it, all on 127.0.0.0/8, and takes away one thing:

    network     judges, lists and proxies alike answer nothing (SIGSTOP)
    frozen      the shared store (Valkey) takes connections and answers nothing (SIGSTOP)
    killed      the shared store is killed and started again
    disk        the file system with the pool's data is full (a small tmpfs; needs root)
    broker      the broker of the batches is killed and started again; a worker checks

Told are how many proxies the pool holds for working before, meanwhile and afterwards, what is answered meanwhile, what
of the acknowledged writes is missing, and how soon the gateway serves, a write is taken and a check is made again.

    python tools/fault_trial.py frozen --seconds 60
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from soak import free_port, wait_until_up

from shoal.testing.redis_server import RedisServer, redis_server

PATIENCE = 60.0
SYNCED = ("--appendonly", "yes", "--appendfsync", "always")
SHOAL = (sys.executable, "-m", "shoal")
DISK = "32m"


def ask(port: int, path: str, body: Any = None, timeout: float = PATIENCE) -> tuple[int, str]:
    """Status (0: no answer) and body."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        if body is None:
            link.request("GET", path)
        else:
            link.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = link.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        link.close()


class Trial:
    """A lab, a pool on it, and what one of the faults needs."""

    def __init__(self, what: str, size: int, folder: Path, stack: ExitStack) -> None:
        self.what, self.folder, self.stack = what, folder, stack
        self.api, self.gateway = free_port(), free_port()
        self.lab, self.index = self._lab(size)
        self.store: RedisServer | None = None
        self.broker: RedisServer | None = None
        words = ["--api", f"127.0.0.1:{self.api}", "--gateway", f"127.0.0.1:{self.gateway}"]
        words += [word for url in self.index["lists"] for word in ("--source", url)]
        shared = []
        data = folder / "data"
        if what in ("frozen", "killed", "broker"):
            self.store = stack.enter_context(redis_server(None, *SYNCED))
            shared = ["--store", self.store.url]
        if what == "broker":
            self.broker = stack.enter_context(redis_server(None, *SYNCED))
            os.environ["SHOAL_CLUSTER_BROKER"] = self.broker.url
        if what == "disk":
            data = stack.enter_context(small_disk(folder / "disk")) / "data"
        if data.parent == folder or what == "disk":
            words += ["--data", str(data)]
        self.data = data
        self.pool = self._start("up", *words, *shared)
        if what == "broker":
            self._start("worker", "--processes", "1", *shared)
        self.links: list[str] = []

    def _lab(self, size: int) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        words = ["lab", "--size", str(size), "--dir", str(self.folder / "lab"), "--until-eof"]
        lab = subprocess.Popen([*SHOAL, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.stack.callback(lab.kill)
        assert lab.stdout is not None
        return lab, json.loads(lab.stdout.readline())

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        judges = [word for url in self.index["judges"] for word in ("--judge", url)]
        here = ["--judge-ca", self.index["ca"], "--allow", "127.0.0.0/8", "--allow-target", "127.0.0.0/8"]
        log = self.stack.enter_context((self.folder / "log").open("ab"))
        process = subprocess.Popen([*SHOAL, *words, *judges, *here], stdout=log, stderr=log)
        self.stack.callback(stop, process)
        return process

    # -- what is asked -------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(ask(self.api, "/v1/stats")[1] or "{}")
        return found

    def working(self) -> int:
        return int(self.stats().get("working", -1))

    def picks(self) -> str:
        status, body = ask(self.api, "/v1/proxies/pick")
        return f"{status} {json.loads(body).get('detail', '') if body.startswith('{') else 'no answer'}"

    def relays(self) -> bool:
        return ask(self.gateway, f"http://127.0.0.1:{self.api}/check/")[0] == 200

    def writes(self) -> str:
        """Status of one write; what was acknowledged is remembered."""
        status, body = ask(
            self.api, "/v1/links", {"url": f"https://example.com/{len(self.links)}/{time.time_ns()}"}, 30
        )
        if status == 201:
            self.links.append(json.loads(body)["code"])
            return "201"
        return f"{status} {json.loads(body).get('detail', '') if body.startswith('{') else 'no answer'}"

    def lost(self) -> list[str]:
        return [code for code in self.links if ask(self.api, f"/v1/links/{code}")[0] != 200]

    # -- the faults ----------------------------------------------------------------------------------------------

    @contextmanager
    def gone(self) -> Iterator[None]:
        match self.what:
            case "network":
                os.kill(self.lab.pid, signal.SIGSTOP)
                try:
                    yield
                finally:
                    os.kill(self.lab.pid, signal.SIGCONT)
            case "frozen":
                assert self.store is not None
                self.store.freeze()
                try:
                    yield
                finally:
                    self.store.thaw()
            case "killed" | "broker":
                server = self.store if self.what == "killed" else self.broker
                assert server is not None
                server.kill()
                try:
                    yield
                finally:
                    server.start()
            case _:
                ballast = self.data.parent / "ballast"
                fill(ballast)
                try:
                    yield
                finally:
                    ballast.unlink()


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(file: Path) -> None:
    """Until there is no room for another byte."""
    with file.open("wb", buffering=0) as out:
        for piece in (bytes(65_536), b"\0"):
            try:
                while True:
                    out.write(piece)
            except OSError:
                continue


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    finally:
        process.kill()


def soon(condition: Callable[[], object], patience: float = PATIENCE) -> float | None:
    """Seconds until it comes to pass."""
    began = time.monotonic()
    while time.monotonic() < began + patience:
        if condition():
            return round(time.monotonic() - began, 2)
        time.sleep(0.1)
    return None


def trial(what: str, seconds: float, size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="shoal-fault-") as name, ExitStack() as stack:
        one = Trial(what, size, Path(name), stack)
        try:
            wait_until_up(one.pool, one.api)
        except SystemExit as error:
            raise SystemExit(f"{error}; its log:\n{(Path(name) / 'log').read_text(errors='replace')[-3000:]}") from None
        # The first round of checks: before its end the number of those that work still grows.
        soon(lambda: one.stats().get("unchecked") == 0, 2 * PATIENCE)
        before = one.working()
        for _ in range(20):
            one.writes()
        acknowledged = len(one.links)
        meanwhile, wrote, readyz, problems = [], Counter[str](), Counter[str](), Counter[str]()
        relayed, picked = Counter[bool](), Counter[str]()
        with one.gone():
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                picked[one.picks()] += 1
                relayed[one.relays()] += 1
                stats = one.stats()
                meanwhile.append(int(stats.get("working", -1)))
                problems.update(stats.get("problems", ["no answer"]))
                status, body = ask(one.api, "/readyz")
                readyz[f"{status} {body[:200]}"] += 1
                wrote[one.writes()] += 1
                time.sleep(min(2.0, seconds / 10))
        served = soon(one.relays)
        written = soon(lambda: one.writes() == "201")
        now_checked = one.stats().get("checked_total", 0)
        checked = soon(lambda: one.stats().get("checked_total", 0) > now_checked)
        settled = soon(lambda: not one.stats().get("problems"))
        time.sleep(10.0)
        result = {
            "gone": what,
            "for_s": seconds,
            "working": {"before": before, "meanwhile_at_least": min(meanwhile), "afterwards": one.working()},
            "picks_meanwhile": dict(picked),
            "gateway_served_meanwhile": {str(good).lower(): count for good, count in relayed.items()},
            "writes_meanwhile": dict(wrote),
            "readyz_meanwhile": dict(readyz),
            "problems_meanwhile": dict(problems),
            "acknowledged": [acknowledged, len(one.links)],
            "lost": one.lost(),
            "s_after_which": {
                "the_gateway_serves": served, "a_write_is_taken": written, "a_check_is_made": checked,
                "no_problem_is_told": settled,
            },
            "alive_at_the_end": one.pool.poll() is None,
        }  # fmt: skip
        text = (Path(name) / "log").read_text(errors="replace")
    result["warnings"] = [line[21:300] for line in text.splitlines() if " warning " in line or " error " in line][-8:]
    result["tracebacks"] = text.count("Traceback")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Something gone for a while, and what the pool makes of it.")
    parser.add_argument("gone", choices=["network", "frozen", "killed", "disk", "broker"])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--size", type=int, default=400, help="proxies of the lab")
    options = parser.parse_args()
    result = trial(options.gone, options.seconds, options.size)
    print(json.dumps(result, indent=2))
    well = result["alive_at_the_end"] and not result["lost"] and not result["tracebacks"]
    raise SystemExit(0 if well and None not in result["s_after_which"].values() else 1)


if __name__ == "__main__":
    main()
