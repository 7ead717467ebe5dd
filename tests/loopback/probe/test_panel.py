"""Judges asked directly: what we learn of them and of ourselves."""

from __future__ import annotations

import asyncio
import json
import time

import trustme

from shoal.domain import Scheme
from shoal.options import CheckOptions, JudgeOptions
from shoal.probe import JudgePanel, NetProber, parse_judge


def httpbin():
    async def handler(reader, writer):
        request = (await reader.read(4096)).decode()
        nonce = request.partition("nonce=")[2][:32]
        headers = {"X-Amzn-Trace-Id": "1", "Via": "front"}
        body = json.dumps({"args": {"nonce": nonce}, "headers": headers, "origin": "127.0.0.1"})
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    return handler


def text_judge(make):
    async def handler(reader, writer):
        request = (await reader.read(4096)).decode()
        body = make(request)
        writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}".encode())

    return handler


def panel_of(world, *judges, **options):
    return JudgePanel(judges, JudgeOptions(**options), world.resolver, world.clock, world.nonce, world.contexts)


async def test_a_judge_that_was_not_asked_yet_has_no_error(world):
    (judge,) = panel_of(world, parse_judge("http://127.0.0.1:9/")).judges
    assert not judge.ok and judge.error is None and judge.checked_at == 0.0


async def test_own_addresses_are_learned(world):
    await world.begin()
    assert world.panel.addresses == {"127.0.0.1"}
    assert all(status.ok and status.error is None and status.own for status in world.panel.judges)
    assert "test-key" not in repr(world.panel.judges)


async def test_kinds_are_corrected_by_what_the_answers_look_like(world):
    ports = {
        "httpbin": await world.serve(httpbin()),
        "azenv": await world.serve(text_judge(lambda r: f"REMOTE_ADDR = 127.0.0.1\nREQUEST_URI = {r.split()[1]}\n")),
        "trace": await world.serve(
            text_judge(lambda r: f"ip=127.0.0.1\nuag={r.partition('User-Agent: ')[2].splitlines()[0]}\n")
        ),
        "plain": await world.serve(text_judge(lambda r: "127.0.0.1")),
    }
    panel = panel_of(world, *(parse_judge(f"http://127.0.0.1:{port}/") for port in ports.values()))
    await panel.round()
    assert [status.kind for status in panel.judges] == list(ports)
    assert all(status.ok for status in panel.judges), panel.judges
    assert panel.at_hand.plain
    assert not panel.at_hand.documents


async def test_a_judge_that_only_tells_addresses_makes_nothing_work(world):
    port = await world.serve(text_judge(lambda r: "127.0.0.1"))
    panel = panel_of(world, parse_judge(f"http://127.0.0.1:{port}/ip"))
    await panel.round()
    assert panel.healthy
    assert not panel.at_hand.plain
    assert panel.pick(tls=False) is None


async def test_a_check_through_a_foreign_judge_works_by_its_nonce(world):
    port = await world.serve(httpbin())
    panel = panel_of(world, parse_judge(f"http://127.0.0.1:{port}/get", own=False))
    await panel.round()
    prober = NetProber(
        CheckOptions(), panel, world.resolver, lambda host, trust: None, world.clock, world.nonce, world.contexts
    )
    proxy = await world.serve(world.http_proxy())
    result = await prober.check(world.record(proxy, Scheme.HTTP))
    assert result.works, result
    # The front end of the judge adds Via to a direct request as well; but it says that it saw us.
    assert result.anonymity.value == "transparent"


async def test_a_wrong_key_is_said_in_plain_words(world):
    await world.begin(tls=False)
    panel = panel_of(world, parse_judge(f"http://127.0.0.1:{world.ports['plain']}/check/#key=other"))
    await panel.round()
    assert not panel.healthy
    assert "is the key the same on both sides?" in panel.judges[0].error


async def test_a_certificate_nobody_knows_is_an_error_of_the_judge(world):
    port = await world.serve(world.judge, world.tls_server("127.0.0.1", ca=trustme.CA()))
    panel = panel_of(world, parse_judge(f"https://127.0.0.1:{port}/check/"))
    await panel.round()
    assert panel.judges[0].error.startswith("target_tls.cert")


