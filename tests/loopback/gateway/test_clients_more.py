"""More real clients, with three in ten proxies broken: aiohttp, git, WebSockets and Chromium."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import ssl
import tempfile
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest
import trustme
import websockets.asyncio.client
from aiohttp import web

from shoal.lab import FailureKind, Life

BREAKS = (
    FailureKind.RESET, FailureKind.ACCEPT_CLOSE, FailureKind.STALL, FailureKind.STATUS_502, FailureKind.STATUS_403,
    FailureKind.STATUS_407, FailureKind.WRONG_PROTOCOL,
)  # fmt: skip
SIZE = 40
GIT_BACKEND = "/usr/lib/git-core/git-http-backend"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE = "<!doctype html><title>shoal</title><p>here"


def some_broken(kit, proxy):
    if proxy.index % 10 >= 3:
        return proxy
    return kit.changed(proxy, life=Life.DEAD, phases=None, dead_kind=BREAKS[proxy.index % len(BREAKS)])


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Site:
    """What clients reach: bodies of any size, uploads answered with their hash, a repository, a WebSocket."""

    def __init__(self, kit, folder=None):
        self._kit, self._folder = kit, folder
        app = web.Application(client_max_size=1 << 26)
        app.router.add_get("/", self._page)
        app.router.add_get("/bytes/{size}", self._bytes)
        app.router.add_route("*", "/up", self._up)
        app.router.add_get("/ws", self._socket)
        app.router.add_route("*", "/git/{path:.*}", self._git)
        self._runner = web.AppRunner(app, shutdown_timeout=1)

    @asynccontextmanager
    async def at(self, ssl_context=None):
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=ssl_context)
        await site.start()
        try:
            yield self._runner.addresses[0][1]
        finally:
            await self._runner.cleanup()

    async def _page(self, request):
        return web.Response(text=PAGE, content_type="text/html")

    async def _bytes(self, request):
        return web.Response(body=self._kit.pattern(int(request.match_info["size"])))

    async def _up(self, request):
        return web.Response(text=digest(await request.read()))

    async def _socket(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    async def _git(self, request):
        """The Common Gateway Interface (RFC 3875) to git's own program."""
        body = await request.read()
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self._folder), "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": "/" + request.match_info["path"], "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method, "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1",
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        with tempfile.TemporaryFile() as given:
            # A file and no pipe: the program may end before it has read a body that it does not want.
            given.write(body)
            given.seek(0)
            process = await asyncio.create_subprocess_exec(
                GIT_BACKEND, stdin=given, stdout=asyncio.subprocess.PIPE, env=environment
            )
            out, _ = await process.communicate()
        head, _, data = out.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(fields.pop("Status", "200").split()[0])
        return web.Response(status=status, body=data, headers=fields)


@pytest.fixture
def broken(world, kit):
    """A gateway of which three proxies in ten fail, and a bound that lets every proxy be tried."""

    @asynccontextmanager
    async def make(**options):
        settings = {"attempts": SIZE, "deadline": 60, **options}
        async with world(size=SIZE, edit=partial(some_broken, kit)) as w, w.gateway(**settings) as gateway:
            yield gateway

    return make


async def test_aiohttp(broken, kit):
    async with (
        Site(kit).at() as port,
        broken(users=("me:pw",)) as gateway,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(90)) as session,
    ):
        base, room = f"http://127.0.0.1:{port}", asyncio.Semaphore(10)
        way = {"proxy": f"http://me:pw@127.0.0.1:{gateway.port}"}

        async def one(number):
            body = kit.pattern(1000 + number * 501)
            async with room:
                if number % 3 == 0:
                    async with session.get(f"{base}/bytes/{len(body)}", **way) as answer:
                        return answer.status == 200 and await answer.read() == body
                method = "PUT" if number % 3 == 1 else "POST"
                async with session.request(method, f"{base}/up", data=body, **way) as answer:
                    return answer.status == 200 and await answer.text() == digest(body)

        outcomes = await asyncio.gather(*(one(number) for number in range(90)))
        assert outcomes.count(False) == 0
        assert gateway.stats().failures > 0


async def test_aiohttp_verifies_tls_to_the_target_through_the_gateway(broken, kit):
    authority = trustme.CA()
    client, server = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(client)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    async with (
        Site(kit).at(server) as port,
        broken() as gateway,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client, force_close=True)) as session,
    ):

        async def one(number):
            body = kit.pattern(1000 + number * 701)
            url, proxy = f"https://127.0.0.1:{port}/up", f"http://127.0.0.1:{gateway.port}"
            async with session.post(url, data=body, proxy=proxy) as answer:
                return await answer.text() == digest(body)

        for start in range(0, 40, 10):
            assert all(await asyncio.gather(*(one(number) for number in range(start, start + 10))))


