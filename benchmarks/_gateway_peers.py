"""The gateways that the benchmark compares: where each comes from, how it is started, what it has used."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from _harness import free_port, process

ROLES = str(Path(__file__).resolve().with_name("_gateway_roles.py"))

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
    return [sys.executable, ROLES, name, str(port), str(upstream)]


def await_port(port: int, seconds: float = 10.0) -> bool:
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
