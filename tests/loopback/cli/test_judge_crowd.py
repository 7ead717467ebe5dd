"""`shoal judge` lets in a crowd at once, on the loop that it runs on."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket

import pytest
import uvloop

from shoal.cli.judge import _judge

CROWD = 200
BOUND = 20.0


def test_a_crowd_of_checks_is_let_in_within_a_few_turns(capsys: pytest.CaptureFixture[str]) -> None:
    async def job() -> None:
        stop = asyncio.Event()
        judge = asyncio.create_task(_judge("127.0.0.1", 0, b"k", None, stop))
        said = ""
        while (found := re.search(r"http://127\.0\.0\.1:(\d+)/", said)) is None:
            await asyncio.sleep(0)
            said += capsys.readouterr().out
        with contextlib.ExitStack() as stack:
            clients = []
            for _ in range(CROWD):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", int(found[1])), BOUND))
                client.sendall(b"GET /check/ HTTP/1.1\r\nHost: judge\r\n\r\n")
                client.setblocking(False)
                clients.append(client)
            turns = 0
            answered: set[int] = set()
            while len(answered) < CROWD:
                await asyncio.sleep(0)
                turns += 1
                for number, client in enumerate(clients):
                    if number not in answered:
                        with contextlib.suppress(BlockingIOError):
                            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
                            answered.add(number)
            assert turns < CROWD / 10
        stop.set()
        await judge

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(job(), BOUND))
