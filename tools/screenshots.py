"""Takes the pictures of the dashboard in docs/images: `make screenshots`.

A pool runs over the lab with clients at its gateway. Its clock begins an hour ago and runs fast until it has caught up,
so that the charts hold an hour of the simulated internet after a few minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from unittest.mock import patch
from urllib.parse import urlsplit

import uvloop
from msgspec.structs import replace
from playwright.async_api import Page, async_playwright, expect

from shoal.app import open_pool
from shoal.cli.demo import options_for
from shoal.lab import Lab
from shoal.options import GeoOptions, Options
from shoal.testing.mmdb import make_mmdb

ROOT = Path(__file__).resolve().parents[1]
HOUR = 3_700.0
WIDTH, HEIGHT = 1440, 900
COUNTRIES = (
    "USUSUSUSUSCNCNCNBRBRIDIDININDEDEDEFRFRSGSGHKHKRURUVNVNTHCOARMXGBNLNLJPKRTRIRZABDPLUAITESCAAUEGKENGPHMYPKCLPE"
)
"""Where the simulated addresses lie, by number of the first bytes: about as on public lists."""


class HurryingClock:
    """An hour behind at first; ``speed`` times as fast until it shows the real time."""

    def __init__(self, seconds: float) -> None:
        self._begin, self._seconds, self._speed = time.time(), seconds, HOUR / seconds

    def now(self) -> float:
        now = time.time()
        return now - max(0.0, self._seconds - (now - self._begin)) * (self._speed - 1.0)


async def request(gateway: str, target: str, user: str) -> None:
    """One plain request through the gateway, the answer thrown away."""
    host = urlsplit(gateway).netloc
    reader, writer = await asyncio.open_connection(*host.split(":"))
    try:
        head = f"GET {target} HTTP/1.1\r\nHost: {urlsplit(target).netloc}\r\nConnection: close\r\n"
        if user:
            import base64

            head += f"Proxy-Authorization: Basic {base64.b64encode(f'{user}:'.encode()).decode()}\r\n"
        writer.write(f"{head}\r\n".encode())
        await asyncio.wait_for(reader.read(-1), 20.0)
    finally:
        writer.close()


async def clients(gateway: str, targets: list[str], rng: Random) -> None:
    """A few dozen clients, some of them with sessions, until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        running: set[asyncio.Task[None]] = set()
        while True:
            if len(running) < 12:
                user = rng.choice(["", "", "", "session-cart1", "session-cart2", "session-login", "country-us,de"])

                async def one(user: str = user) -> None:
                    with suppress(OSError, TimeoutError):
                        await request(gateway, rng.choice(targets), user)

                task = tasks.create_task(one())
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.sleep(rng.expovariate(6.0))


async def settle(page: Page, address: str) -> None:
    await page.goto(address)
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await page.wait_for_load_state("load")
    await page.evaluate("document.fonts.ready")
    await page.wait_for_timeout(700)


async def take(base: str, target: Path) -> None:
    """All pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, page_name, size, lang, dark in (
            ("overview", "overview", (WIDTH, 1180), "en-US", False),
            ("overview.zh", "overview", (WIDTH, 1180), "zh-CN", False),
            ("proxies", "proxies?anonymity=elite", (WIDTH, HEIGHT), "en-US", False),
            ("gateway", "gateway", (WIDTH, HEIGHT), "en-US", True),
            ("phone", "proxies", (390, 844), "en-US", True),
        ):
            context = await browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                locale=lang,
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            page = await context.new_page()
            await settle(page, f"{base}/#/{page_name}")
            if page_name.startswith("proxies?"):
                await page.locator(".row-link").nth(2).click()
                await expect(page.locator("dialog.drawer .strip").first).to_be_visible()
                await page.locator("dialog.drawer h2").click()
            await page.screenshot(path=target / f"{name}.png")
            await context.close()
        await browser.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long the hour takes")
    parser.add_argument("--target", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    arguments.target.mkdir(parents=True, exist_ok=True)
    speed = HOUR / arguments.seconds
    with tempfile.TemporaryDirectory(prefix="shoal-screenshots-") as text:
        folder = Path(text)
        codes = [COUNTRIES[at : at + 2] for at in range(0, len(COUNTRIES), 2)]
        places = {f"127.{n}.0.0/16": {"country": {"iso_code": codes[n * 7 % len(codes)]}} for n in range(1, 256)}
        (folder / "countries.mmdb").write_bytes(make_mmdb(places))
        clock = HurryingClock(arguments.seconds)
        lab = Lab(seed=11, size=1500, preset="curated", speed=speed, latency_scale=0.1, folder=folder / "lab")
        async with lab:
            options = options_for(Options(), lab.describe(), folder / "data")
            options = replace(
                options,
                api=replace(options.api, listen="127.0.0.1:0"),
                gateway=replace(options.gateway, listen="127.0.0.1:0"),
                geo=GeoOptions(country=str(folder / "countries.mmdb")),
            )
            with patch("shoal.app.network.SystemClock", lambda: clock):
                async with open_pool(options, announce=print) as pool:
                    assert pool.gateway_url is not None
                    targets = [url.split("#")[0] for url in lab.judges if url.startswith("http://")]
                    visitors = asyncio.create_task(clients(pool.gateway_url, targets, Random(5)))
                    print(f"an hour in {arguments.seconds:.0f} s at {pool.api_url} ...", flush=True)
                    await asyncio.sleep(arguments.seconds + 5.0)
                    await take(pool.api_url, arguments.target)
                    visitors.cancel()
                    await asyncio.wait([visitors])
    for path in sorted(arguments.target.glob("*.png")):
        print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    sys.exit(0)
