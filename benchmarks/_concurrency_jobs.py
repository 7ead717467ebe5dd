"""The pool's two jobs, each as a blocking function and as a coroutine over the same code."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

from _check_world import AGENT, KEY
from _concurrency_world import TIMEOUT
from shoal.probe import parse_judge
from shoal.probe.answer import AnswerReader, read_whole
from shoal.probe.connection import Exchange
from shoal.probe.dialects import read_echo
from shoal.probe.wheel import TimerWheel
from shoal.sources.extract import extract
from shoal.wire import RemoteProtocolError

Place = tuple[str, int]
_JUDGE = parse_judge(f"http://judge.example:5012/check/#key={KEY.decode()}")
_LIMIT = 262_144
_PAGE_ROWS = 10


def _request() -> tuple[str, bytes]:
    nonce = os.urandom(16).hex()
    head = (
        f"GET http://judge.example:5012/check/?format=json&nonce={nonce} HTTP/1.1\r\nHost: judge.example:5012\r\n"
        f"User-Agent: {AGENT}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    return nonce, head.encode()


def _works(status: int, body: bytes, nonce: str) -> bool:
    return status == 200 and read_echo(_JUDGE, body, nonce).nonce_ok is True


def check(place: Place) -> bool:
    """One check of one proxy; the thread waits."""
    nonce, request = _request()
    deadline = time.monotonic() + TIMEOUT
    try:
        with socket.create_connection(place, timeout=TIMEOUT) as connection:
            connection.sendall(request)
            reader, first = AnswerReader(_LIMIT), True
            while True:
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                data = connection.recv(65_536)
                if not data:
                    return False
                whole = read_whole(data, _LIMIT) if first else None
                if whole is not None:
                    return _works(*whole, nonce)
                first = False
                if reader.receive_data(data):
                    return _works(reader.status, reader.body, nonce)
    except (OSError, RemoteProtocolError):
        return False


def check_coroutine() -> Callable[[Place], Awaitable[bool]]:
    """The same as a coroutine, on the connection that the pool itself uses."""
    loop = asyncio.get_running_loop()
    wheel = TimerWheel(loop)

    async def check_one(place: Place) -> bool:
        nonce, request = _request()
        exchange = Exchange(loop, wheel, request, None, _LIMIT)
        await exchange.run(*place, connect_timeout=TIMEOUT, handshake_timeout=TIMEOUT, deadline=loop.time() + TIMEOUT)
        return exchange.failure is None and _works(exchange.status, exchange.body, nonce)

    return check_one


def pages(count: int = 16) -> list[bytes]:
    """List pages as sites write them: a table, short here so that ten thousand pages take seconds."""
    rng = random.Random(11)
    made = []
    for _ in range(count):
        rows = [
            f"<tr><td>{rng.randrange(1, 224)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}</td>"
            f"<td>{rng.randrange(80, 65_535)}</td><td>ID</td><td class='hm'>Indonesia</td><td>elite proxy</td>"
            f"<td>{rng.choice(('HTTP', 'SOCKS5'))}</td><td>{rng.randrange(1, 60)} mins ago</td></tr>"
            for _ in range(_PAGE_ROWS)
        ]
        head = "<tr><th>IP Address</th><th>Port</th><th>Code</th><th>Country</th><th>Anonymity</th><th>Type</th></tr>"
        made.append(f"<html><body><table>{head}{''.join(rows)}</table></body></html>".encode())
    return made


def parse(page: bytes) -> bool:
    """One page; nothing to wait for."""
    return len(extract(page).candidates) == _PAGE_ROWS


def parse_coroutine() -> Callable[[bytes], Awaitable[bool]]:
    async def parse_one(page: bytes) -> bool:
        await asyncio.sleep(0)
        return parse(page)

    return parse_one


JOBS: dict[str, tuple[Callable[[Any], bool], Callable[[], Callable[[Any], Awaitable[bool]]]]] = {
    "check": (check, check_coroutine),
    "parse": (parse, parse_coroutine),
}
