"""One of several processes of a gateway: follows the pool's store, tells the pool what uses showed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from shoal.app.engine import keep_counting, unwrapped
from shoal.app.faces import bracketed, open_handle
from shoal.app.gateway_link import FromChild, TallyView, ToChild, decode_hello, decode_to_child, encode
from shoal.app.network import Network, open_network
from shoal.domain import Feedback, Proxy
from shoal.engine.draws import Draws
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool as Index
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.engine.service import PoolService
from shoal.engine.workers import frame, read_frame
from shoal.errors import ShoalError, StoreError
from shoal.gateway import GatewayHandle
from shoal.log import Log
from shoal.options import Options
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_use import SourceUse
from shoal.stores.remote import remote_store

_REPORT_INTERVAL = 0.05
"""Seconds that feedback is gathered: a message of its own for each would cost both sides more than the rest."""
_STATUS_INTERVAL = 0.25
_GRACE = 1.0
"""Seconds that requests under way get at the end: with all else it must be over within three."""
_MODEL_INTERVAL = 60.0

log = Log("shoal.gateway")


class _Following(Draws):
    """The pool as it is in the store; what uses showed goes to the process that keeps it."""

    def __init__(self, service: PoolService, outbox: Outbox) -> None:
        super().__init__(service)
        self._outbox = outbox

    def report(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        self._outbox.report(key, proxy, feedback)


class Outbox:
    """Gathers feedback, and sends."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._reports: list[tuple[str, Proxy, Feedback]] = []

    def tell(self, message: FromChild) -> None:
        self._send(frame(encode(message)))

    def report(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        self._reports.append((key, proxy, feedback))
        if len(self._reports) == 1:
            asyncio.get_running_loop().call_later(_REPORT_INTERVAL, self.flush)

    def flush(self) -> None:
        if self._reports:
            reports, self._reports = self._reports, []
            self.tell(FromChild(reports=tuple(reports)))


async def serve_child(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    stop: asyncio.Event,
    at_once: list[Callable[[], None]],
) -> None:
    """A child's life: told what to do, it listens until its input ends or ``stop`` is set, then drains. What it adds to
    ``at_once`` a signal handler may call: no further client is taken then."""
    first = await read_frame(reader)
    if first is None:
        return
    hello = decode_hello(first)
    outbox = Outbox(writer.write)
    gateway = replace(hello.options.gateway, listen=f"{bracketed(hello.host)}:{hello.port}")
    options = replace(hello.options, gateway=gateway)
    try:
        async with _following(options, Path(hello.folder), outbox) as (service, net):
            handle = await open_handle(service, gateway, net, reuse_port=True)
            at_once.append(handle.refuse)
            try:
                outbox.tell(FromChild(ready=True))
                await _listen(reader, handle, outbox, stop)
            finally:
                await handle.close(_GRACE)
                outbox.flush()
                _tell_status(handle, outbox)
                await writer.drain()
    except ShoalError as error:
        outbox.tell(FromChild(error=str(error)))
        await writer.drain()
    except ConnectionError:
        pass  # whom we tell has gone, and so do we


@asynccontextmanager
async def _following(options: Options, folder: Path, outbox: Outbox) -> AsyncIterator[tuple[_Following, Network]]:
    """The pool's index, kept in step with the store that is served in ``folder``. Writes nothing."""
    net = open_network(options)
    store = remote_store(folder)
    await store.open()
    try:
        index = Index(options.pool, net.rng, uses=SourceUse(LimitTable.from_options(options.sources)))
        recorder = Recorder(store, index, net.clock, net.rng, options.check, options.store)
        leasing = Leasing(store, index, recorder, net.clock, options.pool, b"", lambda: "")
        replica = Replica(store, index, recorder, net.clock)
        service = PoolService(store=store, pool=index, recorder=recorder, leasing=leasing, clock=net.clock)
        await recorder.recall()
        since = await replica.load()
        await service.update_counts()
        async with unwrapped(asyncio.TaskGroup()) as tasks:
            jobs = (
                ("replica", replica.run(since)),
                ("counts", keep_counting(service, lambda problem: None)),
                ("model", _keep_model(recorder)),
            )
            running = [tasks.create_task(job, name=name) for name, job in jobs]
            try:
                yield _Following(service, outbox), net
            finally:
                for task in running:
                    task.cancel()
                await asyncio.wait(running)
    finally:
        await store.close()


async def _keep_model(recorder: Recorder) -> None:
    """What was learned elsewhere, now and then."""
    while True:
        await asyncio.sleep(_MODEL_INTERVAL)
        try:
            await recorder.recall()
        except StoreError as error:
            log.warning("the forecast's model cannot be read, trying again later", error=str(error))


async def _listen(reader: asyncio.StreamReader, handle: GatewayHandle, outbox: Outbox, stop: asyncio.Event) -> None:
    async def questions() -> None:
        while (payload := await read_frame(reader)) is not None:
            await _answer(decode_to_child(payload), handle, outbox)
        stop.set()

    async def news() -> None:
        while True:
            _tell_status(handle, outbox)
            await asyncio.sleep(_STATUS_INTERVAL)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(questions(), name="questions"), tasks.create_task(news(), name="news")]
        await stop.wait()
        for task in running:
            task.cancel()


def _tell_status(handle: GatewayHandle, outbox: Outbox) -> None:
    outbox.tell(FromChild(status=handle.status(), tally=TallyView.of(handle.tally)))


async def _answer(asked: ToChild, handle: GatewayHandle, outbox: Outbox) -> None:
    if not asked.number:
        for name, use in asked.elsewhere.items():
            handle.core.users.note_elsewhere(name, use.connections, use.requests, use.bytes)
        return
    answer = FromChild(number=asked.number)
    if asked.call == "sessions":
        answer = replace(answer, sessions=tuple(await handle.sessions()))
    elif asked.call == "connections":
        answer = replace(answer, connections=tuple(await handle.connections(asked.limit)))
    elif asked.call == "rotate":
        left = handle.core.sessions.rotate(asked.user, asked.session, asked.avoid)
        answer = replace(answer, left=left)
    outbox.tell(answer)
