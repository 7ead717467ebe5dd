"""Workers: checks spread over processes of their own, so that they use more than one core."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import msgspec
from msgspec import Struct

from shoal.domain import Blame, CheckResult, Failure, Reason, Record, Stage
from shoal.log import Log
from shoal.ports import JudgeStatus, Prober, Vantage

FRAME_LIMIT_BYTES: Final = 16_777_216
"""A frame holds at most what gathers during one turn of the loop; this is a thousand times that."""
_STATUS_INTERVAL: Final = 0.25
"""Seconds between two looks at whether a worker's judges still answer."""
_RESTART_PAUSE: Final = 1.0

log = Log("shoal.workers")


class Job(Struct, frozen=True, array_like=True, gc=False):
    """One check to be made."""

    number: int
    full: bool
    record: Record


class Status(Struct, frozen=True, array_like=True, gc=False):
    """How a worker's own judges are."""

    healthy: bool
    addresses: tuple[str, ...]
    judges: tuple[JudgeStatus, ...]


class Reply(Struct, frozen=True, array_like=True, gc=False):
    """What a worker tells: results, and its vantage when that has changed."""

    results: tuple[tuple[int, CheckResult], ...] = ()
    status: Status | None = None


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_jobs: Final = msgspec.msgpack.Decoder(tuple[Job, ...]).decode
_decode_reply: Final = msgspec.msgpack.Decoder(Reply).decode


def frame(payload: bytes) -> bytes:
    """A message as it goes through a pipe: four bytes of length before it."""
    return len(payload).to_bytes(4, "big") + payload


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next message; None when the other side has closed, or says what no sane peer says."""
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        return await reader.readexactly(length) if length <= FRAME_LIMIT_BYTES else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


# -- in the worker -----------------------------------------------------------------------------------------------------


class _Outbox:
    """Gathers what is to be sent during one turn of the loop."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._results: list[tuple[int, CheckResult]] = []

    def add(self, number: int, result: CheckResult) -> None:
        self._results.append((number, result))
        if len(self._results) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        results, self._results = self._results, []
        self._send(frame(_encode(Reply(tuple(results)))))


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, prober: Prober, vantage: Vantage) -> None:
    """A worker's life: checks what comes until the pipe is closed. Every job is answered, also one that fails."""
    outbox = _Outbox(writer.write)

    async def one(job: Job) -> None:
        try:
            result = await prober.check(job.record, full=job.full)
        except Exception as error:  # noqa: BLE001 - one record that trips a fault of ours must not end the worker
            log.error("a check was not finished", error=repr(error), record=job.record.id)
            result = _lost(job.record, "a fault in Shoal ended this check")
        outbox.add(job.number, result)

    async def tell() -> None:
        told: Status | None = None
        while True:
            status = Status(vantage.healthy, tuple(sorted(vantage.addresses)), vantage.judges)
            if status != told:
                told = status
                writer.write(frame(_encode(Reply(status=status))))
            await asyncio.sleep(_STATUS_INTERVAL)

    async with asyncio.TaskGroup() as tasks:
        teller = tasks.create_task(tell(), name="worker status")
        running: set[asyncio.Task[None]] = set()
        try:
            while (payload := await read_frame(reader)) is not None:
                for job in _decode_jobs(payload):
                    task = tasks.create_task(one(job), name=f"check {job.record.id}")
                    running.add(task)
                    task.add_done_callback(running.discard)
                await writer.drain()
        finally:
            for task in (teller, *running):
                task.cancel()


def _lost(record: Record, why: str) -> CheckResult:
    failure = Failure(Stage.CONNECT, Reason.LOCAL_LIMIT, why)
    return CheckResult(record.key, (), False, failure=failure, blame=Blame.LOCAL)


# -- in the parent -----------------------------------------------------------------------------------------------------


