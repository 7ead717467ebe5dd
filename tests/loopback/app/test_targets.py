"""Targets from end to end: a real pool over the lab asks a site that bans some of its proxies, before and after a
restart, and the gateway minds it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from msgspec.structs import replace

from shoal.app import open_pool
from shoal.cli.demo import options_for
from shoal.lab import Lab
from shoal.options import Expect, Options, OwnTarget


class Site:
    """Bans who comes from an exit whose last number is odd."""

    def __init__(self) -> None:
        self.visitors: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            exit_: str = writer.get_extra_info("peername")[0]
            self.visitors.append(exit_)
            status, body = (b"403 Forbidden", b"no") if int(exit_[-1]) % 2 else (b"200 OK", b"<h1>Welcome</h1>")
            writer.write(
                b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body)
            )
            await writer.drain()
        writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield
        server.close()


async def until(condition: Any, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


async def test_a_pool_measures_who_reaches_a_target_keeps_it_and_hands_out_only_those(tmp_path: Path) -> None:
    site = Site()
    async with Lab(seed=5, size=30, preset="alive", latency_scale=0) as lab, site.open():
        options = options_for(Options(), dict(lab.describe()), tmp_path)
        anywhere = {"listen": "127.0.0.1:0"}
        shop = OwnTarget(url=site.url, name="shop", expect=Expect(regex="Welcome"), interval=3600.0)
        options = replace(
            options,
            api=replace(options.api, **anywhere),
            gateway=replace(options.gateway, allow_target=("127.0.0.0/8",), **anywhere),
            targets=replace(options.targets, own=(shop,), rate=200.0),
        )
        async with open_pool(options, announce=lambda text: None) as pool, httpx2.AsyncClient(trust_env=False) as http:

            async def told(path: str, **params: str) -> Any:
                return (await http.get(f"{pool.api_url}{path}", params=params, timeout=20.0)).json()

            async def measured() -> bool:
                one = await told("/v1/targets/shop")
                return one["reached"] >= 3 and one["banned"] >= 3 and one["unknown"] == 0

            await until(measured)
            rows = await told("/v1/proxies", target="shop", limit="100")
            assert rows and all(int(row["exit"][-1]) % 2 == 0 for row in rows)
            assert rows == await told("/v1/proxies", target=site.url, limit="100") or len(rows) >= 3
            assert all(row["targets"][0]["reaches"] for row in rows)
            everybody = await told("/v1/proxies", limit="100", honesty="any", min_forecast="0")
            assert any(row["targets"] and row["targets"][0]["banned_until"] for row in everybody)
            for _ in range(10):
                assert int((await told("/v1/proxies/pick", target="shop"))["exit"][-1]) % 2 == 0
            # The gateway takes those that reach it by itself, and never the banned.
            before = len(site.visitors)
            assert pool.gateway_url is not None
            async with httpx2.AsyncClient(proxy=pool.gateway_url, trust_env=False) as client:
                for _ in range(10):
                    assert (await client.get(site.url, timeout=30.0)).status_code == 200
            assert all(int(exit_[-1]) % 2 == 0 for exit_ in site.visitors[before:])
            # A target of the file is read-only here; one more can be added and is asked at once.
            refused = await http.delete(f"{pool.api_url}/v1/targets/shop")
            assert refused.status_code == 409
            made = await http.post(f"{pool.api_url}/v1/targets", json={"url": f"{site.url}more", "name": "more"})
            assert made.status_code == 201, made.text

            async def asked() -> bool:
                return bool((await told("/v1/targets/more"))["reached"])

            await until(asked)
        visitors = len(site.visitors)
        async with open_pool(options, announce=lambda text: None) as pool, httpx2.AsyncClient(trust_env=False) as http:
            # Known again at once, without asking anybody.
            names = [one["name"] for one in (await http.get(f"{pool.api_url}/v1/targets")).json()]
            assert names == ["shop", "more"]
            rows = (await http.get(f"{pool.api_url}/v1/proxies?target=shop")).json()
            assert rows and all(int(row["exit"][-1]) % 2 == 0 for row in rows)
            assert len(site.visitors) <= visitors + 30
