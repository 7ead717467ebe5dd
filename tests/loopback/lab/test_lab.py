"""The lab as a whole: lists, judges, truth, clock, faults, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shoal.domain import Scheme
from shoal.errors import ShoalError
from shoal.lab import FailureKind, Lab, Life, serve

BOUND = 5.0


async def ask(
    url: str, method: str = "GET", *headers: str, tls: ssl.SSLContext | None = None
) -> tuple[int, str, bytes]:
    """Status, head and body."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=tls)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await asyncio.wait_for(reader.read(), BOUND)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), body


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_five_thousand_proxies_need_fewer_than_a_hundred_descriptors_and_leave_none() -> None:
    before = descriptors()
    async with Lab(size=5000, preset="mixed") as lab:
        assert descriptors() - before < 100
        assert len(lab.population) == 5000
        started = time.monotonic()
    assert time.monotonic() - started < 1
    assert descriptors() == before


async def test_stopping_ends_open_relays_within_a_second() -> None:
    before = descriptors()
    async with Lab(size=20, preset="alive", latency_scale=0, schemes=(Scheme.HTTP,)) as lab:
        parts = urlsplit(lab.judges[0])
        writers = []
        for proxy in lab.population:
            reader, writer = await asyncio.open_connection(proxy.address, proxy.port)
            writer.write(f"CONNECT 127.0.0.1:{parts.port} HTTP/1.1\r\n\r\n".encode())
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), BOUND)
            writers.append(writer)
        started = time.monotonic()
    assert time.monotonic() - started < 1
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)
    async with asyncio.timeout(BOUND):
        while descriptors() > before:
            await asyncio.sleep(0.01)


async def test_two_labs_live_side_by_side() -> None:
    async with Lab(size=50, preset="alive") as first, Lab(size=50, preset="alive") as second:
        assert not set(first.ports.live) & set(second.ports.live)
        assert first.control_url != second.control_url


async def test_list_pages_name_live_addresses_and_are_validated_by_etag() -> None:
    async with Lab(size=300, preset="mixed") as lab:
        seen = b""
        for url in lab.lists:
            status, head, body = await ask(url)
            assert status == 200
            seen += body
            tag = next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("ETag"))
            status, _, body = await ask(url, "GET", f"If-None-Match: {tag}")
            assert (status, body) == (304, b"")
            status, _, _ = await ask(url, "GET", 'If-None-Match: "other"')
            assert status == 200
        named = [proxy for proxy in lab.population if proxy.address.encode() in seen]
        assert len(named) > 0.9 * len(lab.population)
        assert (await ask(lab.control_url + "/lists/none"))[0] == 404


async def test_an_unchanged_list_is_not_sent_again_to_who_asks_by_date() -> None:
    async with Lab(size=50) as lab:
        _, head, _ = await ask(lab.lists[0])
        stamp = next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("Last-Modified"))
        assert (await ask(lab.lists[0], "GET", f"If-Modified-Since: {stamp}"))[0] == 304


async def test_lists_change_as_lab_time_passes() -> None:
    async with Lab(size=500, preset="raw", speed=0) as lab:
        before = (await ask(lab.lists[0]))[2]
        assert (await ask(lab.lists[0]))[2] == before
        lab.world.clock.set_speed(1_000_000)
        async with asyncio.timeout(BOUND):
            while (await ask(lab.lists[0]))[2] == before:
                await asyncio.sleep(0.01)


async def test_the_truth_is_told_for_one_and_for_all() -> None:
    async with Lab(size=200, preset="mixed") as lab:
        proxy = lab.population[7]
        status, _, body = await ask(f"{lab.control_url}/truth?proxy={proxy.address}:{proxy.port}")
        one = json.loads(body)
        assert status == 200
        assert one["proxy"] == f"{proxy.address}:{proxy.port}"
        assert one["life"] == proxy.life.value
        _, _, body = await ask(lab.control_url + "/truth")
        every = [json.loads(line) for line in body.splitlines()]
        assert one in every
        assert len(every) == 200
        assert {truth["proxy"] for truth in every if truth["up"]} == {
            str(proxy.endpoint) for proxy in lab.population if proxy.life is Life.STABLE
        }
        assert (await ask(f"{lab.control_url}/truth?proxy=127.1.1.1:1"))[0] == 404
        assert (await ask(f"{lab.control_url}/truth?proxy=nonsense"))[0] == 404
        assert lab.truth(proxy) == lab.truth(f"http://u:p@{proxy.address}:{proxy.port}") == lab.truth(proxy.endpoint)
        assert lab.truth("127.1.1.1:1") is None