class _Worker:
    """One child process as the parent sees it."""

    def __init__(self) -> None:
        self.process: asyncio.subprocess.Process | None = None
        self.waiting: dict[int, tuple[Record, asyncio.Future[CheckResult]]] = {}
        self.status: Status | None = None
        self.out: list[Job] = []


class Workers:
    """A Prober and a Vantage that stand for as many processes. Use ``open_workers``."""

    def __init__(self, command: Sequence[str], hello: bytes, processes: int) -> None:
        self._command = command
        self._hello = hello
        self._workers = [_Worker() for _ in range(processes)]
        self._numbers = count()
        self._well = asyncio.Event()
        self._told = asyncio.Event()

    async def started(self, patience: float) -> None:
        """Return once a process has said how its judges are, or after ``patience`` seconds: until then nobody knows."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._told.wait()

    # -- ports.Vantage -----------------------------------------------------------------------------------------

    @property
    def healthy(self) -> bool:
        """True while any worker's judges answer it."""
        return any(worker.status is not None and worker.status.healthy for worker in self._workers)

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(one for worker in self._workers if worker.status for one in worker.status.addresses)

    @property
    def judges(self) -> tuple[JudgeStatus, ...]:
        """As the first worker that has asked them sees them."""
        return next((worker.status.judges for worker in self._workers if worker.status is not None), ())

    async def wait_healthy(self) -> None:
        while not self.healthy:
            await self._well.wait()

    # -- ports.Prober ------------------------------------------------------------------------------------------

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        worker = min(self._workers, key=lambda one: (one.process is None, len(one.waiting)))
        number = next(self._numbers)
        future: asyncio.Future[CheckResult] = asyncio.get_running_loop().create_future()
        worker.waiting[number] = (record, future)
        worker.out.append(Job(number, full, record))
        if len(worker.out) == 1:
            asyncio.get_running_loop().call_soon(self._flush, worker)
        try:
            return await future
        finally:
            worker.waiting.pop(number, None)

    def _flush(self, worker: _Worker) -> None:
        if worker.process is None or worker.process.stdin is None:
            # It is being started again: what waits is sent then.
            return
        jobs, worker.out = worker.out, []
        if jobs:
            worker.process.stdin.write(frame(_encode(tuple(jobs))))

    # -- processes ---------------------------------------------------------------------------------------------

    async def run(self, worker: _Worker) -> None:
        """Keep one process going until cancelled; what a lost one was doing is reported as our own trouble."""
        while True:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(frame(self._hello))
            worker.process = process
            self._flush(worker)
            try:
                while (payload := await read_frame(process.stdout)) is not None:
                    self._take(worker, _decode_reply(payload))
            finally:
                worker.process = None
                worker.status = None
                await _end(process)
            self._settle()
            log.error("a worker process has ended and is started again", status=process.returncode)
            for record, future in tuple(worker.waiting.values()):
                if not future.done():
                    future.set_result(_lost(record, "a worker process ended during this check"))
            worker.out.clear()
            await asyncio.sleep(_RESTART_PAUSE)

    def _take(self, worker: _Worker, reply: Reply) -> None:
        for number, result in reply.results:
            entry = worker.waiting.get(number)
            if entry is not None and not entry[1].done():
                entry[1].set_result(result)
        if reply.status is not None:
            worker.status = reply.status
            self._told.set()
            self._settle()

    def _settle(self) -> None:
        if self.healthy:
            self._well.set()
        else:
            self._well.clear()


async def _end(process: asyncio.subprocess.Process) -> None:
    """A worker ends when its input does; one that does not is killed."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(2.0):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError) as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise


@asynccontextmanager
async def open_workers(command: Sequence[str], hello: bytes, processes: int) -> AsyncIterator[Workers]:
    """So many children of ``command``, each told ``hello`` first; they end with the block. Raises OSError when the
    command cannot be started."""
    workers = Workers(command, hello, processes)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(workers.run(worker), name=f"worker process {number}")
            for number, worker in enumerate(workers._workers)
        ]
        try:
            yield workers
        finally:
            for task in running:
                task.cancel()
