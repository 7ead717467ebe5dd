"""A gateway of several processes that share one port: starts them, starts them again, and speaks for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from heapq import nsmallest
from itertools import count
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from shoal.app.gateway_link import FromChild, Hello, ToChild, decode_from_child, encode
from shoal.app.gateway_sum import (
    EMPTY_STATUS,
    EMPTY_TALLY,
    elsewhere,
    fill,
    left_over,
    sessions_of,
    sum_of_status,
    sum_of_tallies,
)
from shoal.domain.gateway import GatewayStats, GatewayStatus, LiveConnection, SessionInfo
from shoal.domain.tally import GatewayTally
from shoal.engine.service import PoolService
from shoal.engine.workers import frame, read_frame
from shoal.errors import ConfigError, ShoalError
from shoal.log import Log
from shoal.net.listening import why_not
from shoal.options import Options

_RESTART_PAUSE: Final = 0.25
_START_LIMIT: Final = 30.0
"""Seconds for all processes to listen: a loaded machine needs several for their imports alone."""
_END_LIMIT: Final = 2.0
"""Seconds from the end of its input to the end of a process; then it is killed."""
_ANSWER_LIMIT: Final = 5.0
_SHARE_INTERVAL: Final = 0.25

log = Log("shoal.gateway")


class _Child:
    """One process as the parent sees it. ``before`` is what earlier ones in its place counted."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: asyncio.subprocess.Process | None = None
        self.ready = asyncio.Event()
        self.before, self.status = EMPTY_STATUS, EMPTY_STATUS
        self.tally_before, self.tally = EMPTY_TALLY, EMPTY_TALLY
        self.waiting: dict[int, asyncio.Future[FromChild]] = {}

    def ended(self) -> None:
        self.process = None
        self.ready.clear()
        self.before, self.status = sum_of_status([self.before, left_over(self.status)]), EMPTY_STATUS
        self.tally_before, self.tally = sum_of_tallies([self.tally_before, self.tally]), EMPTY_TALLY
        for future in self.waiting.values():
            if not future.done():
                future.set_result(FromChild())

    def send(self, message: ToChild) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.write(frame(encode(message)))


