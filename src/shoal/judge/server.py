"""The judge as a server of its own: one asyncio.Protocol on httptools, cheap enough for thousands of checks."""

from __future__ import annotations

import asyncio
import socket
import ssl as ssl_module
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, Protocol, cast

import httptools

from shoal.errors import ShoalError
from shoal.judge.answers import Answer, Headers, answer, problem
from shoal.judge.request import canonical_address, forwarded_address

HEAD_LIMIT_BYTES: Final = 65_536
"""A head beyond this is an attack: common servers stop at 8 to 32 KiB."""
BODY_LIMIT_BYTES: Final = 1_048_576
IDLE_TIMEOUT: Final = 30.0
"""Seconds that a connection may keep us waiting: between requests, within one, or for taking its answers."""
MAX_CONNECTIONS: Final = 20_000
_SWEEP_INTERVAL: Final = 5.0
_LINGER: Final = 2.0
# Small slices bound how many pipelined answers pile up before a paused transport is noticed (200 requests at most).
_SLICE_BYTES: Final = 4096
# One-byte chunks cost six bytes on the wire; this also bounds chunk extensions and trailers, which httptools buffers.
_CHUNK_OVERHEAD: Final = 8
_LISTEN_BACKLOG: Final = 4096

wall_clock = time.time  # noqa: TID251 - stamps for answers and Date; whoever needs another clock hands one in


class Accepting(Protocol):
    """Lets in what waits in the kernel's queue, where the loop takes one connection in a turn."""

    def wrap(self, factory: Callable[[], JudgeProtocol]) -> Callable[[], JudgeProtocol]: ...

    def watch(self, listeners: Sequence[socket.socket]) -> None: ...

    def close(self) -> None: ...


