"""Proxies that talk nonsense: each is an error of requests in time, and no password gets out."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests

import shoal_client
from shoal_client import Session


def garbage_inside_the_tunnel(client: socket.socket) -> None:
    client.recv(4096)
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    client.recv(1000)
    client.sendall(b"garbage\r\n\r\n")


def head_without_end(client: socket.socket) -> None:
    client.recv(4096)
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(10_000):
        client.sendall(b"X-A: " + b"b" * 1000 + b"\r\n")


def has_left(client: socket.socket, wait: float) -> bool:
    """Whether the client closes within so many seconds: the pace of one that goes on until then."""
    return bool(select.select([client], [], [], wait)[0]) and not client.recv(4096)


def continues_for_ever(client: socket.socket) -> None:
    client.recv(4096)
    while not has_left(client, 0.02):
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def socks_then_nothing(client: socket.socket) -> None:
    client.recv(10)
    client.sendall(b"\x05\x00")
    client.recv(100)


def socks_that_drips(client: socket.socket) -> None:
    client.recv(10)
    for byte in b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0":
        client.sendall(bytes([byte]))
        if has_left(client, 0.4):
            return


def web_server(client: socket.socket) -> None:
    client.recv(10)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def redirects(client: socket.socket) -> None:
    client.recv(4096)
    client.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def play() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    servers: list[socket.socket] = []

    def start(script: Callable[[socket.socket], None]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, contextlib.suppress(OSError):
                        client.settimeout(10)
                        script(client)

        threading.Thread(target=serve, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in servers:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.mark.parametrize(
    ("script", "scheme", "url", "reasons"),
    [
        (garbage_inside_the_tunnel, "http", "https://localhost:1/", ("target_tls.malformed",)),
        (garbage_inside_the_tunnel, "http", "http://localhost:1/", ("receive.timeout", "receive.eof")),
        (head_without_end, "http", "https://localhost:1/", ("tunnel.timeout", "tunnel.eof", "target_tls.eof")),
        (head_without_end, "http", "http://localhost:1/", ("receive.malformed",)),
        (continues_for_ever, "http", "https://localhost:1/", ("tunnel.bad_status",)),
        (continues_for_ever, "http", "http://localhost:1/", ("receive.timeout",)),
        (socks_then_nothing, "socks5", "https://localhost:1/", ("handshake.eof",)),
        (socks_that_drips, "socks5", "https://localhost:1/", ("handshake.timeout",)),
        (web_server, "socks5", "http://localhost:1/", ("handshake.malformed",)),
        (redirects, "http", "https://localhost:1/", ("tunnel.bad_status",)),
    ],
)
def test_nonsense_is_an_error_in_time(
    play: Callable[[Callable[[socket.socket], None]], int],
    script: Callable[[socket.socket], None],
    scheme: str,
    url: str,
    reasons: tuple[str, ...],
) -> None:
    started = time.monotonic()
    with (
        Session(proxy_list=[f"{scheme}://user:hunter2@127.0.0.1:{play(script)}"]) as session,
        pytest.raises(requests.exceptions.RequestException) as caught,
    ):
        session.get(url, timeout=1)
    # Those that go on for ever would hold it for ever.
    assert time.monotonic() - started < 30
    assert isinstance(caught.value, shoal_client.ShoalError)
    assert caught.value.reason in reasons
    assert "hunter2" not in str(caught.value)
    assert "')" not in str(caught.value)
