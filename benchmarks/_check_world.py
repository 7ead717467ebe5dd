"""The other side of the check benchmark: a child process that is proxy and judge at once, and the bare clients."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop

from shoal.domain.judge import DOCUMENTS, judge_mac

KEY = b"benchmark"
EXIT = "203.0.113.9"
AGENT = "Mozilla/5.0 (compatible; Shoal)"


class Upstream(asyncio.Protocol):
    """Answers any request that carries a nonce as our judge would, without a proxy in between; CONNECT leads to
    itself, under TLS. ``stalls``: it never answers."""

    _nonce = re.compile(rb"nonce=([0-9a-f]{32})")

    def __init__(self, tls: ssl.SSLContext | None, stalls: bool) -> None:
        self.tls = tls
        self.stalls = stalls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"CONNECT "):
            self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            task = asyncio.get_running_loop().create_task(self.secure())
            TASKS.add(task)
            task.add_done_callback(TASKS.discard)
            return
        found = self._nonce.search(data)
        if found is None or self.stalls:
            return
        self.transport.write(answer(data, found[1].decode()))

    async def secure(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            transport = await loop.start_tls(self.transport, self, self.tls, server_side=True)
        except (OSError, ssl.SSLError):
            return
        self.transport = transport


TASKS: set[asyncio.Task[None]] = set()


def answer(request: bytes, nonce: str) -> bytes:
    target = request.split(b" ", 2)[1].decode()
    path = "/" + target.partition("://")[2].partition("/")[2] if "://" in target else target
    document = DOCUMENTS.get(path.partition("?")[0])
    mac = judge_mac(KEY, nonce, EXIT)
    if document is not None:
        kind, body = document.content_type, document.body
        extra = f"X-Shoal-Address: {EXIT}\r\nX-Shoal-Nonce: {nonce}\r\nX-Shoal-Mac: {mac}\r\n"
    else:
        headers = [line.decode().split(": ", 1) for line in request.split(b"\r\n")[1:-2]]
        told = {"address": EXIT, "port": 40000, "nonce": nonce, "mac": mac, "method": "GET", "target": path}
        body = json.dumps({**told, "version": "1.1", "headers": headers, "scheme": "http", "time": 0.0}).encode()
        kind, extra = "application/json", ""
    head = f"HTTP/1.1 200 OK\r\nServer: judge\r\nContent-Type: {kind}\r\nCache-Control: no-store\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{extra}Connection: close\r\n\r\n".encode() + body


def serve(pipe: Connection, core: int | None, folder: str) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    from shoal.lab.certificates import Authority

    authority = Authority(Path(folder), "ca")
    context = authority.server_context()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ports = []
        for tls, stalls in ((None, False), (None, True), (context, False)):
            # The third is a judge under TLS for whoever asks without a proxy.
            server = await loop.create_server(
                lambda stalls=stalls: Upstream(context, stalls), "127.0.0.1", 0, backlog=4096, ssl=tls
            )
            ports.append(server.sockets[0].getsockname()[1])
        pipe.send((ports, str(authority.path)))
        await loop.run_in_executor(None, pipe.recv)

    uvloop.run(main())


class World:
    """Where everything is."""

    def __init__(self, plain: int, stalled: int, judge_tls: int, ca: str, dead: int, black_hole: int) -> None:
        self.plain = plain
        self.stalled = stalled
        """Tunnels and handshakes, then silence."""
        self.judge_tls = judge_tls
        self.ca = ca
        self.dead = dead
        """Nobody listens."""
        self.black_hole = black_hole
        """Connections to it never stand: its backlog is full, so the kernel drops whatever asks."""


@contextmanager
def world() -> Iterator[World]:
    """Starts the child, on a core of its own where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        core = cores[1] if len(cores) > 1 else None
        child = context.Process(target=serve, args=(theirs, core, folder), daemon=True)
        child.start()
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[0]})
        full = [socket.socket() for _ in range(6)]
        try:
            (plain, stalled, judge_tls), ca = ours.recv()
            full[0].bind(("127.0.0.1", 0))
            full[0].listen(0)
            for one in full[1:]:
                one.setblocking(False)
                one.connect_ex(full[0].getsockname())
            with socket.socket() as closed:
                closed.bind(("127.0.0.1", 0))
                dead = closed.getsockname()[1]
            yield World(plain, stalled, judge_tls, ca, dead, full[0].getsockname()[1])
        finally:
            for one in full:
                one.close()
            child.terminate()
            child.join()


class BareClient(asyncio.Protocol):
    """The least that can be done: connect, write, read up to Content-Length, close."""

    __slots__ = ("buffer", "done", "request", "transport", "wanted")

    def __init__(self, request: bytes, done: asyncio.Future[None]) -> None:
        self.request = request
        self.done = done
        self.buffer = b""
        self.wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.wanted:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            at = self.buffer.find(b"Content-Length: ") + 16
            self.wanted = end + 4 + int(self.buffer[at : self.buffer.find(b"\r", at)])
        if len(self.buffer) >= self.wanted and not self.done.done():
            self.transport.abort()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or EOFError())


HANDSHAKE_ONLY = b"-"


class BareTls(BareClient):
    """CONNECT, a TLS handshake on memory BIOs, then the same."""

    __slots__ = ("connect", "incoming", "outgoing", "tls")

    def __init__(self, request: bytes, done: asyncio.Future[None], connect: bytes, context: ssl.SSLContext) -> None:
        super().__init__(request, done)
        self.connect = connect
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport.write(self.connect)

    def data_received(self, data: bytes) -> None:
        if self.connect:
            self.connect = b""
        else:
            self.incoming.write(data)
        if self.request:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.transport.write(self.outgoing.read())
                return
            if self.request == HANDSHAKE_ONLY:
                self.transport.abort()
                self.done.set_result(None)
                return
            self.tls.write(self.request)
            self.request = b""
            self.transport.write(self.outgoing.read())
        try:
            super().data_received(self.tls.read(65536))
        except ssl.SSLWantReadError:
            return


def bare_request(port: int, path: str) -> bytes:
    nonce = os.urandom(16).hex()
    target = f"http://127.0.0.1:{port}{path}{'&' if '?' in path else '?'}nonce={nonce}"
    return (
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    ).encode()


async def bare_exchange(port: int, request: bytes) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    await loop.create_connection(lambda: BareClient(request, done), "127.0.0.1", port)
    await done


async def bare_tls(port: int, request: bytes, context: ssl.SSLContext) -> None:
    """An empty request: the handshake alone."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    connect = f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    wanted = request or HANDSHAKE_ONLY
    await loop.create_connection(lambda: BareTls(wanted, done, connect, context), "127.0.0.1", port)
    await done
