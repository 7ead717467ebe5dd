"""The relay on real sockets: every byte, half-close, back-pressure, resets, and streams in the kernel's hands."""

from __future__ import annotations

import asyncio
import hashlib
import os
from random import Random

import pytest
import uvloop

from shoal.net.relay import Relay, reset
from shoal.net.splice import SPLICE_AFTER_BYTES, PipePool

BOUND = 10.0


def pytest_generate_tests(metafunc):
    if "spliced" in metafunc.fixturenames:
        metafunc.parametrize("spliced", [False, True], ids=["python", "splice"])


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Runs a test's coroutine in either loop."""
    factory = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}[request.param]

    def go(job):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(job, 60))

    return go


class Catch(asyncio.Protocol):
    def __init__(self, got):
        self._got = got

    def connection_made(self, transport):
        transport.pause_reading()
        self._got.set_result(transport)


class Pair:
    """client <-> relay <-> server, the outer two as streams."""

    async def open(self, spliced, pipes=None):
        loop = asyncio.get_running_loop()
        got, far = loop.create_future(), loop.create_future()
        self._front = await loop.create_server(lambda: Catch(got), "127.0.0.1", 0)
        back = await asyncio.start_server(lambda r, w: far.set_result((r, w)), "127.0.0.1", 0)
        self.client = await asyncio.open_connection("127.0.0.1", self._front.sockets[0].getsockname()[1])
        left = await got
        out = loop.create_future()
        await loop.create_connection(lambda: Catch(out), "127.0.0.1", back.sockets[0].getsockname()[1])
        self.server = await far
        back.close()
        self._front.close()
        self.ended = asyncio.Event()
        self.pipes = pipes or (PipePool() if spliced else None)
        self.relay = Relay(left, await out, lambda relay: self.ended.set(), self.pipes)
        self.relay.start()
        return self

    def close(self):
        self.client[1].transport.abort()
        self.server[1].transport.abort()
        if self.pipes is not None:
            self.pipes.close()


async def send(writer, data, step=50_000):
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
        await writer.drain()
    writer.write_eof()


def test_both_directions_carry_every_byte_and_half_close(run, spliced):
    async def job():
        pair = await Pair().open(spliced)
        up, down = Random(1).randbytes(3_000_000), Random(2).randbytes(5_000_000)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send(pair.client[1], up))
            got = tasks.create_task(pair.server[0].read())
        assert hashlib.sha256(got.result()).digest() == hashlib.sha256(up).digest()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send(pair.server[1], down))
            got = tasks.create_task(pair.client[0].read())
        assert hashlib.sha256(got.result()).digest() == hashlib.sha256(down).digest()
        await asyncio.wait_for(pair.ended.wait(), BOUND)
        assert pair.relay.counts == (len(up), len(down))
        if spliced:
            assert pair.relay.splice is not None
            assert pair.pipes.in_use == 0
        pair.close()

    run(job())


def test_both_directions_at_once(run, spliced):
    async def job():
        pair = await Pair().open(spliced)
        data = Random(3).randbytes(4_000_000)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send(pair.client[1], data))
            tasks.create_task(send(pair.server[1], data))
            one = tasks.create_task(pair.client[0].read())
            two = tasks.create_task(pair.server[0].read())
        assert one.result() == two.result() == data
        pair.close()

    run(job())


def test_a_reader_that_stops_stops_the_sender(run, spliced):
    async def job():
        pair = await Pair().open(spliced)
        writer = pair.server[1]
        sent = 0
        block = bytes(65_536)
        pair.client[0]._transport.pause_reading()
        try:
            async with asyncio.timeout(1.0):
                while sent < 200_000_000:
                    writer.write(block)
                    await writer.drain()
                    sent += len(block)
        except TimeoutError:
            pass
        # Socket buffers of four ends and a pipe; far from all of it.
        assert sent < 60_000_000
        pair.client[0]._transport.resume_reading()
        received = 0
        async with asyncio.timeout(BOUND):
            while received < sent:
                received += len(await pair.client[0].read(1 << 20))
        pair.close()

    run(job())


def test_a_reset_is_passed_on_as_a_reset(run, spliced):
    async def job():
        pair = await Pair().open(spliced)
        pair.server[1].write(bytes(SPLICE_AFTER_BYTES * 3))
        await pair.server[1].drain()
        async with asyncio.timeout(BOUND):
            await pair.client[0].readexactly(SPLICE_AFTER_BYTES * 3)
        reset(pair.server[1].transport)
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(BOUND):
                await pair.client[0].readexactly(1)
        await asyncio.wait_for(pair.ended.wait(), BOUND)
        pair.close()

    run(job())


def test_nothing_is_left_open(run, spliced):
    async def job():
        # The loop opens a spare descriptor of its own with its first server.
        (await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)).close()
        before = len(os.listdir("/proc/self/fd"))
        pipes = PipePool(keep=2) if spliced else None
        for number in range(6):
            pair = await Pair().open(spliced, pipes)
            pair.server[1].write(bytes(SPLICE_AFTER_BYTES * 4))
            await pair.server[1].drain()
            async with asyncio.timeout(BOUND):
                await pair.client[0].readexactly(SPLICE_AFTER_BYTES * 4)
            if number % 2:
                pair.relay.abort()
            pair.client[1].transport.abort()
            pair.server[1].transport.abort()
            await asyncio.wait_for(pair.ended.wait(), BOUND)
        if pipes is not None:
            assert pipes.in_use == 0
            pipes.close()
        async with asyncio.timeout(BOUND):
            while len(os.listdir("/proc/self/fd")) > before:
                await asyncio.sleep(0.01)

    run(job())


def test_with_all_streams_taken_bytes_go_through_python(run):
    async def job():
        pair = await Pair().open(True, PipePool(streams=0))
        data = Random(4).randbytes(1_000_000)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send(pair.client[1], data))
            got = tasks.create_task(pair.server[0].read())
        assert got.result() == data
        assert pair.relay.splice is None
        pair.close()

    run(job())
