"""A real Chromium before real pools. One browser and one pool serve all tests; each test has a profile of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvloop
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect, sync_playwright

from shoal.api import build_app, serve_api
from shoal.app import open_pool
from shoal.cli.demo import options_for
from shoal.lab import Lab
from shoal.options import ApiOptions, GatewayOptions, GeoOptions, Options
from shoal.testing.fake_service import FakeService
from shoal.testing.mmdb import make_mmdb

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BOUND = 30_000.0
"""Milliseconds: far above what a loaded machine needs."""
COUNTRIES = ("US", "DE", "SG", "BR", "CN", "FR", "IN", "JP", "ZA", "GB", "ID", "RU", "CA", "VN", "MX", "NL")


expect.set_options(timeout=BOUND)


class Loop:
    """An event loop in a thread of its own, with what was opened in it."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="web tests", daemon=True)
        self._thread.start()

    def run(self, work: Awaitable[Any], timeout: float = 60.0) -> Any:
        async def wait() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(timeout)

    @contextlib.contextmanager
    def held(self, opened: contextlib.AbstractAsyncContextManager[Any]) -> Iterator[Any]:
        """What an asynchronous context manager gives, for as long as the block lasts: entered and left in one task."""
        given: Future[Any] = Future()

        async def hold() -> None:
            done = self._done = asyncio.Event()
            try:
                async with opened as value:
                    given.set_result((value, done))
                    await done.wait()
            except BaseException as error:
                if not given.done():
                    given.set_exception(error)
                raise

        task = asyncio.run_coroutine_threadsafe(hold(), self._loop)
        value, done = given.result(60.0)
        try:
            yield value
        finally:
            self._loop.call_soon_threadsafe(done.set)
            task.result(30.0)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "these tests need Debian's chromium: make test installs it"
        pytest.skip("no chromium here")
    with sync_playwright() as play:
        # As root, as in a container, there is no sandbox to be had.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Visit:
    """One profile: what its pages said on the console, and whom they asked."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.expected: tuple[str, ...] = ()
        context.set_default_timeout(BOUND)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        context.route("**/*", self._pass)

    def _pass(self, route: Route) -> None:
        if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost"):
            route.continue_()
        else:
            self.strangers.append(route.request.url)
            route.abort()

    def _heard(self, message: ConsoleMessage) -> None:
        text = message.text
        # Routes that this version may not have, and refusals that a test provokes, are logged by the browser itself.
        if message.type in ("error", "warning") and not any(word in text for word in self.expected):
            self.complaints.append(f"{message.type}: {text}")

    def open(self, base: str, page: str = "overview") -> Page:
        tab = self.context.new_page()
        tab.goto(f"{base}/#/{page}")
        expect(tab.locator("h1")).to_be_visible()
        return tab


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Makes profiles; at the end none of them may have complained, or asked anybody but us."""
    visits: list[Visit] = []

    def make(width: int = 1440, height: int = 900, *, lang: str = "en-US", dark: bool = False, **more: Any) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=lang,
            color_scheme="dark" if dark else "light",
            service_workers="block",
            **more,
        )
        visits.append(Visit(context))
        return visits[-1]

    yield make
    for one in visits:
        one.context.close()
    assert [complaint for one in visits for complaint in one.complaints] == []
    assert [url for one in visits for url in one.strangers] == []


UNHURRIED = 60.0
"""Seconds that an answer may be late: browser and server share a busy machine, and a page whose parts were refused is
another test's matter."""


class Running:
    """A pool over the lab. ``base`` is its API's address."""

    def __init__(self, lab: Lab, base: str, service: Any, gateway: str) -> None:
        self.lab, self.base, self.service, self.gateway = lab, base, service, gateway


@contextlib.asynccontextmanager
async def lab_pool(folder: Path, **changes: Any) -> AsyncIterator[Running]:
    """A whole pool against a small simulated internet whose addresses lie all over the world."""
    places = folder / "countries.mmdb"
    places.write_bytes(
        make_mmdb({f"127.{n}.0.0/16": {"country": {"iso_code": COUNTRIES[n % len(COUNTRIES)]}} for n in range(1, 256)})
    )
    async with Lab(seed=3, size=400, preset="curated", latency_scale=0.02, folder=folder / "lab") as lab:
        options = options_for(Options(), lab.describe(), folder / "data")
        options = replace(
            options,
            api=ApiOptions(listen="127.0.0.1:0", max_lag=UNHURRIED),
            gateway=replace(options.gateway, listen="127.0.0.1:0"),
            geo=GeoOptions(country=str(places)),
            **changes,
        )
        async with open_pool(options, announce=lambda text: None) as pool:
            assert pool.gateway_url is not None
            yield Running(lab, pool.api_url, pool.service, pool.gateway_url)


@pytest.fixture(scope="session")
def pool(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with loop.held(lab_pool(tmp_path_factory.mktemp("pool"))) as running:
        yield running


@contextlib.asynccontextmanager
async def served(service: Any, port: int = 0, **options: Any) -> AsyncIterator[str]:
    app = build_app(service, ApiOptions(**options), version="1", settings=Options(gateway=GatewayOptions()))
    handle = await serve_api(app, "127.0.0.1", port, max_lag=UNHURRIED)
    try:
        yield f"http://127.0.0.1:{handle.port}"
    finally:
        await handle.close()


@pytest.fixture
def serve(loop: Loop) -> Iterator[Callable[..., str]]:
    """Serves records that no check has to find first; gives the address."""
    with contextlib.ExitStack() as stack:
        yield lambda service=None, **options: stack.enter_context(
            loop.held(served(FakeService() if service is None else service, **options))
        )