async def test_own_judges_come_before_public_ones_and_take_turns(world):
    await world.begin(tls=False)
    first = parse_judge(f"http://127.0.0.1:{world.ports['plain']}/check/#key=test-key")
    second = parse_judge(f"http://127.0.0.1:{await world.serve(world.judge)}/check/#key=test-key")
    public = parse_judge(f"http://127.0.0.1:{await world.serve(world.judge)}/check/#key=test-key", own=False)
    panel = panel_of(world, public, first, second)
    await panel.round()
    picked = [panel.pick(tls=False).judge.port for _ in range(10)]
    assert sorted(set(picked)) == sorted((first.port, second.port))
    assert picked.count(first.port) == 5


def flaky(world, good):
    """Our own judge, which answers rightly as often as ``good`` says, in turn, and else with a page of its own."""
    turns = iter(good)

    async def handler(reader, writer):
        if next(turns, True):
            await world.judge(reader, writer)
            return
        await reader.read(4096)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwelcome!\n")

    return handler


async def test_a_judge_that_answers_wrongly_is_dropped_and_then_picked_by_its_health(world):
    await world.begin(tls=False)
    steady = parse_judge(f"http://127.0.0.1:{world.ports['plain']}/check/#key=test-key")
    # Each round asks for the echo, and after a right one for the four documents.
    wrong = [True] * 5 + [False] * 4
    other = parse_judge(f"http://127.0.0.1:{await world.serve(flaky(world, wrong))}/check/#key=test-key")
    panel = panel_of(world, steady, other, control_interval=1e-6)
    await panel.round()
    picked = [panel.pick(tls=False).judge.port for _ in range(20)]
    assert picked.count(other.port) == 10, "equals share evenly"
    for _ in range(4):
        await panel.round()
        assert not panel.judges[1].ok and "not one of a shoal judge" in panel.judges[1].error
        assert {panel.pick(tls=False).judge.port for _ in range(20)} == {steady.port}
    assert panel.judges[1].health < 0.5 and panel.healthy
    await panel.round()
    assert panel.judges[1].ok
    picked = [panel.pick(tls=False).judge.port for _ in range(100)]
    assert 20 <= picked.count(other.port) <= 45, "it answers again, and is believed little by little"
    for _ in range(12):
        await panel.round()
    assert panel.judges[1].health == 1.0
    picked = [panel.pick(tls=False).judge.port for _ in range(20)]
    assert picked.count(other.port) == 10


async def test_a_public_judge_is_asked_within_its_rate(world):
    port = await world.serve(httpbin())
    panel = panel_of(world, parse_judge(f"http://127.0.0.1:{port}/get", own=False), public_rate=20.0)
    await panel.round()
    seat = panel.pick(tls=False)
    started = time.perf_counter()
    for _ in range(30):
        await panel.wait_turn(seat)
        panel.charge(seat)
    # A second's worth at once, then twenty a second.
    assert time.perf_counter() - started >= 0.4


async def test_run_asks_again_and_again_until_it_is_cancelled(world):
    await world.begin(tls=False)
    panel = panel_of(
        world, parse_judge(f"http://127.0.0.1:{world.ports['plain']}/check/#key=test-key"), control_interval=0.05
    )
    before = world.judge_requests
    async with asyncio.TaskGroup() as group:
        task = group.create_task(panel.run(), name="panel")
        await asyncio.wait_for(panel.wait_healthy(), 2)
        for _ in range(200):
            if world.judge_requests - before >= 3:
                break
            await asyncio.sleep(0.01)
        task.cancel()
    assert world.judge_requests - before >= 3


async def test_many_failures_share_one_extra_request(world):
    await world.begin(tls=False)
    seat = world.panel.pick(tls=False)
    await asyncio.sleep(0.01)
    before = world.judge_requests
    now = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(world.panel.confirm(seat, now, now) for _ in range(50)))
    assert set(answers) == {(True, True)}
    assert world.judge_requests == before + 1


async def test_who_came_back_in_the_middle_of_an_attempt_is_no_proof_of_its_beginning(world):
    before = asyncio.get_running_loop().time()
    await asyncio.sleep(0.01)
    await world.begin(tls=False)
    seat = world.panel.pick(tls=False)
    now = asyncio.get_running_loop().time()
    assert await world.panel.confirm(seat, now, now) == (True, True)
    assert await world.panel.confirm(seat, now, before) == (False, False)
    assert await world.panel.confirm(None, now, before) == (False, False)
