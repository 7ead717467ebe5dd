"""One plain HTTP request and its answer, through as many upstreams as it takes to get the first byte."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from shoal.domain import Failure, Stage
from shoal.gateway.attempt import Attempt
from shoal.gateway.bodies import BodyStream
from shoal.gateway.choosing import Choice
from shoal.gateway.core import Core, RelayTicket, Seen
from shoal.gateway.demand import Demand
from shoal.gateway.http_answer import Answer, interim, switching
from shoal.gateway.http_request import PlainRequest
from shoal.gateway.race import Race
from shoal.gateway.refusal import Refusal
from shoal.gateway.side import Side
from shoal.policy.own_page import Voice, voice
from shoal.policy.retry import IDEMPOTENT, may_repeat
from shoal.upstream import eof_failure, failure_from, own_page_failure, status_failure, timeout_failure
from shoal.wire import LocalProtocolError, RemoteProtocolError, ResponseHead, ResponseHeadReader
from shoal.wire.errors import Refusal as Refused

if TYPE_CHECKING:
    from shoal.gateway.http_client import HttpClient

_MAX_INTERIM: Final = 8
AHEAD_LIMIT_BYTES: Final = 65_536
"""Bytes of the next request that a client may send while it waits for an answer."""


class Exchange:
    """Feeds the client; ``HttpClient.exchange_done`` is called once at its end unless the client went away."""

    __slots__ = (
        "_answer", "_attempt", "_begun", "_body", "_client", "_core", "_head_reader", "_interims", "_kept", "_over",
        "_race", "_request", "_sent_at", "_side", "_timer", "_whole", "ahead", "down", "up",
    )  # fmt: skip

    def __init__(self, core: Core, client: HttpClient, request: PlainRequest, demand: Demand) -> None:
        self._core = core
        self._client = client
        self._request = request
        self._body = BodyStream(request.body, strict=True)
        self._kept = bytearray()
        self._whole = True
        self._attempt: Attempt | None = None
        self._side: Side | None = None
        self._answer: Answer | None = None
        self._head_reader = ResponseHeadReader()
        self._interims = 0
        self._over = False
        self._begun = core.loop.time()
        self._sent_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.ahead = bytearray()
        self.up = self.down = 0
        idempotent = request.method in IDEMPOTENT
        self._race = Race(core, demand, self, reuse=idempotent, careful=not idempotent)

    def start(self, begin: bytes, first: Choice | None = None) -> None:
        """``begin`` is what came behind the head, ``first`` the upstream that has been chosen already."""
        if begin:
            self.client_data(begin)
        if not self._over:
            self._race.start(first)

    # -- what a ``QuickExchange`` has begun ----------------------------------------------------------------------

    @property
    def race(self) -> Race:
        return self._race

    def adopt(self, attempt: Attempt, sent_at: float) -> None:
        """The request was sent over this connection, and nothing has come back of which a client was told."""
        self._race.adopt(attempt)
        side = self._side = Side(self, attempt)
        self._attempt, self._sent_at = attempt, sent_at
        attempt.transport.set_protocol(side)
        self._watch()

    def take(self, data: bytes) -> None:
        """What came back so far."""
        if self._side is not None:
            self.answer_data(self._side, data)

    def end(self, exc: Exception | None) -> None:
        """The connection has ended."""
        if self._side is not None:
            self.answer_ended(self._side, exc)

    def silent(self) -> None:
        """Nothing came back for too long."""
        self._unwatch()
        self._silent()

    def tick(self, now: float) -> None:
        """Called about once a second; this one keeps a timer of its own."""

    @property
    def moved(self) -> int:
        """Bytes both ways so far."""
        return self.up + self.down

    def describe(self) -> Seen:
        """For whoever looks on."""
        winner, demand = self._race.winner, self._race.demand
        return demand.user.name, demand.target, None if winner is None else winner.pick, self._begun, self.up, self.down

    def _close_books(self) -> None:
        counters, user = self._core.counters, self._race.demand.user
        counters.bytes_up += self.up
        counters.bytes_down += self.down
        user.count(self.up, self.down)
        if self._attempt is not None:
            self._core.chooser.moved(self._attempt.pick, self.moved)
        user.connections -= 1

    # -- the client ----------------------------------------------------------------------------------------------

    def client_data(self, data: bytes) -> None:
        self.up += len(data)
        if self._body.done:
            self._keep_ahead(data)
            return
        try:
            out = self._body.feed(data)
        except RemoteProtocolError as error:
            self.cancel()
            self._client.exchange_refused(Refusal(400, "malformed", str(error)), begun=self._answer is not None)
            return
        if rest := self._body.rest:
            self._body.rest = b""
            self._keep_ahead(rest)
        if not out:
            return
        limit = self._core.options.replay_limit_bytes
        if self._side is None:
            self._kept += out
            if len(self._kept) > limit:
                self._client.transport.pause_reading()
            return
        if self._whole and len(self._kept) + len(out) > limit:
            self._whole = False
            self._kept.clear()
        if self._whole:
            self._kept += out
        self._side.attempt.transport.write(out)
        self._watch()

    def _keep_ahead(self, data: bytes) -> None:
        self.ahead += data
        if len(self.ahead) > AHEAD_LIMIT_BYTES:
            self._client.transport.pause_reading()

    def client_slow(self, slow: bool) -> None:
        """The client does not take what it is sent, or does again."""
        if self._side is not None:
            transport = self._side.attempt.transport
            transport.pause_reading() if slow else transport.resume_reading()

    def upstream_slow(self, slow: bool) -> None:
        """The upstream does not take what it is sent, or does again."""
        transport = self._client.transport
        transport.pause_reading() if slow else transport.resume_reading()

    def cancel(self) -> None:
        """The client has gone."""
        if self._over:
            return
        self._over = True
        self._unwatch()
        if self._side is not None:
            self._side.attempt.transport.abort()
        self._race.cancel()
        self._close_books()

    # -- the race ------------------------------------------------------------------------------------------------

    def upstream_ready(self, attempt: Attempt) -> None:
        try:
            head = self._request.encode(attempt.pick.proxy if attempt.mode == "forward" else None)
        except LocalProtocolError as error:
            # Credentials of the upstream, or a name, that a head cannot hold.
            attempt.transport.abort()
            self._retry(attempt, failure_from(error, Stage.SEND), sent=False)
            return
        self._attempt = attempt
        side = self._side = Side(self, attempt)
        self._head_reader = ResponseHeadReader()
        self._sent_at = self._core.loop.time()
        attempt.transport.set_protocol(side)
        attempt.transport.write(head + bytes(self._kept) if self._kept else head)
        if len(self._kept) > self._core.options.replay_limit_bytes:
            self._whole = False
            self._kept.clear()
        self._client.transport.resume_reading()
        self._watch()
        if attempt.early:
            early, attempt.early = attempt.early, b""
            self.answer_data(side, early)

    def upstream_failed(self, refusal: Refusal) -> None:
        if self._over:
            return
        self._over = True
        self._unwatch()
        self._close_books()
        self._core.unanswered(self._race.demand)
        self._client.exchange_refused(refusal, begun=False)

    # -- the answer ----------------------------------------------------------------------------------------------

    def answer_data(self, side: Side, data: bytes) -> None:
        if side is not self._side or self._over:
            return
        self.down += len(data)
        answer = self._answer
        try:
            if answer is None:
                self._read_head(side, data)
                return
            out = answer.body.feed(data)
        except (RemoteProtocolError, LocalProtocolError) as error:
            self._failed(side, failure_from(error, Stage.RECEIVE))
            return
        self._client.transport.write(out)
        if answer.body.done:
            self._finish(side, answer)

    def _read_head(self, side: Side, data: bytes) -> None:
        while True:
            head = self._head_reader.receive_data(data)
            if head is None:
                return
            if head.status >= 200 or head.status == 101:
                break
            self._interims += 1
            if self._interims > _MAX_INTERIM:
                raise RemoteProtocolError(Refused.LIMIT, "too many interim answers")
            if self._request.version == "1.1":
                self._client.transport.write(interim(head))
            data = self._head_reader.trailing_data
            self._head_reader = ResponseHeadReader()
        rest = self._head_reader.trailing_data
        if head.status == 101:
            self._upgrade(side, head, rest)
        elif not self._doubt(side, head, rest):
            self._deliver(side, head, rest)

    def _doubt(self, side: Side, head: ResponseHead, rest: bytes) -> bool:
        """Whether another upstream is asked because this one speaks, or may speak, of itself."""
        core, race, attempt, status = self._core, self._race, side.attempt, head.status
        if status < 400 or attempt.mode != "forward":
            return False
        who = voice(status, head.headers, rest, core.doubtful_statuses)
        # That it has answered excuses nothing any more: only what ends without a word may have been closed before.
        attempt.reused = False
        if who is Voice.PROXY:
            # What it will not do, it has not passed on either; of what it could not do, that is not known.
            self._failed(side, own_page_failure(status, head.reason), sent=status >= 500)
            return True
        if who is Voice.TARGET or race.demand.params.session is not None or race.believes(attempt, status):
            return False
        if not may_repeat(self._request.method, sent=True, whole=self._whole):
            return False
        self._side = None
        self._unwatch()
        failure, latency = status_failure(status, head.reason), core.loop.time() - self._sent_at
        if not race.ask_another(attempt, status, failure, latency):
            self._side = side
            return False
        core.counters.replays += 1
        attempt.transport.abort()
        return True

    def _deliver(self, side: Side, head: ResponseHead, rest: bytes) -> None:
        request = self._request
        answer = Answer(
            head,
            request.method,
            side.attempt.pick,
            client_1_1=request.version == "1.1",
            keep=request.keep_alive and not self._core.closing,
        )
        self._unwatch()
        self._race.proved(side.attempt, self._core.loop.time() - self._sent_at, head.status)
        self._answer = answer
        self._kept.clear()
        out = answer.body.feed(rest) if rest else b""
        self._client.transport.write(answer.out + out)
        if answer.body.done:
            self._finish(side, answer)

    def _upgrade(self, side: Side, head: ResponseHead, rest: bytes) -> None:
        if self._request.upgrade is None:
            raise RemoteProtocolError(Refused.MALFORMED, "101 without a request to switch protocols")
        attempt, race = side.attempt, self._race
        self._over = True
        self._unwatch()
        race.proved(attempt, self._core.loop.time() - self._sent_at)
        race.winner = None
        race.detach()
        transport = self._client.let_go()
        transport.write(switching(head, attempt.pick) + rest)
        if self.ahead:
            attempt.transport.write(bytes(self.ahead))
        RelayTicket(self._core, race.demand, attempt.pick, transport, attempt.transport)

    def answer_ended(self, side: Side, exc: Exception | None) -> None:
        """The upstream's connection has ended."""
        if side is not self._side or self._over:
            return
        failure = eof_failure(Stage.RECEIVE) if exc is None else failure_from(exc, Stage.RECEIVE)
        answer = self._answer
        if answer is None or exc is not None:
            self._failed(side, failure)
            return
        try:
            out = answer.body.finish()
        except RemoteProtocolError:
            self._failed(side, failure)
            return
        self._client.transport.write(out)
        self._finish(side, answer)

    # -- inside --------------------------------------------------------------------------------------------------

    def _failed(self, side: Side, failure: Failure, *, sent: bool = True) -> None:
        if side is not self._side or self._over:
            return
        self._side = None
        self._unwatch()
        side.attempt.transport.abort()
        if self._answer is None:
            self._retry(side.attempt, failure, sent=sent)
            return
        self._over = True
        self._race.cancel()
        self._close_books()
        self._client.reset()

    def _retry(self, attempt: Attempt, failure: Failure, *, sent: bool) -> None:
        if may_repeat(self._request.method, sent=sent, whole=self._whole):
            if self._race.lost(attempt, failure):
                self._core.counters.replays += 1
                return
            refusal = self._race.refusal()
        else:
            refusal = self._race.give_up(attempt, failure)
        self.upstream_failed(refusal)

    def _finish(self, side: Side, answer: Answer) -> None:
        self._over = True
        self._side = None
        attempt, core = side.attempt, self._core
        self._close_books()
        reusable = answer.reusable and self._body.done and not answer.body.rest and not self._request.connection_login
        if reusable and not attempt.transport.is_closing():
            core.idle_upstreams.give(self._race.demand, attempt)
        else:
            attempt.transport.abort()
        self._race.cancel()
        self._client.exchange_done(keep=answer.keep and self._body.done)

    def _watch(self) -> None:
        """Where the request can be repeated, the upstream gets some time only."""
        if self._timer is None and self._body.done and may_repeat(self._request.method, sent=True, whole=self._whole):
            options = self._core.options
            left = max(0.0, self._race.deadline - self._core.loop.time())
            self._timer = self._core.loop.call_later(min(options.first_byte, left), self._silent)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _silent(self) -> None:
        self._timer = None
        if self._side is not None:
            self._side.attempt.reused = False
            self._failed(self._side, timeout_failure(Stage.RECEIVE))
