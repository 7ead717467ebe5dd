"""The lab, a pool's API over it and a web site, in a thread beside the blocking client, all over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from random import Random
from typing import Any

import pytest
from msgspec import structs

from shoal.api import build_app, serve_api
from shoal.domain import (
    Capability,
    Credentials,
    Feedback,
    Pick,
    Proxy,
    Query,
    Record,
    Scheme,
    Timing,
    Trust,
    record_key,
)
from shoal.domain import Path as ProxyPath
from shoal.gateway import serve_gateway
from shoal.lab import FailureKind, Lab, LabProxy, Life
from shoal.lab.certificates import Authority
from shoal.net.resolver import SystemResolver
from shoal.options import AdmissionOptions, ApiOptions, GatewayOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.source_use import SourceUse
from shoal.testing.fake_service import NOW, FakeService, working_path
from shoal.upstream import make_contexts


class Site:
    """A web server that remembers what reached it; the path says what it does."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.retry_after_once = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            lower = {name.lower(): value for name, value in headers.items()}
            seen: dict[str, Any] = {"method": method, "path": path, "headers": lower, "body": b""}
            seen["peer"], seen["port"] = writer.get_extra_info("peername")[:2]
            if path.startswith("/stop-upload"):
                await reader.read(1000)
                self.seen.append(seen)
                return
            seen["body"] = await self._body(reader, lower)
            self.seen.append(seen)
            status, more, body = self._answer(path, seen)
            if path.startswith("/hang"):
                # Until the client has had enough.
                await reader.read()
            if path.startswith("/reset"):
                return
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *more, "", ""]
            if path.startswith("/broken"):
                body = body[: len(body) // 2]
            writer.write("\r\n".join(lines).encode() + body)
            await writer.drain()
            if path.startswith("/broken") or lower.get("connection") == "close":
                return

    async def _body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", ""):
            return await reader.readexactly(int(headers.get("content-length", 0)))
        body = b""
        while size := int((await reader.readline()).strip() or b"0", 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body

    def _answer(self, path: str, seen: dict[str, Any]) -> tuple[int, list[str], bytes]:
        if path.startswith("/status/"):
            return int(path.split("/")[2]), [], b"said by the site"
        if path.startswith("/later"):
            first, self.retry_after_once = self.retry_after_once, False
            return (503, ["Retry-After: 1"], b"") if first else (200, [], b"now")
        if path.startswith("/busy"):
            return 429, ["Retry-After: 3600"], b""
        if path.startswith("/big"):
            return 200, [], b"0123456789abcdef" * 65_536
        if path.startswith("/bad-gzip"):
            return 200, ["Content-Encoding: gzip"], gzip.compress(b"x" * 1000)[:-9] + b"123456789"
        if path.startswith("/redirect"):
            return 302, ["Location: /echo"], b""
        if path.startswith("/digest"):
            if "authorization" in seen["headers"]:
                return 200, [], b"in"
            return 401, ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'], b""
        shown = {**seen, "body": seen["body"].decode("latin-1")}
        return 200, ["Content-Type: application/json"], json.dumps(shown).encode()


class GatewayPool:
    """The gateway's view of the same pool: it picks by chance, as a real one does."""

    def __init__(self, service: FakeService) -> None:
        self._service = service
        self._random = Random(1)
        self.uses = SourceUse()

    def now(self) -> float:
        return NOW

    def list(self, query: Query) -> list[Pick]:
        return self._service.list(query)

    def pick(self, query: Query) -> Pick | None:
        found = self.list(query)
        return self._random.choice(found) if found else None

    def report(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        pass

    def minds(self, target: str) -> bool:
        return False

    def is_kept_from(self, key: str, scheme: Scheme, target: str) -> bool:
        return False

    def ready(self) -> tuple[bool, str]:
        return self._service.ready()


class _InOrder(FakeService):
    """Hands out in the order of its records."""

    def list(self, query: Query) -> list[Pick]:
        places = {record.key: place for place, record in enumerate(self.records)}
        found = sorted(super().list(structs.replace(query, limit=None)), key=lambda pick: places[pick.record.key])
        return found[: query.limit]


class Place:
    """What one test runs against. ``proxies`` are the lab's, in the order in which the pool hands them out."""

    def __init__(self) -> None:
        self.site = Site()
        self.service = _InOrder()
        self.lab: Lab
        self.loop: asyncio.AbstractEventLoop
        self.proxies: list[LabProxy] = []
        self.gateway = self.api = self.http = self.https = self.ca = ""
        self.pool_calls: list[tuple[str, str]] = []

    def told(self) -> list[tuple[str, bool, str]]:
        """Feedback that reached the pool: which proxy (by its place in the list), whether it was good, and why not."""
        places = {record.id: str(number) for number, record in enumerate(self.service.records)}
        return [
            (places[id], seen.ok, "" if seen.failure is None else seen.failure.kind)
            for id, _, seen in self.service.told
        ]


Edit = Callable[[LabProxy], LabProxy]


def record_of(proxy: LabProxy, rank: int, trust: Trust, password: bool) -> Record:
    credentials = proxy.credentials
    if credentials is not None and not password:
        credentials = Credentials(credentials.username, "wrong")
    key = record_key(proxy.endpoint, credentials, b"secret")
    scheme = proxy.schemes[-1]
    can = [Capability.TUNNEL] if scheme.is_socks else [Capability.FORWARD, Capability.TUNNEL]
    path: ProxyPath = structs.replace(working_path(scheme, *can), timing=Timing(total=0.1 + rank / 10))
    return Record(key, proxy.endpoint, credentials, sources=("test",), trust=trust, last_check=NOW, paths=(path,))


@contextlib.asynccontextmanager
async def _place(
    fates: list[FailureKind | None],
    schemes: tuple[Scheme, ...],
    credentials: Credentials | None,
    trust: Trust,
    password: bool,
    edit: Edit,
    old_pool: bool,
    token: str | None,
) -> Any:
    place = Place()
    place.loop = asyncio.get_running_loop()
    # A port that refuses or swallows is chosen when the population is made, so there these two become a hang-up.
    numbers = iter(range(1000))

    def change(proxy: LabProxy) -> LabProxy:
        number = next(numbers)
        fate = fates[number] if number < len(fates) else None
        life = Life.STABLE if fate is None else Life.DEAD
        return edit(structs.replace(proxy, credentials=credentials, life=life, dead_kind=fate))

    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(FilePath(folder), "site")
        place.ca = str(authority.path)
        async with Lab(
            seed=5, size=max(4, len(fates)), preset="alive", latency_scale=0, schemes=schemes, edit=change
        ) as lab:
            place.lab, place.proxies = lab, list(lab.population)[: len(fates)]
            place.service.records = [
                record_of(proxy, rank, trust, password) for rank, proxy in enumerate(place.proxies)
            ]
            app: Any = build_app(place.service, ApiOptions(token=token), version="1")

            async def counting(scope: Any, receive: Any, send: Any) -> None:
                place.pool_calls.append((scope["method"], scope["path"]))
                if old_pool and scope["path"].startswith("/v1"):
                    scope = {**scope, "path": "/nowhere"}
                await app(scope, receive, send)

            handle = await serve_api(counting, "127.0.0.1", 0)
            plain = await asyncio.start_server(place.site.serve, "127.0.0.1", 0)
            tls = await asyncio.start_server(place.site.serve, "127.0.0.1", 0, ssl=authority.server_context())
            gateway = await serve_gateway(
                GatewayPool(place.service),
                GatewayOptions(listen="127.0.0.1:0", users=("me:p@ss:w",), allow_target=("127.0.0.0/8",)),
                resolver=SystemResolver(
                    AddressRules.from_options(AdmissionOptions(allow=("127.0.0.0/8",), allow_public=("127.0.0.0/8",)))
                ),
                contexts=make_contexts(),
                rng=Random(1),
            )
            place.gateway = f"http://me:p%40ss%3Aw@127.0.0.1:{gateway.port}"
            place.api = f"http://127.0.0.1:{handle.port}"
            place.http = f"http://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
            place.https = f"https://localhost:{tls.sockets[0].getsockname()[1]}"
            try:
                yield place
            finally:
                plain.close()
                tls.close()
                await gateway.close(grace=0.2)
                await handle.close()


@pytest.fixture
def make_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    """``make_place(fate, fate, …)``: a pool of that many proxies; None is a good one."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SHOAL_URL", "SHOAL_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    stops: list[Callable[[], None]] = []

    def make(
        *fates: FailureKind | None,
        schemes: tuple[Scheme, ...] = (Scheme.HTTP,),
        credentials: Credentials | None = None,
        trust: Trust = Trust.PUBLIC,
        password: bool = True,
        edit: Edit = lambda proxy: proxy,
        old_pool: bool = False,
        token: str | None = None,
    ) -> Place:
        started = threading.Event()
        found: list[Any] = []

        async def run() -> None:
            stop = asyncio.Event()
            how = (list(fates), schemes, credentials, trust, password, edit, old_pool, token)
            try:
                async with _place(*how) as place:
                    found.extend([place, stop])
                    started.set()
                    await stop.wait()
            except BaseException as error:
                found.append(error)
                started.set()
                raise

        thread = threading.Thread(target=lambda: asyncio.run(run()), name="place", daemon=True)
        thread.start()
        assert started.wait(20)
        if isinstance(found[0], BaseException):
            raise found[0]
        place, stop = found[0], found[1]

        def end() -> None:
            place.loop.call_soon_threadsafe(stop.set)
            thread.join(20)
            assert not thread.is_alive()

        stops.append(end)
        return place

    yield make
    for stop in stops:
        stop()
