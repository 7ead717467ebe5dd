"""A running pool whose sources change by API: real sockets, a real store, a restart."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from shoal.app import Pool, open_pool
from shoal.options import (
    AdmissionOptions,
    ApiOptions,
    CheckOptions,
    GatewayOptions,
    JudgeOptions,
    Options,
    OwnSource,
    SourceOptions,
    StoreOptions,
)

LIST = "127.8.0.1:8080\n127.8.0.2:99999\nhttp://u:secret@127.8.0.3:3128\n"
BOUND = 20.0


@asynccontextmanager
async def site() -> AsyncIterator[tuple[str, list[bytes]]]:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(LIST)}\r\nConnection: close\r\n\r\n{LIST}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/list.txt", asked
    server.close()


@asynccontextmanager
async def pool(folder: Path, **sources: Any) -> AsyncIterator[Pool]:
    options = Options(
        api=ApiOptions(listen="127.0.0.1:0", token="root"),
        gateway=GatewayOptions(listen="127.0.0.1:0"),
        store=StoreOptions(data=str(folder)),
        judge=JudgeOptions(urls=("http://127.0.0.1:9/#key=k",)),
        check=CheckOptions(concurrency=4),
        sources=SourceOptions(own=(OwnSource(name="mine", inline="127.9.0.1:80"),), catalog=False, **sources),
        admission=AdmissionOptions(allow=("127.0.0.0/8",)),
    )
    async with open_pool(options) as running:
        yield running


async def ask(running: Pool, method: str, path: str, body: object = None) -> tuple[int, Any]:
    def send() -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(running.api_url + path, data, method=method)
        request.add_header("Authorization", "Bearer root")
        try:
            with urllib.request.urlopen(request, timeout=BOUND) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    return await asyncio.to_thread(send)


async def row(running: Pool, name: str) -> Any:
    return (await ask(running, "GET", f"/v1/sources/{name}"))[1]


async def test_sources_come_and_go_by_api_and_survive_a_restart(tmp_path: Path) -> None:
    async with site() as (url, asked):
        async with pool(tmp_path) as running:
            status, told = await ask(running, "POST", "/v1/sources/test", {"url": url})
            assert (status, told["found"], told["refused"]) == (200, 2, {"bad_port": 1})
            assert told["first"] == ["127.8.0.1:8080", "http://u:***@127.8.0.3:3128"]
            assert [one["name"] for one in (await ask(running, "GET", "/v1/sources"))[1]] == ["mine"]
            made = await ask(running, "POST", "/v1/sources", {"name": "site", "url": url, "tags": ["new"], "tier": 4})
            assert made[0] == 201 and made[1]["origin"] == "api"
            async with asyncio.timeout(BOUND):
                while (await row(running, "site"))["found"] != 2:
                    await asyncio.sleep(0.05)
            assert (await ask(running, "DELETE", "/v1/sources/mine"))[1]["code"] == "read_only"
            private = {"name": "inside", "url": "http://192.168.1.1/list"}
            status, refused = await ask(running, "POST", "/v1/sources", private)
            assert status == 409 and "192.168.1.1" in refused["detail"]
        before = len(asked)
        async with pool(tmp_path) as again:
            assert (await row(again, "site"))["tier"] == 4
            assert (await ask(again, "POST", "/v1/sources/site/run"))[0] == 202
            async with asyncio.timeout(BOUND):
                while len(asked) == before:
                    await asyncio.sleep(0.05)
            assert (await ask(again, "PATCH", "/v1/sources/site", {"enabled": False}))[1]["enabled"] is False
            assert (await ask(again, "POST", "/v1/sources/site/run"))[0] == 404
            assert (await ask(again, "DELETE", "/v1/sources/site"))[0] == 204
        async with pool(tmp_path) as last:
            assert [one["name"] for one in (await ask(last, "GET", "/v1/sources"))[1]] == ["mine"]
            listed = (await ask(last, "GET", "/v1/sources?all=1"))[1]
            assert {"geonode", "docip"} < {one["name"] for one in listed if not one["enabled"]}


async def test_a_source_that_takes_the_name_of_a_paused_and_removed_one_is_read(tmp_path: Path) -> None:
    async with site() as (url, asked), pool(tmp_path) as running:
        source = {"name": "site", "url": url}
        assert (await ask(running, "POST", "/v1/sources", source))[0] == 201
        async with asyncio.timeout(BOUND):
            while (await row(running, "site"))["found"] != 2:
                await asyncio.sleep(0.05)
        assert (await ask(running, "POST", "/v1/sources/site/pause"))[0] == 200
        assert (await row(running, "site"))["paused"]
        assert (await ask(running, "DELETE", "/v1/sources/site"))[0] == 204
        before = len(asked)
        assert (await ask(running, "POST", "/v1/sources", source))[0] == 201
        assert not (await row(running, "site"))["paused"]
        async with asyncio.timeout(BOUND):
            while len(asked) == before:
                await asyncio.sleep(0.05)
