"""A small world on loopback: a judge over HTTP and HTTPS, and proxies of every scheme and temper."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
import uvloop

from shoal.domain import Candidate, Credentials, Endpoint, Record, Scheme, Trust, record_key
from shoal.domain.judge import DOCUMENTS, judge_mac
from shoal.domain.record import Path
from shoal.options import CheckOptions, JudgeOptions
from shoal.ports import ResolveError
from shoal.probe import JudgePanel, NetProber, parse_judge
from shoal.upstream import TlsContexts, make_contexts
from shoal.wire import RequestHeadReader, Socks4Server, Socks5Server, basic_credentials

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Handler = Callable[[Reader, Writer], Awaitable[None]]

KEY = "test-key"
EXIT = "127.0.0.77"
"""Where the proxies dial from; we ourselves are 127.0.0.1."""


def pytest_asyncio_loop_factories(config, item):
    """Both loops: they differ in how a connect is cancelled and in what they raise."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class FakeClock:
    def now(self) -> float:
        return 1_700_000_000.0


class FakeResolver:
    """Knows one name."""

    def __init__(self) -> None:
        self.names = {"judge.test": ("127.0.0.1",)}

    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        if host[0].isdigit() or ":" in host:
            return (host,)
        if host not in self.names:
            raise ResolveError(f"{host} has no address")
        return self.names[host]


async def read_head(reader: Reader) -> tuple[object, bytes]:
    heads = RequestHeadReader()
    while True:
        data = await reader.read(65536)
        if not data:
            raise ConnectionError
        head = heads.receive_data(data)
        if head is not None:
            return head, heads.trailing_data