class GatewayProcesses:
    """Implements ``ports.gateway.GatewayWatch``. Use ``open_processes``."""

    def __init__(self, service: PoolService, hello: Hello, command: Sequence[str], processes: int) -> None:
        self._service = service
        self._hello = frame(encode(hello))
        self._command = command
        self._options = hello.options.gateway
        self._numbers = count(1)
        self.children = [_Child(number) for number in range(processes)]
        self.tally = GatewayTally()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = False

    def is_stopping(self) -> bool:
        """Whether it was told to take no further client: a signal may say so at any moment."""
        return self._stopping

    def refuse(self) -> None:
        """Have all processes take no further client, let what is under way end, and end themselves. Sets an attribute
        and sends signals only: a signal handler may call it."""
        self._stopping = True
        for child in self.children:
            process = child.process
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    # Not by the process object, which asks the loop: the handler may have come in its midst.
                    os.kill(process.pid, signal.SIGTERM)

    # -- ports.gateway.GatewayWatch ------------------------------------------------------------------------------

    def status(self) -> GatewayStatus:
        return sum_of_status(part for child in self.children for part in (child.before, child.status))

    def stats(self) -> GatewayStats:
        """Counts only."""
        return self.status().stats

    async def sessions(self) -> list[SessionInfo]:
        return sessions_of(answer.sessions for answer in await self._ask_all(ToChild(call="sessions")))

    async def connections(self, limit: int) -> list[LiveConnection]:
        answers = await self._ask_all(ToChild(call="connections", limit=limit))
        rows = [row for answer in answers for row in answer.connections]
        return nsmallest(limit, rows, key=lambda row: (-row.bytes_up - row.bytes_down, row.since))

    async def rotate(self, user: str, session: str) -> bool:
        asked = ToChild(call="rotate", user=user, session=session)
        left = frozenset[str]().union(*(answer.left for answer in await self._ask_all(asked)))
        if left:
            # Those that did not have the session must keep away from the same proxies, or it would come back.
            await self._ask_all(replace(asked, avoid=left))
        return bool(left)

    async def _ask_all(self, asked: ToChild) -> list[FromChild]:
        waits = []
        for child in self.children:
            if child.ready.is_set():
                number = next(self._numbers)
                future = child.waiting[number] = asyncio.get_running_loop().create_future()
                child.send(replace(asked, number=number))
                waits.append(self._wait(child, number, future))
        return list(await asyncio.gather(*waits))

    async def _wait(self, child: _Child, number: int, future: asyncio.Future[FromChild]) -> FromChild:
        try:
            async with asyncio.timeout(_ANSWER_LIMIT):
                return await future
        except TimeoutError:
            return FromChild()
        finally:
            child.waiting.pop(number, None)

    # -- processes -----------------------------------------------------------------------------------------------

    async def run(self, child: _Child) -> None:
        """Keep one process going until cancelled, or told to take no further client."""
        while not self.is_stopping():
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            assert process.stdin is not None and process.stdout is not None
            child.process = process
            process.stdin.write(self._hello)
            try:
                while (payload := await read_frame(process.stdout)) is not None:
                    self._take(child, decode_from_child(payload))
            finally:
                await self._end(child, process)
            if self.is_stopping():
                return
            log.error("a gateway process has ended and is started again", status=process.returncode)
            await asyncio.sleep(_RESTART_PAUSE)

    async def _end(self, child: _Child, process: asyncio.subprocess.Process) -> None:
        """Let it drain, take what it still tells, and kill it if it lasts."""
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_LIMIT):
                while (payload := await read_frame(process.stdout)) is not None:
                    self._take(child, decode_from_child(payload))
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        finally:
            child.ended()

    def _take(self, child: _Child, told: FromChild) -> None:
        for key, proxy, feedback in told.reports:
            self._service.report(key, proxy, feedback)
        if told.status is not None:
            child.status = told.status
        if told.tally is not None:
            child.tally = told.tally
        if told.ready:
            child.ready.set()
        if told.error is not None:
            log.error("a gateway process cannot go on", error=told.error)
            if not self.failed.done():
                self.failed.set_exception(ShoalError(told.error))
        future = child.waiting.get(told.number)
        if future is not None and not future.done():
            future.set_result(told)

    async def share(self) -> None:
        """Tell each process what users have in the others, so that a user's limits hold for all together."""
        options = self._options
        limited = bool(options.user_connections or options.user_bytes or options.user_rate)
        while True:
            await asyncio.sleep(_SHARE_INTERVAL)
            fill(self.tally, sum_of_tallies(part for c in self.children for part in (c.tally_before, c.tally)))
            if limited:
                users = self.status().users
                for child in self.children:
                    if child.ready.is_set():
                        child.send(ToChild(elsewhere=elsewhere(users, child.status.users)))

    async def wait_ready(self) -> None:
        """Until all listen. Raises ShoalError when one cannot, or does not within half a minute."""

        async def all_ready() -> None:
            for child in self.children:
                await child.ready.wait()

        started = asyncio.create_task(all_ready(), name="gateway processes start")
        try:
            await asyncio.wait({started, self.failed}, timeout=_START_LIMIT, return_when=asyncio.FIRST_COMPLETED)
            if self.failed.done():
                self.failed.result()
            if not started.done():
                raise ShoalError("the processes of the gateway did not start in time")
        finally:
            started.cancel()


def reserve(host: str, port: int) -> socket.socket:
    """A socket that holds the port for processes that share it, and takes no connection itself.

    Raises ShoalError when somebody else has it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Without the flag first: with it, two pools on one port would share the clients of both.
        with socket.socket(family, kind, protocol) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(address)
            alone.listen(1)
        held = socket.socket(family, kind, protocol)
        try:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind(address)
        except OSError:
            held.close()
            raise
    except OSError as error:
        raise ShoalError(why_not(host, port, error, "gateway", "--gateway")) from error
    return held


@asynccontextmanager
async def open_processes(
    service: PoolService, options: Options, folder: Path, host: str, port: int, command: Sequence[str]
) -> AsyncIterator[tuple[GatewayProcesses, int]]:
    """``options.gateway.processes`` children of ``command``, and the port on which they all listen.

    The store of ``folder`` must be served. Raises the ``ShoalError`` family.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigError("gateway.processes above 1 needs a system on which processes can share a port (SO_REUSEPORT)")
    # Half a second of imports each: children start one beside the other.
    with reserve(host, port) as held:
        port = held.getsockname()[1]
        hello = Hello(options, host, port, str(folder))
        group = GatewayProcesses(service, hello, command, options.gateway.processes)
        jobs = [
            asyncio.create_task(group.run(child), name=f"gateway process {child.number}") for child in group.children
        ]
        jobs.append(asyncio.create_task(group.share(), name="gateway shares"))
        try:
            await group.wait_ready()
            yield group, port
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            if group.failed.done() and not group.failed.cancelled():
                group.failed.exception()