async def test_the_index_says_where_everything_is() -> None:
    async with Lab(seed=4, size=100, preset="mixed", speed=2) as lab:
        index = json.loads((await ask(lab.control_url))[2])
        assert index["lists"] == list(lab.lists)
        assert index["judges"] == list(lab.judges)
        assert all("#key=" in url for url in index["judges"])
        assert Path(index["ca"]).read_bytes().startswith(b"-----BEGIN CERTIFICATE")
        assert (index["seed"], index["speed"], index["population"]["total"]) == (4, 2, 100)


async def test_the_clocks_speed_is_set_over_http() -> None:
    async with Lab(size=10) as lab:
        assert (await ask(lab.control_url + "/clock?speed=60", "POST"))[0] == 200
        assert lab.world.clock.speed == 60
        assert (await ask(lab.control_url + "/clock?speed=-1", "POST"))[0] == 400
        assert (await ask(lab.control_url + "/clock?speed=fast", "POST"))[0] == 400


async def test_judges_go_off_and_come_back_at_the_same_place() -> None:
    async with Lab(size=10) as lab:
        context = ssl.create_default_context(cafile=str(lab.ca_file))
        assert (await ask(lab.judges[0]))[0] == 200
        assert (await ask(lab.judges[1], tls=context))[0] == 200
        assert (await ask(lab.control_url + "/fault?judge=off", "POST"))[0] == 200
        async with asyncio.timeout(BOUND):
            with contextlib.suppress(ConnectionError):
                while True:
                    await ask(lab.judges[0])
        assert (await ask(lab.control_url + "/fault?judge=on", "POST"))[0] == 200
        async with asyncio.timeout(BOUND):
            while True:
                with contextlib.suppress(ConnectionError):
                    if (await ask(lab.judges[1], tls=context))[0] == 200:
                        break
        assert (await ask(lab.control_url + "/fault?judge=maybe", "POST"))[0] == 400


async def test_without_network_live_proxies_answer_no_more_until_it_is_back() -> None:
    async with Lab(size=10, preset="alive") as lab:
        proxy = lab.population[0]
        _, open_before = await asyncio.open_connection(proxy.address, proxy.port)
        assert (await ask(lab.control_url + "/fault?network=off", "POST"))[0] == 200
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                # A machine that lets nobody attach a filter accepts the connection, and then nothing comes.
                reader, writer = await asyncio.open_connection(proxy.address, proxy.port)
                writer.write(b"GET http://127.0.0.1:9/ HTTP/1.1\r\n\r\n")
                await reader.read()
        truth = lab.truth(proxy)
        assert truth is not None
        assert not truth.up
        assert (await ask(lab.control_url + "/fault?network=on", "POST"))[0] == 200
        _, writer = await asyncio.wait_for(asyncio.open_connection(proxy.address, proxy.port), BOUND)
        writer.close()
        open_before.close()


async def test_the_same_seed_gives_the_same_lists_and_judge_keys() -> None:
    async with Lab(seed=9, size=100) as lab:
        keys = [urlsplit(url).fragment for url in lab.judges]
        people = [(proxy.address, proxy.schemes, proxy.dead_kind) for proxy in lab.population]
    async with Lab(seed=9, size=100) as lab:
        assert [urlsplit(url).fragment for url in lab.judges] == keys
        assert [(proxy.address, proxy.schemes, proxy.dead_kind) for proxy in lab.population] == people


async def test_a_taken_control_port_is_one_clear_sentence(tmp_path: Path) -> None:
    async with Lab(size=5) as lab:
        before = descriptors()
        port = int(lab.control_url.rpartition(":")[2])
        with pytest.raises(ShoalError, match=f"cannot listen on 127.0.0.1 port {port}.*choose another port"):
            async with Lab(size=5, folder=tmp_path, control_port=port):
                pytest.fail("it must not start")
        assert descriptors() == before


async def test_serve_reports_where_it_is_and_runs_until_cancelled() -> None:
    told: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(told.set_result, size=20, preset="mixed"))
    index = await asyncio.wait_for(told, BOUND)
    assert (await ask(str(index["control"])))[0] == 200
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_dead_kinds_on_live_ports_do_not_disturb_others() -> None:
    async with Lab(size=400, preset="mixed", latency_scale=0) as lab:
        dead = [p for p in lab.population if p.dead_kind not in (None, FailureKind.BLACKHOLE, FailureKind.REFUSE)]
        for proxy in dead[:20]:
            _, writer = await asyncio.wait_for(asyncio.open_connection(proxy.address, proxy.port), BOUND)
            writer.close()
