"""Hosts of a test: network namespaces of this machine, on switches whose cables can be pulled. Nothing outside is
touched, and all of it is gone when this process is."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_NEWNET = 0x40000000


@contextmanager
def _entered(namespace: str) -> Iterator[None]:
    """This thread in another network: sockets and processes that it makes meanwhile belong there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor: int) -> None:
        if libc.setns(descriptor, _NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    own = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    there = os.open(namespace, os.O_RDONLY)
    try:
        enter(there)
        try:
            yield
        finally:
            enter(own)
    finally:
        os.close(there)
        os.close(own)


class Host:
    """A machine with a loopback and the cables that ``Wires.connect`` gave it."""

    def __init__(self, name: str, stack: ExitStack) -> None:
        self.name = name
        # It lives as long as its input is open: even a test that is killed leaves nothing behind.
        self._holder = stack.enter_context(
            subprocess.Popen(
                ["unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
        stack.callback(self._holder.kill)
        assert self._holder.stdout is not None
        if not self._holder.stdout.readline():
            raise OSError("unshare made no network namespace")
        self.ip("link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        return self._holder.pid

    @contextmanager
    def entered(self) -> Iterator[None]:
        with _entered(f"/proc/{self.pid}/ns/net"):
            yield

    def ip(self, *words: str) -> None:
        with self.entered():
            done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Wires:
    """A room with one switch for each of ``networks``."""

    def __init__(self, stack: ExitStack, *networks: str) -> None:
        self._room = Host("switches", stack)
        for network in networks:
            self._room.ip("link", "add", network, "type", "bridge")
            self._room.ip("link", "set", network, "up")

    def connect(self, host: Host, network: str, address: str) -> None:
        """Give a host an interface on a network; ``address`` with its prefix."""
        port = self._port(host, network)
        far = ("peer", "name", network, "netns", str(host.pid))
        self._room.ip("link", "add", port, "type", "veth", *far)
        self._room.ip("link", "set", port, "master", network, "up")
        host.ip("address", "add", address, "dev", network)
        host.ip("link", "set", network, "up")

    def cut(self, host: Host, network: str) -> None:
        """Pull the cable: the host sees it."""
        self._room.ip("link", "set", self._port(host, network), "down")

    def mend(self, host: Host, network: str) -> None:
        self._room.ip("link", "set", self._port(host, network), "up")

    def _port(self, host: Host, network: str) -> str:
        # The kernel allows names of 15 characters.
        return f"{network}-{host.name}"[:15]


def needs_namespaces() -> None:
    """Skip where hosts cannot be made."""
    if os.name != "posix" or not Path("/proc/self/ns/net").exists():
        pytest.skip("network namespaces are Linux's")
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        pytest.skip("hosts are made with ip (iproute2) and unshare (util-linux), which are not installed")
    if os.geteuid() != 0:
        pytest.skip("hosts are network namespaces, which only root can make here")
    with ExitStack() as stack:
        try:
            wires = Wires(stack, "try")
            wires.connect(Host("one", stack), "try", "10.77.0.1/24")
        except OSError as error:
            pytest.skip(f"this system makes no hosts (a container without CAP_SYS_ADMIN?): {error}")
