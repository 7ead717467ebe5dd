"""One request to a user's target through a proxy, and what its answer shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from shoal.domain import Failure, Kind, Observation, Reason, Record, Refused, Scheme, Stage, Target, Trust
from shoal.domain.address import is_ip
from shoal.options import CheckOptions, TargetOptions
from shoal.policy.attribution import blame, is_doubtful
from shoal.policy.page_verdict import SEARCHED_BYTES, PageVerdict, judge_page
from shoal.policy.reach import carries
from shoal.ports import Clock, ResolveError, Resolver
from shoal.probe.answer import AnswerReader
from shoal.probe.connection import Exchange
from shoal.probe.dialects import USER_AGENT
from shoal.probe.panel import JudgePanel
from shoal.upstream import Mode, TlsContexts, UpstreamPlan, failure_from, printable, timeout_failure
from shoal.upstream import Target as Place
from shoal.wire import LocalProtocolError, basic_credentials, encode_request_head

_ANY_LENGTH: Final = 1 << 40
"""The framing may declare any length; how much is read is ours to say."""


class PageReader(AnswerReader):
    """Reads no more of a page than is looked at: the rest proves nothing."""

    __slots__ = ("_room",)

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(_ANY_LENGTH)
        self._room = limit_bytes

    def receive_data(self, data: bytes) -> bool:
        done = super().receive_data(data)
        if self.status:
            self._room -= len(data)
        return done or self._room <= 0


class PageExchange(Exchange):
    """An exchange whose answer may be longer than what is read of it."""

    __slots__ = ()
    make_reader = PageReader


class NetVisitor:
    """Implements ``ports.Visitor`` over real sockets, under the same address rules as a check."""

    __slots__ = ("_check", "_clock", "_contexts", "_options", "_panel", "_refusal", "_resolver")

    def __init__(
        self,
        options: TargetOptions,
        check: CheckOptions,
        panel: JudgePanel,
        resolver: Resolver,
        refusal: Callable[[str, Trust], Refused | None],
        clock: Clock,
        contexts: TlsContexts,
    ) -> None:
        self._options = options
        self._check = check
        self._panel = panel
        self._resolver = resolver
        self._refusal = refusal
        self._clock = clock
        self._contexts = contexts

    async def visit(self, record: Record, scheme: Scheme, target: Target) -> Observation:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._options.timeout
        path = record.path(scheme)
        mode = None if path is None else carries(path, target)
        if mode is None:
            why = Failure(Stage.CONNECT, Reason.LOCAL_LIMIT, "nothing shows that this path carries such requests")
            return self._failed(record, scheme, target, why)
        address = await self._address(record, deadline)
        if isinstance(address, Failure):
            return self._failed(record, scheme, target, address)
        try:
            exchange = self._exchange(record, scheme, target, mode)
        except LocalProtocolError as error:
            # A name that this scheme cannot carry (SOCKS4), say: not asked is not failed.
            why = Failure(Stage.CONNECT, Reason.LOCAL_LIMIT, printable(str(error)))
            return self._failed(record, scheme, target, why)
        await exchange.run(
            address,
            record.endpoint.port,
            connect_timeout=self._check.connect_timeout,
            handshake_timeout=self._check.handshake_timeout,
            deadline=deadline,
        )
        if exchange.failure is not None:
            return self._failed(record, scheme, target, exchange.failure)
        if exchange.status == 407 and mode == "forward":
            why = Failure(Stage.HANDSHAKE, Reason.AUTH, "the proxy wants a password")
            return self._failed(record, scheme, target, why)
        verdict = judge_page(target, exchange.status, exchange.head, exchange.body)
        return self._judged(record, scheme, target, verdict)

    def _exchange(self, record: Record, scheme: Scheme, target: Target, mode: Mode) -> Exchange:
        forward = mode == "forward"
        asked = f"http://{target.authority}{target.path}" if forward else target.path
        headers = [
            ("Host", target.authority),
            ("User-Agent", target.user_agent or USER_AGENT),
            ("Accept", "text/html,*/*;q=0.8"),
            ("Accept-Language", "en"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        credentials = record.credentials
        if forward and credentials is not None:
            value = basic_credentials(credentials.username, credentials.password)
            headers.append(("Proxy-Authorization", value))
        plan = None
        if not forward or scheme is not Scheme.HTTP:
            place = Place(target.host, target.port, self._contexts.target if target.tls else None)
            plan = UpstreamPlan(record.proxy(scheme), place, mode, self._contexts.proxy)
        request = encode_request_head("GET", asked, headers)
        return PageExchange(asyncio.get_running_loop(), self._panel.wheel, request, plan, SEARCHED_BYTES)

    async def _address(self, record: Record, deadline: float) -> str | Failure:
        host = record.endpoint.host
        refused = self._refusal(host, record.trust)
        if refused is not None:
            return Failure(Stage.RESOLVE, Reason.DENIED, f"the address may not be dialled: {refused.value}")
        if is_ip(host):
            return host
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._resolver.resolve(host, record.endpoint.port, record.trust)
        except TimeoutError:
            return timeout_failure(Stage.RESOLVE)
        except (ResolveError, OSError) as error:
            return failure_from(error, Stage.RESOLVE)
        return addresses[0] if addresses else Failure(Stage.RESOLVE, Reason.UNREACHABLE, "no address")

    # -- what it shows -----------------------------------------------------------------------------------------

    def _judged(self, record: Record, scheme: Scheme, target: Target, verdict: PageVerdict) -> Observation:
        return Observation(
            record.key,
            Kind.PROBE,
            self._clock.now(),
            verdict.right,
            scheme,
            verdict.failure,
            None if verdict.failure is None else blame(verdict.failure, vantage_healthy=True, target_vouched=False),
            target=target.name,
            ban=verdict.ban,
            retry_after=verdict.retry_after,
        )

    def _failed(self, record: Record, scheme: Scheme, target: Target, failure: Failure) -> Observation:
        healthy = self._panel.healthy or not is_doubtful(failure)
        fault = blame(failure, vantage_healthy=healthy, target_vouched=False)
        # Without times: how long a page takes is no measure of the path.
        return Observation(record.key, Kind.PROBE, self._clock.now(), False, scheme, failure, fault, target=target.name)
