"""One connection of one exchange: the only Protocol of the probe, and the hot path of the whole program."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

from shoal.domain import Failure, Stage
from shoal.probe.answer import AnswerReader, read_whole
from shoal.probe.wheel import TimerWheel
from shoal.upstream import UpstreamPlan, eof_failure, failure_from, timeout_failure
from shoal.wire import RemoteProtocolError

SECOND_GRACE: Final = 1.0
"""Seconds beyond twice the first answer's time for the second on the same connection."""


class Exchange(asyncio.Protocol):
    """Connects, brings its plan to readiness, sends one request and reads one answer.

    Await ``run`` once, then read ``failure`` (None: ``status`` and ``body`` are there) and the times, which are seconds
    of the loop's clock, 0.0 where a milestone was not reached.
    """

    __slots__ = (
        "_again", "_deadline", "_done", "_expired", "_handshake_timeout", "_limit", "_loop", "_overall", "_plan",
        "_reader", "_request", "_slot", "_stage", "_task", "_transport", "_wheel", "body", "certificate", "connected",
        "ended", "failure", "first_byte", "head", "kept", "moved", "ready", "reason", "started", "status",
    )  # fmt: skip

    make_reader: Callable[[int], AnswerReader] = AnswerReader
    """Reads an answer of at most so many bytes."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wheel: TimerWheel,
        request: bytes,
        plan: UpstreamPlan | None,
        limit_bytes: int,
        again: bytes = b"",
    ) -> None:
        self._loop = loop
        self._wheel = wheel
        self._request = request
        self._plan = plan
        self._limit = limit_bytes
        self._again = again
        self.kept: bool | None = None
        """With a second request: whether that was answered on the same connection."""
        self._reader: AnswerReader | None = None
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stage = Stage.CONNECT
        self._expired = False
        self.failure: Failure | None = None
        self.status = 0
        self.reason = ""
        self.body = b""
        self.head = b""
        """The answer's head as it came, or as the codec read it."""
        self.certificate: bytes | None = None
        """What the target showed, in DER form, where the exchange asked for no answer."""
        self.moved = 0
        """Bytes both ways, as they went over the network."""
        self.started = self.connected = self.ready = self.first_byte = self.ended = 0.0

    async def run(
        self, address: str, port: int, connect_timeout: float, handshake_timeout: float, deadline: float
    ) -> None:
        """One exchange with whoever listens on the address literal, over by ``deadline`` (loop time).

        Raises nothing but CancelledError; leaves no descriptor.
        """
        loop = self._loop
        started = self.started = loop.time()
        self._overall = deadline
        self._handshake_timeout = handshake_timeout
        self._deadline = min(started + connect_timeout, deadline)
        self._done: asyncio.Future[None] = loop.create_future()
        task = self._task = asyncio.current_task()
        cancelling = 0 if task is None else task.cancelling()
        self._slot = self._wheel.add(self, self._deadline)
        try:
            await loop.create_connection(self._itself, address, port)
            self._task = None
            await self._done
        except asyncio.CancelledError:
            # The sweeper can only end a connect by cancelling the task that waits for it; what asyncio.timeout does.
            if not self._expired or task is None or task.uncancel() > cancelling:
                raise
            self.failure = timeout_failure(Stage.CONNECT)
        except OSError as error:
            if self.failure is None:
                self.failure = failure_from(error, Stage.CONNECT)
        finally:
            self.ended = loop.time()
            self._task = None
            self._wheel.remove(self, self._slot)
            if self._transport is not None:
                self._transport.abort()

    def _itself(self) -> Exchange:
        return self

    # -- the wheel ---------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Called by the wheel when a deadline may have come."""
        if self._done.done():
            return
        if self._deadline > now:
            self._slot = self._wheel.add(self, self._deadline)
            return
        task = self._task
        if self._transport is None and task is not None:
            self._expired = True
            task.cancel()
        else:
            self._fail(timeout_failure(self._where()))

    def _set_deadline(self, deadline: float) -> None:
        # Later deadlines wait until the wheel comes by; only an earlier one has to move.
        if deadline < self._deadline:
            self._wheel.remove(self, self._slot)
            self._slot = self._wheel.add(self, deadline)
        self._deadline = deadline

    # -- asyncio.Protocol --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tcp = self._transport = cast(asyncio.Transport, transport)
        now = self.connected = self._loop.time()
        plan = self._plan
        if plan is None:
            self.ready = now
            self._stage = Stage.RECEIVE
            self._deadline = self._overall
            self._send(tcp, self._request)
            return
        self._set_deadline(min(now + self._handshake_timeout, self._overall))
        try:
            plan.start()
            if plan.ready:
                self._become_ready(plan)
            else:
                self._send(tcp, plan.data_to_send())
        except (RemoteProtocolError, ssl.SSLError) as error:
            self._fail(failure_from(error, plan.stage))

    def data_received(self, data: bytes) -> None:
        self.moved += len(data)
        if self.failure is not None or self._done.done():
            return
        try:
            if self._plan is not None:
                data = self._receive_through(self._plan, data)
                if not data:
                    return
            if self.first_byte == 0.0:
                self.first_byte = self._loop.time()
                whole = read_whole(data, self._limit)
                if whole is not None:
                    self.status, body = whole
                    self.body = body
                    self.head = data[: len(data) - len(body)]
                    self._one_more()
                    return
                self._reader = self.make_reader(self._limit)
            elif self.kept is not None:
                self._receive_second(data)
                return
            reader = cast(AnswerReader, self._reader)
            if reader.receive_data(data):
                self._finish(reader)
        except (RemoteProtocolError, ssl.SSLError) as error:
            self._fail(failure_from(error, self._where()))

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._end()
        elif not self._done.done():
            self._fail(failure_from(exc, self._where()))

    # -- inside ------------------------------------------------------------------------------------------------

    def _send(self, tcp: asyncio.Transport, data: bytes) -> None:
        self.moved += len(data)
        tcp.write(data)

    def _receive_through(self, plan: UpstreamPlan, data: bytes) -> bytes:
        data = plan.receive_data(data)
        if self._stage is Stage.CONNECT:
            if plan.ready:
                self._become_ready(plan)
            else:
                out = plan.data_to_send()
                if out and self._transport is not None:
                    self._send(self._transport, out)
        if plan.closed and self._reader is None and not data:
            # A close_notify instead of an answer.
            self._fail(eof_failure(self._where()))
        elif plan.closed:
            self._loop.call_soon(self._end)
        return data

    def _become_ready(self, plan: UpstreamPlan) -> None:
        tcp = cast(asyncio.Transport, self._transport)
        self.ready = self._loop.time()
        self._stage = Stage.RECEIVE
        self._set_deadline(self._overall)
        if not self._request:
            # Only the handshake was wanted.
            self.certificate = plan.certificate
            self._done.set_result(None)
            return
        if plan.is_clear:
            self._plan = None
            self._send(tcp, self._request)
            return
        # What ends the handshake and the request leave in one write, but under TLS inside TLS each is a record.
        out = plan.data_to_send()
        plan.send(self._request)
        self._send(tcp, out + plan.data_to_send())

    def _where(self) -> Stage:
        plan = self._plan
        return self._stage if plan is None or plan.ready else plan.stage

    def _finish(self, reader: AnswerReader) -> None:
        self.status = reader.status
        self.reason = reader.reason
        self.body = reader.body
        self.head = reader.head
        self._one_more()

    def _one_more(self) -> None:
        """The answer is there: the end, or the second request on the same connection."""
        tcp = self._transport
        if not self._again or tcp is None or tcp.is_closing() or self._closes():
            if self._again:
                self.kept = False
            self._done.set_result(None)
            return
        self.kept = False
        now = self._loop.time()
        # It answered once in this time; far more is no answer.
        self._set_deadline(min(now + 2.0 * (now - self.started) + SECOND_GRACE, self._overall))
        if self._plan is None:
            self._send(tcp, self._again)
        else:
            self._plan.send(self._again)
            self._send(tcp, self._plan.data_to_send())
        self._reader = AnswerReader(self._limit)

    def _closes(self) -> bool:
        return b"\r\nconnection: close\r\n" in self.head.lower()

    def _receive_second(self, data: bytes) -> None:
        reader = cast(AnswerReader, self._reader)
        try:
            if not reader.receive_data(data):
                return
            self.kept = reader.status == self.status
        except RemoteProtocolError:
            pass
        if not self._done.done():
            self._done.set_result(None)

    def _end(self) -> None:
        """The peer will send no more."""
        if self._done.done() or self.failure is not None:
            return
        if self.kept is not None:
            self._done.set_result(None)
            return
        plan = self._plan
        try:
            if plan is not None and not plan.ready:
                plan.receive_eof()
            elif self._reader is not None:
                self._reader.receive_eof()
                self._finish(self._reader)
                return
            self._fail(eof_failure(self._where()))
        except (RemoteProtocolError, ssl.SSLError) as error:
            self._fail(failure_from(error, self._where()))

    def _fail(self, failure: Failure) -> None:
        if self._done.done():
            return
        if self.kept is None:
            self.failure = failure
        self._done.set_result(None)
