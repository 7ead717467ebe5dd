"""The lab of the concurrency benchmark: a child process that is proxies and judge at once, and takes its time.

Of ten entries six answer as an http proxy in front of a keyed judge would, after 50 to 450 ms; two refuse; two let one
in and never say a word. So one check costs 0.35 s of waiting on average, nearly none of it work.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import uvloop

from _check_world import KEY, answer

TIMEOUT = 1.0
"""Seconds that a check waits for silence."""
SHARES = ("answers",) * 6 + ("refuses",) * 2 + ("silent",) * 2
_SERVERS = 8
"""Addresses that answer: the kernel has 28,000 ports for connections to one."""


class Proxy(asyncio.Protocol):
    def __init__(self, silent: bool) -> None:
        self.silent = silent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self.silent:
            return
        nonce = data.partition(b"nonce=")[2][:32].decode()
        # By the nonce, so that all ways of asking meet the same delays.
        delay = 0.05 + int(nonce[:4], 16) / 65_535 * 0.4
        asyncio.get_running_loop().call_later(delay, self.reply, data, nonce)

    def reply(self, data: bytes, nonce: str) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer(data, nonce))


def serve(pipe: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        places = []
        for number in range(_SERVERS + 2):
            silent = number >= _SERVERS
            host = f"127.0.1.{number + 1}"
            server = await loop.create_server(lambda silent=silent: Proxy(silent), host, 0, backlog=8192)
            places.append((host, server.sockets[0].getsockname()[1]))
        pipe.send(places)
        await loop.run_in_executor(None, pipe.recv)

    uvloop.run(main())


@contextmanager
def world() -> Iterator[list[tuple[str, int]]]:
    """The list to check: host and port of each entry, shares as above."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=serve, args=(theirs,), daemon=True)
    child.start()
    try:
        places = ours.recv()
        with socket.socket() as bound:
            bound.bind(("127.0.1.99", 0))  # bound, but it does not listen
            dead = bound.getsockname()
            alive, silent = places[:_SERVERS], places[_SERVERS:]
            entries = []
            for turn in range(_SERVERS):
                for number, kind in enumerate(SHARES):
                    entries.append(
                        alive[(turn + number) % _SERVERS]
                        if kind == "answers"
                        else dead
                        if kind == "refuses"
                        else silent[number % 2]
                    )
            yield entries
    finally:
        child.terminate()
        child.join()


__all__ = ["KEY", "SHARES", "TIMEOUT", "world"]
