"""One attempt to reach a target through one upstream: the dial, and the handshakes that follow."""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import TYPE_CHECKING, Final, cast

from shoal.domain import Endpoint, Failure, Pick, Scheme, Stage, Trust
from shoal.gateway.chain import Chain
from shoal.gateway.layered import LayeredTransport
from shoal.upstream import Mode, Target, UpstreamPlan, eof_failure, failure_from, needs_plan, timeout_failure
from shoal.wire import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from shoal.gateway.core import Core
    from shoal.gateway.race import Race


HELLOS: Final = 4096
_GRANTED: Final = re.compile(
    rb"HTTP/1\.[01] 2[0-9]{2}(?: [\t -~\x80-\xff]*)?\r\n"
    rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]{0,1000}\r\n){0,30}\r\n"
)
"""A whole head that grants a tunnel, with nothing in it that a reader would have to mend."""


class Attempt(asyncio.Protocol):
    """Tells its race once: ``attempt_ready`` or ``attempt_failed``. After ``cancel`` it tells nothing.

    When it is ready, ``transport`` carries the target's bytes both ways, ``early`` holds those that came already, and
    whoever takes over sets a protocol of its own at once.
    """

    __slots__ = (
        "_core", "_hello", "_over", "_plan", "_race", "_raw", "_task", "_timer", "early", "mode", "pick", "reused",
        "transport",
    )  # fmt: skip

    def __init__(self, core: Core, race: Race, pick: Pick, mode: Mode) -> None:
        self._core = core
        self._race = race
        self._plan: UpstreamPlan | Chain | None = None
        self._hello: bytes | None = None
        """What was sent, or will be, for a tunnel of the usual kind, for which no plan is made."""
        self._raw: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.pick = pick
        self.mode: Mode = mode
        self.transport: asyncio.Transport
        self.early = b""
        self.reused = False

    def start(self, timeout: float) -> None:
        """Begin; fails with TIMEOUT after ``timeout`` seconds."""
        core = self._core
        try:
            if core.first_hop is None and self.mode == "tunnel" and self.pick.path.scheme is Scheme.HTTP:
                self._hello = self._usual_hello()
            else:
                self._plan = self._make_plan()
        except (LocalProtocolError, ValueError) as error:
            self._over = True
            core.loop.call_soon(self._race.attempt_failed, self, failure_from(error, Stage.TUNNEL))
            return
        self._timer = core.loop.call_later(timeout, self._expired)
        self._task = core.tasks.start(self._dial(), "gateway dial")

    def cancel(self) -> None:
        """Not wanted any more."""
        self._over = True
        self._release()
        if self._task is not None:
            self._task.cancel()
        if self._raw is not None:
            self._raw.abort()

    def _make_plan(self) -> UpstreamPlan | Chain | None:
        core, proxy = self._core, self.pick.proxy
        target = Target(self._race.demand.dial_host, self._race.demand.port)
        if core.first_hop is not None:
            return Chain(core.first_hop, proxy, target, self.mode, core.contexts.proxy)
        if not needs_plan(proxy.scheme, self.mode):
            return None
        return UpstreamPlan(proxy, target, self.mode, core.contexts.proxy)

    def _usual_hello(self) -> bytes:
        """The CONNECT of a plan, which is the same for all dials of a proxy to one target."""
        core, proxy, demand = self._core, self.pick.proxy, self._race.demand
        key = (demand.dial_host, demand.port, proxy.credentials)
        hello = core.hellos.get(key)
        if hello is None:
            plan = UpstreamPlan(proxy, Target(demand.dial_host, demand.port), "tunnel")
            plan.start()
            hello = plan.data_to_send()
            if len(core.hellos) >= HELLOS:
                core.hellos.clear()
            core.hellos[key] = hello
        return hello

    def _plan_at_last(self) -> None:
        """The answer is not the usual one: a plan reads it, which has sent what we have."""
        if self._hello is not None:
            self._hello = None
            plan = self._plan = self._make_plan()
            assert plan is not None
            plan.start()
            plan.data_to_send()

    async def _dial(self) -> None:
        core = self._core
        hop = core.first_hop
        first = self.pick.proxy if hop is None else hop
        endpoint: Endpoint = first.endpoint
        trust = self.pick.record.trust if hop is None else Trust.OWN
        try:
            addresses = core.literals.get((endpoint.host, trust)) or await core.resolve(endpoint, trust)
            # A name with many addresses: another one at each attempt.
            address = addresses[len(self._race.failures) % len(addresses)]
            await core.loop.create_connection(self._itself, address, endpoint.port)
        except OSError as error:
            self._fail(failure_from(error, Stage.CONNECT))
        finally:
            self._task = None

    def _itself(self) -> Attempt:
        return self

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = self.transport = cast(asyncio.Transport, transport)
        if self._over:
            self._raw.abort()
            return
        plan = self._plan
        if self._hello is not None:
            self._raw.write(self._hello)
            return
        if plan is None:
            self._become_ready()
            return
        try:
            plan.start()
            if plan.ready:
                self._become_ready()
            else:
                self._raw.write(plan.data_to_send())
        except (RemoteProtocolError, ssl.SSLError) as error:
            self._fail(failure_from(error, plan.stage))

    def data_received(self, data: bytes) -> None:
        if self._hello is not None and not self._over:
            granted = _GRANTED.match(data)
            if granted is not None:
                self.early = data[granted.end() :]
                self._become_ready()
                return
            self._plan_at_last()
        plan, raw = self._plan, self._raw
        if self._over or plan is None or raw is None:
            return
        try:
            early = plan.receive_data(data)
            if out := plan.data_to_send():
                raw.write(out)
        except (RemoteProtocolError, ssl.SSLError) as error:
            self._fail(failure_from(error, plan.stage))
            return
        if plan.ready:
            self.early = early
            self._become_ready()
        elif plan.closed:
            self._fail(eof_failure(plan.stage))

    def eof_received(self) -> None:
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc)

    # -- inside --------------------------------------------------------------------------------------------------

    def _ended(self, exc: Exception | None) -> None:
        if not self._over:
            self._plan_at_last()
        plan = self._plan
        if self._over or plan is None:
            return
        try:
            if exc is not None:
                raise exc
            plan.receive_eof()
            self._fail(eof_failure(plan.stage))
        except (RemoteProtocolError, OSError) as error:
            self._fail(failure_from(error, plan.stage))

    def _become_ready(self) -> None:
        plan, raw = self._plan, self._raw
        assert raw is not None
        self._over = True
        self._release()
        if plan is not None and not plan.is_clear:
            layered = LayeredTransport(raw, plan)
            raw.set_protocol(layered)
            self.transport = layered
        self._plan = self._hello = None
        self._race.attempt_ready(self)

    def _expired(self) -> None:
        if self._raw is None:
            stage = Stage.CONNECT
        else:
            stage = Stage.TUNNEL if self._plan is None else self._plan.stage
        task = self._task
        self._fail(timeout_failure(stage))
        if task is not None:
            task.cancel()

    def _fail(self, failure: Failure) -> None:
        if self._over:
            return
        self._over = True
        self._release()
        if self._raw is not None:
            self._raw.abort()
        self._race.attempt_failed(self, failure)

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