async def run(*words, folder, environment=None):
    process = await asyncio.create_subprocess_exec(
        *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **(environment or {})},
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, out.decode()
    return out.decode().strip()


@pytest.mark.parametrize("way", ["http", "socks5h"])
async def test_git_clones_whole_repositories(broken, kit, tmp_path, way):
    source = tmp_path / "site" / "repo.git"
    work = tmp_path / "work"
    work.mkdir()
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    await run("git", "init", "-q", "-b", "main", ".", folder=work)
    for number in range(3):
        (work / f"file{number}").write_bytes(kit.pattern(60_000 + number))
        await run("git", "add", ".", folder=work)
        await run("git", *identity, "commit", "-q", "-m", f"{number}", folder=work)
    await run("git", "clone", "-q", "--bare", str(work), str(source), folder=tmp_path)
    head = await run("git", "rev-parse", "HEAD", folder=work)
    async with Site(kit, tmp_path / "site").at() as port, broken() as gateway:
        proxy = {"http_proxy": f"{way}://127.0.0.1:{gateway.port}", "no_proxy": "", "NO_PROXY": ""}
        for number in range(3):
            place = tmp_path / f"clone{number}"
            url = f"http://127.0.0.1:{port}/git/repo.git"
            await run("git", "clone", "-q", url, str(place), folder=tmp_path, environment=proxy)
            assert await run("git", "rev-parse", "HEAD", folder=place) == head
            await run("git", "fsck", "--full", "--strict", folder=place)
        assert gateway.stats().ok >= 3


@pytest.mark.parametrize("way", ["http", "socks5h"])
async def test_a_websocket_carries_messages_both_ways(broken, kit, way):
    async with Site(kit).at() as port, broken() as gateway:

        async def one(number):
            body = kit.pattern(number * 3001 + 1)
            proxy = f"{way}://127.0.0.1:{gateway.port}"
            async with websockets.asyncio.client.connect(
                f"ws://127.0.0.1:{port}/ws", proxy=proxy, open_timeout=60
            ) as socket:
                for _ in range(3):
                    await socket.send(body)
                    assert await asyncio.wait_for(socket.recv(), 60) == body

        for start in range(0, 30, 10):
            await asyncio.gather(*(one(number) for number in range(start, start + 10)))


async def test_a_websocket_upgraded_in_absolute_form(broken, kit):
    """As clients do that treat ws like http: no CONNECT, an Upgrade through the proxy."""
    async with Site(kit).at() as port, broken() as gateway, aiohttp.ClientSession() as session:
        proxy = f"http://127.0.0.1:{gateway.port}"
        for number in range(5):
            async with session.ws_connect(f"http://127.0.0.1:{port}/ws", proxy=proxy) as socket:
                body = kit.pattern(40_000 + number)
                await socket.send_bytes(body)
                assert (await socket.receive(60)).data == body


FETCH = """async ([url, size]) => {
  const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, '0')).join('');
  const hash = async (data) => hex(await crypto.subtle.digest('SHA-256', data));
  const got = await (await fetch(`${url}/bytes/${size}`, {cache: 'no-store'})).arrayBuffer();
  const told = await (await fetch(`${url}/up`, {method: 'POST', body: got})).text();
  return [await hash(got), told];
}"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_chromium(broken, kit, scheme):
    from playwright.async_api import async_playwright

    context = None
    if scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with Site(kit).at(context) as port, broken() as gateway, async_playwright() as playwright:
        # Chromium goes to loopback addresses itself unless it is told not to.
        proxy = {"server": f"http://127.0.0.1:{gateway.port}", "bypass": "<-loopback>"}
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], proxy=proxy)
        try:
            page = await (await browser.new_context(ignore_https_errors=True)).new_page()
            page.set_default_timeout(90_000)
            url = f"{scheme}://127.0.0.1:{port}"
            answer = await page.goto(f"{url}/")
            assert answer is not None and answer.status == 200
            assert await page.title() == "shoal"
            for number in range(15):
                size = 1000 + number * 3511
                got, told = await page.evaluate(FETCH, [url, size])
                assert got == told == digest(kit.pattern(size))
        finally:
            await browser.close()
        assert gateway.stats().ok >= 1 if scheme == "https" else gateway.stats().ok >= 31