class JudgeServer:
    """What all connections of one judge share. ``protocol`` is the factory for ``loop.create_server``."""

    def __init__(
        self,
        *,
        key: bytes | None = None,
        scheme: str = "http",
        trust_forwarded: bool = False,
        now: Callable[[], float] = wall_clock,
        body_limit_bytes: int = BODY_LIMIT_BYTES,
        idle_timeout: float = IDLE_TIMEOUT,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.key = key
        self.scheme = scheme
        self.trust_forwarded = trust_forwarded
        self.now = now
        self.body_limit_bytes = body_limit_bytes
        self.idle_timeout = idle_timeout
        self.max_connections = max_connections
        self.connections: set[JudgeProtocol] = set()
        self.requests = 0
        self._heads: dict[tuple[int, Headers], bytes] = {}
        self._date = b""
        self._date_second = -1

    def protocol(self) -> JudgeProtocol:
        return JudgeProtocol(self, asyncio.get_running_loop())

    def head(self, reply: Answer, now: float) -> bytes:
        """Status line and fields up to the value of Content-Length, pre-built once for each kind of answer."""
        prefix = self._heads.get((reply.status, reply.headers))
        if prefix is None:
            fields = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
            prefix = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n{fields}Date: ".encode("latin-1")
            self._heads[reply.status, reply.headers] = prefix
        second = int(now)
        if second != self._date_second:
            self._date_second = second
            self._date = formatdate(second, usegmt=True).encode() + b"\r\nContent-Length: "
        return prefix + self._date

    def sweep(self, now: float) -> int:
        """Drop the connections that have kept us waiting too long; ``now`` is the loop's time. Returns how many."""
        late = [connection for connection in self.connections if now - connection.waiting_since > self.idle_timeout]
        for connection in late:
            connection.abort()
        return len(late)


class JudgeProtocol(asyncio.Protocol):
    """One connection: parses, answers in order, and keeps nothing between requests."""

    def __init__(self, server: JudgeServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpRequestParser | None = None
        self._peer = ("", 0)
        self._paused = False
        self._pending = b""
        self._closing = False
        self.waiting_since = loop.time()
        self._reset()

    def _reset(self) -> None:
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._body_length = 0
        self._raw_length = 0
        self._in_head = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if len(self._server.connections) >= self._server.max_connections:
            self.abort()
            return
        self._server.connections.add(self)
        host, port = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._peer = (canonical_address(host) or host, port)
        self._parser = httptools.HttpRequestParser(self)
        # The requests of strange proxies are what we are here to see, and nothing behind us could be smuggled into.
        self._parser.set_dangerous_leniencies(lenient_headers=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._closing = True
        self._transport = None
        self._parser = None  # parser and protocol hold each other
        self._pending = b""

    def abort(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    # Bytes in

    def data_received(self, data: bytes) -> None:
        if self._pending:
            data = self._pending + data
            self._pending = b""
        if len(data) <= _SLICE_BYTES:
            self._feed(data)
            return
        for start in range(0, len(data), _SLICE_BYTES):
            if self._closing:
                return
            if self._paused:
                self._pending = data[start:]
                return
            self._feed(data[start : start + _SLICE_BYTES])

    def _feed(self, data: bytes) -> None:
        if self._closing or self._parser is None:
            return
        self._raw_length += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # We switch to nothing: the request was answered as it stands, what follows it is not HTTP.
            self._close()
            return
        except httptools.HttpParserError:
            if not self._closing:
                self._refuse(problem(400, "malformed_request", "The request is not well-formed HTTP/1.1."))
            return
        self._check_length()

    def _check_length(self) -> None:
        if self._closing:
            return
        if self._in_head:
            if self._raw_length > HEAD_LIMIT_BYTES:
                self._refuse(problem(431, "head_too_large", f"A request head has {HEAD_LIMIT_BYTES} bytes at most."))
        elif self._raw_length > HEAD_LIMIT_BYTES + _CHUNK_OVERHEAD * self._server.body_limit_bytes:
            self._refuse(self._too_large())

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._paused = True
        self.waiting_since = self._loop.time()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self.waiting_since = self._loop.time()
        pending, self._pending = self._pending, b""
        if pending:
            self.data_received(pending)
        if self._transport is not None and not self._paused and not self._closing:
            self._transport.resume_reading()

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self.waiting_since = self._loop.time()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes | None) -> None:
        if self._in_head:  # trailers are not worth an echo
            self._headers.append((name.decode("latin-1"), (value or b"").decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._in_head = False
        for name, value in self._headers:
            lower = name.lower()
            if lower == "content-length" and value.isascii() and value.isdigit():
                if len(value) > 18 or int(value) > self._server.body_limit_bytes:
                    self._refuse(self._too_large())
                    return
            elif lower == "expect" and value.lower() == "100-continue" and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_length += len(body)
        if self._closing:
            return
        if self._body_length > self._server.body_limit_bytes:
            self._refuse(self._too_large())
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        parser = self._parser
        if self._closing or parser is None:
            return
        server = self._server
        method = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        peer = self._peer
        if server.trust_forwarded:
            peer = (forwarded_address(self._headers) or peer[0], peer[1])
        now = server.now()
        reply = answer(
            method,
            self._target.decode("latin-1"),
            version,
            self._headers,
            b"".join(self._body),
            peer=peer,
            scheme=server.scheme,
            key=server.key,
            now=now,
        )
        server.requests += 1
        keep = parser.should_keep_alive() and not parser.should_upgrade()
        self._send(reply, now, keep=keep, persistent=version == "1.1", body=method != "HEAD")
        self._reset()
        self.waiting_since = self._loop.time()

    # Answers out

    def _send(
        self,
        reply: Answer,
        now: float,
        *,
        keep: bool,
        persistent: bool = True,
        body: bool = True,
        linger: bool = False,
    ) -> None:
        if self._transport is None:
            return
        if not keep:
            end = b"\r\nConnection: close\r\n\r\n"
        elif persistent:
            end = b"\r\n\r\n"
        else:
            end = b"\r\nConnection: keep-alive\r\n\r\n"
        length = str(len(reply.body)).encode()
        if reply.fields:
            length += "".join([f"\r\n{name}: {value}" for name, value in reply.fields]).encode("latin-1")
        self._transport.write(self._server.head(reply, now) + length + end + (reply.body if body else b""))
        if linger:
            self._closing = True
            self.waiting_since = self._loop.time() - self._server.idle_timeout + _LINGER
            if self._transport.can_write_eof():
                self._transport.write_eof()
        elif not keep:
            self._close()

    def _too_large(self) -> Answer:
        return problem(413, "body_too_large", f"A body has {self._server.body_limit_bytes} bytes at most.")

    def _refuse(self, reply: Answer) -> None:
        """Answer and stop listening to the rest of the request.

        Closing at once with unread bytes would reset the connection and destroy the answer on its way (RFC 9112
        section 9.6), so we only end our side and leave the rest to the client, or to the sweep two seconds later.
        """
        self._send(reply, self._server.now(), keep=False, linger=True)

    def _close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()


class JudgeHandle:
    """A judge that listens; ``port`` is the one it got."""

    def __init__(
        self, listener: asyncio.Server, server: JudgeServer, host: str, accepting: Accepting | None = None
    ) -> None:
        self.server = server
        self._accepting = accepting
        self.host = host
        self.port: int = listener.sockets[0].getsockname()[1]
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_SWEEP_INTERVAL, self._sweep)

    def _sweep(self) -> None:
        self.server.sweep(self._loop.time())
        self._timer = self._loop.call_later(_SWEEP_INTERVAL, self._sweep)

    async def close(self) -> None:
        """Stop listening and drop what is open."""
        self._timer.cancel()
        if self._accepting is not None:
            self._accepting.close()
        self._listener.close()
        for connection in list(self.server.connections):
            connection.abort()
        # Not wait_closed(): on some Python releases it waits for connections that a client holds in a TLS handshake.
        await asyncio.sleep(0)


async def serve_judge(
    host: str,
    port: int,
    *,
    key: bytes | None = None,
    ssl: ssl_module.SSLContext | None = None,
    trust_forwarded: bool = False,
    now: Callable[[], float] = wall_clock,
    body_limit_bytes: int = BODY_LIMIT_BYTES,
    idle_timeout: float = IDLE_TIMEOUT,
    accepting: Accepting | None = None,
) -> JudgeHandle:
    """Listen on ``host``:``port`` (0 for any free port) and answer until ``close()``.

    ``accepting`` is for this listener alone, and needed where many come at once and the loop is uvloop.
    ``trust_forwarded`` takes the caller's address from the last X-Forwarded-For entry: only behind a reverse proxy
    that sets it. Raises ShoalError when the port cannot be had.
    """
    server = JudgeServer(
        key=key,
        scheme="https" if ssl is not None else "http",
        trust_forwarded=trust_forwarded,
        now=now,
        body_limit_bytes=body_limit_bytes,
        idle_timeout=idle_timeout,
    )
    loop = asyncio.get_running_loop()
    factory = server.protocol if accepting is None else accepting.wrap(server.protocol)
    try:
        listener = await loop.create_server(factory, host, port, ssl=ssl, backlog=_LISTEN_BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ShoalError(f"the judge cannot listen on {host} port {port}: {reason}; choose another address") from error
    if accepting is not None:
        accepting.watch(listener.sockets)
    return JudgeHandle(listener, server, host, accepting)
