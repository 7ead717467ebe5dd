"""Checks in processes of their own: frames, order, and what a lost process leaves behind."""

from __future__ import annotations

import asyncio
import sys

import pytest
from msgspec.structs import replace

from shoal.app import open_checker
from shoal.domain import Blame, Candidate, Reason
from shoal.engine.workers import open_workers, read_frame
from shoal.lab import Lab
from shoal.options import AdmissionOptions, CheckOptions, JudgeOptions, Options
from shoal.testing.builders import make_record

CHILD = """
import asyncio, sys
from shoal.engine.workers import read_frame, serve
from shoal.testing.fakes import FakeProber, FakeVantage, make_failure, make_success

async def act(record):
    if "die" in record.tags:
        raise SystemExit(3)
    if "fault" in record.tags:
        raise ValueError("a fault of ours")
    if "hang" in record.tags:
        await asyncio.sleep(3600)
    return make_success(record, 1.0) if record.endpoint.port % 2 == 0 else make_failure(record, 1.0)

async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    assert await read_frame(reader) == b"hello"
    await serve(reader, writer, FakeProber(act), FakeVantage())

asyncio.run(main())
"""
COMMAND = (sys.executable, "-c", CHILD)


async def test_every_check_gets_its_own_answer_from_several_processes():
    records = [make_record(number) for number in range(1, 200)]
    async with open_workers(COMMAND, b"hello", 2) as workers:
        await asyncio.wait_for(workers.wait_healthy(), 20)
        results = await asyncio.wait_for(asyncio.gather(*[workers.check(one, full=True) for one in records]), 20)
        assert [result.key for result in results] == [record.key for record in records]
        assert all(result.works for result in results)


async def test_a_worker_that_dies_loses_its_checks_as_our_own_trouble_and_comes_back():
    async with open_workers(COMMAND, b"hello", 1) as workers:
        await asyncio.wait_for(workers.wait_healthy(), 20)
        hanging = asyncio.create_task(workers.check(replace(make_record(1), tags=("hang",))))
        await asyncio.sleep(0)
        died = await asyncio.wait_for(workers.check(replace(make_record(2), tags=("die",))), 20)
        assert (died.works, died.blame, died.failure.reason) == (False, Blame.LOCAL, Reason.LOCAL_LIMIT)
        assert (await hanging).blame is Blame.LOCAL
        await asyncio.wait_for(workers.wait_healthy(), 20)
        assert (await asyncio.wait_for(workers.check(make_record(3)), 20)).works


async def test_a_check_that_trips_a_fault_is_answered():
    async with open_workers(COMMAND, b"hello", 1) as workers:
        result = await asyncio.wait_for(workers.check(replace(make_record(1), tags=("fault",))), 20)
        assert (result.works, result.blame) == (False, Blame.LOCAL)


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\x05abc", b"\xff\xff\xff\xff" + b"x" * 100])
async def test_what_is_no_whole_frame_is_the_end(sent):
    reader = asyncio.StreamReader()
    reader.feed_data(sent)
    reader.feed_eof()
    assert await read_frame(reader) is None


async def test_a_list_is_checked_by_two_processes_as_by_one():
    lab = Lab(seed=3, size=60, preset="curated", latency_scale=0.0)
    async with lab:
        options = Options(
            check=CheckOptions(concurrency=50, timeout=3.0, connect_timeout=2.0),
            judge=JudgeOptions(urls=lab.judges, ca_file=str(lab.ca_file)),
            admission=AdmissionOptions(allow=("127.0.0.0/8",), allow_public=("127.0.0.0/8",)),
        )
        entries = [Candidate(proxy.endpoint, proxy.claimed) for proxy in lab.population if not proxy.credentials]
        async with open_checker(options, 2) as checker:
            await asyncio.wait_for(checker.vantage.wait_healthy(), 30)
            results = [entry async for entry in checker.run(entries)]
        assert len(results) == len(entries)
        assert sum(entry.result.works for entry in results) > 0
        assert all(entry.result.works or entry.result.failure for entry in results)