class World:
    """Everything of one test; ``aclose`` ends it all."""

    def __init__(self, ca: trustme.CA, contexts: TlsContexts) -> None:
        self.ca = ca
        self.stack = contextlib.AsyncExitStack()
        self.resolver = FakeResolver()
        self.rng = random.Random(7)
        self.clock = FakeClock()
        self.judge_down = False
        self.judge_requests = 0
        self.signs = True
        """False: a judge of an older release, which does not sign its documents."""
        self.judge_mangle: Callable[[dict[str, object]], None] = lambda answer: None
        self.ports: dict[str, int] = {}
        self.contexts = contexts
        self.panel: JudgePanel
        self.prober: NetProber
        self.tasks: set[asyncio.Task[None] | None] = set()

    # -- servers -----------------------------------------------------------------------------------------------

    def tls_server(self, *names: str, ca: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (ca or self.ca).issue_cert(*names).configure_cert(context)
        return context

    async def serve(self, handler: Handler, tls: ssl.SSLContext | None = None, port: int = 0) -> int:
        async def guarded(reader: Reader, writer: Writer) -> None:
            self.tasks.add(asyncio.current_task())
            # Cancelled only when the test is over: a server of asyncio's complains about a handler that was.
            with contextlib.suppress(OSError, ValueError, EOFError, ssl.SSLError, asyncio.CancelledError):
                await handler(reader, writer)
            self.tasks.discard(asyncio.current_task())
            writer.close()

        server = await asyncio.start_server(guarded, "127.0.0.1", port, ssl=tls)
        self.stack.push_async_callback(self._stop, server)
        return int(server.sockets[0].getsockname()[1])

    @staticmethod
    async def _stop(server: asyncio.Server) -> None:
        server.close()

    async def aclose(self) -> None:
        await self.stack.aclose()
        tasks = [task for task in self.tasks if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def judge(self, reader: Reader, writer: Writer) -> None:
        head, _ = await read_head(reader)
        self.judge_requests += 1
        if self.judge_down:
            writer.transport.abort()
            return
        parts = urlsplit(head.target)
        document = DOCUMENTS.get(parts.path)
        signed = ""
        if document is not None:
            body = document.body
            nonce = parse_qs(parts.query).get("nonce", [""])[0]
            if self.signs:
                address = writer.get_extra_info("peername")[0]
                mac = judge_mac(KEY.encode(), nonce, address)
                signed = f"X-Shoal-Address: {address}\r\nX-Shoal-Nonce: {nonce}\r\nX-Shoal-Mac: {mac}\r\n"
        else:
            nonce = parse_qs(parts.query).get("nonce", [""])[0]
            address, port = writer.get_extra_info("peername")[:2]
            answer: dict[str, object] = {
                "address": address,
                "port": port,
                "nonce": nonce,
                "mac": judge_mac(KEY.encode(), nonce, address),
                "method": head.method,
                "target": head.target,
                "version": head.version,
                "headers": [list(pair) for pair in head.headers],
                "scheme": "http",
                "time": 0.0,
            }
            self.judge_mangle(answer)
            body = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{signed}Connection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async def begin(
        self,
        *,
        named: bool = False,
        plain: bool = True,
        tls: bool = True,
        keyed: bool = True,
        timeout: float = 3.0,
        judge_options: JudgeOptions | None = None,
        more: tuple[str, ...] = (),
        **options: float,
    ) -> None:
        host = "judge.test" if named else "127.0.0.1"
        fragment = f"#key={KEY}" if keyed else ""
        urls = list(more)
        if plain:
            self.ports["plain"] = await self.serve(self.judge)
            urls.append(f"http://{host}:{self.ports['plain']}/check/{fragment}")
        if tls:
            self.ports["tls"] = await self.serve(self.judge, self.tls_server(host))
            urls.append(f"https://{host}:{self.ports['tls']}/check/{fragment}")
        self.panel = JudgePanel(
            [parse_judge(url) for url in urls],
            judge_options or JudgeOptions(),
            self.resolver,
            self.clock,
            self.nonce,
            self.contexts,
        )
        check_options = CheckOptions(timeout=timeout, **options)
        self.prober = NetProber(
            check_options, self.panel, self.resolver, lambda host, trust: None, self.clock, self.nonce, self.contexts
        )
        await self.panel.round()
        assert self.panel.healthy, self.panel.judges

    def nonce(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    # -- proxies -----------------------------------------------------------------------------------------------

    async def dial(self, host: str, port: int) -> tuple[Reader, Writer]:
        address = self.resolver.names.get(host, (host,))[0]
        return await asyncio.open_connection(address, port, local_addr=(EXIT, 0))

    async def relay(self, reader: Reader, writer: Writer, host: str, port: int, first: bytes = b"") -> None:
        up_reader, up_writer = await self.dial(host, port)
        up_writer.write(first)

        async def pump(source: Reader, sink: Writer) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
                if sink.can_write_eof():
                    sink.write_eof()

        try:
            await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))
        finally:
            up_writer.close()

    def http_proxy(
        self,
        *,
        forward: bool = True,
        connect: bool = True,
        login: tuple[str, str] | None = None,
        add: tuple[tuple[str, str], ...] = (),
        change: Callable[[bytes], bytes] | None = None,
        intercept: ssl.SSLContext | None = None,
    ) -> Handler:
        async def handler(reader: Reader, writer: Writer) -> None:
            head, rest = await read_head(reader)
            wanted = None if login is None else basic_credentials(*login)
            if wanted is not None and head.get("proxy-authorization") != wanted:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            if head.method == "CONNECT":
                if not connect:
                    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                    return
                host, _, port = head.target.rpartition(":")
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                if intercept is not None:
                    await writer.start_tls(intercept)
                    await self.judge(reader, writer)
                    return
                await self.relay(reader, writer, host, int(port), rest)
                return
            if not forward:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            parts = urlsplit(head.target)
            lines = [f"{head.method} {parts.path}?{parts.query} HTTP/1.1"]
            lines += [f"{k}: {v}" for k, v in head.headers if k.lower() != "proxy-authorization"]
            lines += [f"{k}: {v}" for k, v in add]
            up_reader, up_writer = await self.dial(parts.hostname, parts.port)
            up_writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            answer = await up_reader.read(-1)
            up_writer.close()
            writer.write(answer if change is None else change(answer))
            await writer.drain()

        return handler

    def socks5(self, *, login: tuple[str, str] | None = None, reply: int = 0, names: bool = True) -> Handler:
        async def handler(reader: Reader, writer: Writer) -> None:
            server = Socks5Server(require_auth=login is not None)
            while not server.done:
                data = await reader.read(4096)
                if not data:
                    return
                server.receive_data(data)
                if server.pending == "auth":
                    server.accept_auth((server.username, server.password) == login)
                if server.pending == "request":
                    is_name = not server.request.host[0].isdigit()
                    server.reply(reply or (4 if is_name and not names else 0))
                writer.write(server.data_to_send())
                if reply and server.request:
                    return
            await self.relay(reader, writer, server.request.host, server.request.port, server.trailing_data)

        return handler

    def socks4(self, *, user_id: str | None = None, granted: bool = True) -> Handler:
        async def handler(reader: Reader, writer: Writer) -> None:
            server = Socks4Server()
            while server.request is None:
                data = await reader.read(4096)
                if not data:
                    return
                server.receive_data(data)
            server.reply(granted and (user_id is None or server.request.user_id == user_id))
            writer.write(server.data_to_send())
            if server.done:
                await self.relay(reader, writer, server.request.host, server.request.port, server.trailing_data)

        return handler

    # -- records -----------------------------------------------------------------------------------------------

    def record(
        self,
        port: int,
        *claims: Scheme,
        login: tuple[str, str] | None = None,
        path: Path | None = None,
        host: str = "127.0.0.1",
        trust: Trust = Trust.OWN,
    ) -> Record:
        candidate = Candidate(Endpoint(host, port), credentials=None if login is None else Credentials(*login))
        key = record_key(candidate.endpoint, candidate.credentials, b"s")
        paths = () if path is None else (path,)
        return Record(key, candidate.endpoint, candidate.credentials, tuple(claims), trust=trust, paths=paths)


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def contexts(ca: trustme.CA) -> TlsContexts:
    contexts = make_contexts()
    ca.configure_trust(contexts.target)
    return contexts


@pytest.fixture
async def world(ca: trustme.CA, contexts: TlsContexts) -> AsyncIterator[World]:
    world = World(ca, contexts)
    try:
        yield world
    finally:
        await world.aclose()
