"""A tunnel from the client's request to the target's first byte: dialled, answered, and replayed where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from shoal.domain import Failure, Stage
from shoal.gateway.attempt import Attempt
from shoal.gateway.core import Core, RelayTicket, Seen
from shoal.gateway.demand import Demand
from shoal.gateway.race import Race
from shoal.gateway.refusal import Refusal
from shoal.net.relay import reset
from shoal.policy.first_flight import FLIGHT_LIMIT_BYTES, is_repeatable
from shoal.upstream import eof_failure, failure_from, timeout_failure

_LATE = 1.0
"""Seconds after which a client that has kept silent in its tunnel gets a deadline of its own for its first flight."""


class Tunnel(asyncio.Protocol):
    """The protocol of the client's connection until the target has spoken; then a relay takes over.

    ``granted`` makes the bytes that tell the client of the tunnel, and gives what the client sent ahead of it while
    its request was read; ``refused`` makes those that tell it why there is none.
    """

    __slots__ = (
        "_answered", "_begun", "_client", "_client_ended", "_core", "_deadline", "_far", "_flight", "_granted", "_over",
        "_race", "_ready_at", "_refused", "_timer",
    )  # fmt: skip
    kind = "dial"

    def __init__(
        self,
        core: Core,
        client: asyncio.Transport,
        demand: Demand,
        granted: Callable[[Attempt], tuple[bytes, bytes]],
        refused: Callable[[Refusal], bytes],
    ) -> None:
        self._core = core
        self._client = client
        self._granted = granted
        self._refused = refused
        self._flight = bytearray()
        self._far: _Far | None = None
        self._answered = False
        self._client_ended = False
        self._over = False
        self._begun = core.loop.time()
        self._ready_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = self._begun + core.options.idle
        self._race = Race(core, demand, self)
        core.live.add(self)
        client.set_protocol(self)

    def start(self) -> None:
        self._race.start()

    # -- the sweeper ---------------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        # While dialling the race has its own deadline; this is for clients that never send anything.
        if now > self._deadline:
            self.abort()

    def abort(self) -> None:
        self._client.abort()
        self._end()

    def describe(self) -> Seen:
        demand, far = self._race.demand, self._far
        pick = None if far is None else far.attempt.pick
        return demand.user.name, demand.target, pick, self._begun, len(self._flight), 0

    @property
    def is_idle(self) -> bool:
        return False

    # -- the race ------------------------------------------------------------------------------------------------

    def upstream_ready(self, attempt: Attempt) -> None:
        if self._over:
            attempt.transport.abort()
            return
        far = self._far = _Far(self, attempt)
        attempt.transport.set_protocol(far)
        if not self._answered:
            self._answered = True
            self._ready_at = self._core.loop.time()
            answer, ahead = self._granted(attempt)
            self._flight[:0] = ahead
            self._client.write(answer)
            self._client.resume_reading()
        if self._flight:
            attempt.transport.write(bytes(self._flight))
            self._watch()
        if attempt.early:
            early, attempt.early = attempt.early, b""
            self._target_spoke(early)
        elif self._client_ended or (self._flight and not is_repeatable(self._flight)):
            self._relay(attempt)

    def upstream_failed(self, refusal: Refusal) -> None:
        if self._over:
            return
        self._core.refuse(refusal.code)
        self._core.unanswered(self._race.demand)
        if self._answered:
            # The client has its tunnel: all that is left to say is that it broke.
            reset(self._client)
        else:
            self._client.write(self._refused(refusal))
            self._client.close()
        self._end()

    # -- the client ----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        far, flight = self._far, self._flight
        if not flight and far is not None:
            self._first_flight_begins()
        flight += data
        if far is None:
            if len(flight) > FLIGHT_LIMIT_BYTES:
                self._client.pause_reading()
            return
        far.attempt.transport.write(data)
        if is_repeatable(flight):
            self._watch()
        else:
            self._relay(far.attempt)

    def eof_received(self) -> bool:
        if self._far is None and not self._flight:
            # Nothing was asked yet, and nothing can be any more.
            self._client.abort()
            self._end()
            return False
        # The answer to what was sent may still come.
        self._client_ended = True
        if self._far is not None and self._far.attempt.transport.can_write_eof():
            self._relay(self._far.attempt)
        return True

    def pause_writing(self) -> None:
        if self._far is not None:
            self._far.attempt.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._far is not None:
            self._far.attempt.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._far is not None and not self._over:
            self._far.attempt.transport.abort()
        self._end()

    # -- the target ----------------------------------------------------------------------------------------------

    def _target_spoke(self, data: bytes) -> None:
        far = self._far
        if far is None or self._over:
            return
        self._client.write(data)
        self._relay(far.attempt, spoke=True, down=len(data))

    def target_ended(self, far: _Far, exc: Exception | None) -> None:
        """The upstream's connection ended before the target's first byte."""
        if far is not self._far or self._over:
            return
        stage = Stage.RECEIVE if self._flight else Stage.SEND
        self._switch(far, eof_failure(stage) if exc is None else failure_from(exc, stage))

    def _switch(self, far: _Far, failure: Failure) -> None:
        self._far = None
        self._unwatch()
        far.attempt.transport.abort()
        if is_repeatable(self._flight) and self._race.has_time and self._race.lost(far.attempt, failure):
            self._core.counters.replays += 1
            return
        if self._race.winner is not None:
            self._race.give_up(far.attempt, failure)
        if self._flight:
            self._core.unanswered(self._race.demand)
            reset(self._client)
        else:
            self._client.close()
        self._end()

    # -- inside --------------------------------------------------------------------------------------------------

    def _first_flight_begins(self) -> None:
        now = self._core.loop.time()
        if now - self._ready_at > _LATE:
            self._race.deadline = now + self._core.options.deadline

    def _watch(self) -> None:
        """Give the target some time for its first byte."""
        if self._timer is None:
            options = self._core.options
            left = max(0.0, self._race.deadline - self._core.loop.time())
            self._timer = self._core.loop.call_later(min(options.first_byte, left), self._silent)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _silent(self) -> None:
        self._timer = None
        if self._far is not None:
            self._switch(self._far, timeout_failure(Stage.RECEIVE))

    def _relay(self, attempt: Attempt, *, spoke: bool = False, down: int = 0) -> None:
        """From here on nothing can be replayed."""
        if self._over:
            return
        self._over = True
        self._unwatch()
        core, race = self._core, self._race
        core.live.discard(self)
        if spoke:
            race.proved(attempt, core.loop.time() - self._ready_at)
        ended = self._client_ended
        race.winner = None
        race.detach()
        before = (len(self._flight), down)
        on_trial = None if spoke else partial(race.proved, attempt)
        RelayTicket(core, race.demand, attempt.pick, self._client, attempt.transport, on_trial, before)
        if ended and attempt.transport.can_write_eof():
            self._client.get_protocol().eof_received()  # type: ignore[attr-defined]

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._unwatch()
        self._core.live.discard(self)
        self._race.cancel()
        self._race.demand.user.connections -= 1


class _Far(asyncio.Protocol):
    """The upstream's end until the target has spoken."""

    __slots__ = ("_tunnel", "attempt")

    def __init__(self, tunnel: Tunnel, attempt: Attempt) -> None:
        self._tunnel = tunnel
        self.attempt = attempt

    def data_received(self, data: bytes) -> None:
        self._tunnel._target_spoke(data)

    def eof_received(self) -> None:
        self._tunnel.target_ended(self, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tunnel.target_ended(self, exc)

    def pause_writing(self) -> None:
        self._tunnel._client.pause_reading()

    def resume_writing(self) -> None:
        self._tunnel._client.resume_reading()
