"""What all connections of one gateway share."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from shoal.domain import Credentials, Endpoint, Pick, Proxy, Trust
from shoal.domain.address import is_ip
from shoal.domain.tally import GatewayTally
from shoal.errors import ConfigError, InvalidQueryError
from shoal.gateway.choosing import Chooser
from shoal.gateway.demand import Demand
from shoal.gateway.idle import IdleUpstreams
from shoal.gateway.quick_head import QuickFields
from shoal.gateway.refusal import Refusal
from shoal.gateway.service import GatewayService
from shoal.gateway.sessions import Sessions
from shoal.gateway.targets import Targets
from shoal.gateway.tasks import Tasks
from shoal.gateway.users import Users
from shoal.net.lag import LoopLag
from shoal.net.relay import Relay
from shoal.net.splice import PipePool
from shoal.options import GatewayOptions
from shoal.policy.gateway_params import GatewayParams, header_pairs, hyphen_pairs, read_params, underscore_pairs
from shoal.policy.retry import HedgeBudget
from shoal.policy.target_rules import TargetRules
from shoal.ports import ResolveError, Resolver
from shoal.upstream import TlsContexts

_PARAMS_CACHE = 4096
_QUICK_CACHE = 2048
_CONNECT_LIMIT_BYTES = 2048
_LITERALS = 65_536
_HALF_CLOSED_IDLE = 60.0
"""Seconds that a tunnel may stand still once one side has closed: its client has most likely gone."""
_ASKED_FOR = Trust.OWN


Seen = tuple[str, str, Pick | None, float, int, int]
"""User, target, upstream, loop time of the begin, bytes up and down of what is under way."""


class Swept(Protocol):
    """A connection that the sweeper looks after."""

    kind: str
    """What ``LiveConnection`` calls it."""

    def describe(self) -> Seen | None:
        """What is under way, None when nothing is."""
        ...

    def sweep(self, now: float) -> None:
        """End what has been idle for too long (loop time)."""
        ...

    def abort(self) -> None: ...

    @property
    def is_idle(self) -> bool:
        """Nothing is under way: may be closed when the gateway stops."""
        ...


class Counters:
    """What happened since the start."""

    __slots__ = (
        "bytes_down", "bytes_up", "clients", "dials", "failed", "failures", "hedges", "ok", "refused", "replays",
        "requests", "retries",
    )  # fmt: skip

    def __init__(self) -> None:
        self.clients = self.requests = self.dials = self.hedges = self.failures = self.replays = self.refused = 0
        self.bytes_up = self.bytes_down = self.ok = self.failed = self.retries = 0


class Core:
    """Made once by ``serve_gateway``."""

    def __init__(
        self,
        service: GatewayService,
        options: GatewayOptions,
        *,
        rules: TargetRules,
        resolver: Resolver,
        target_resolver: Resolver | None,
        contexts: TlsContexts,
        rng: Random,
        first_hop: Proxy | None,
        client_tls: ssl.SSLContext | None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.service = service
        self.options = options
        self.rules = rules
        self.resolver = resolver
        self.target_resolver = target_resolver
        self.contexts = contexts
        self.first_hop = first_hop
        self.client_tls = client_tls
        self.tasks = Tasks(self.loop)
        self.users = Users(options)
        self.sessions = Sessions(service, service.now, options.session_lifetime, options.max_sessions)
        self.doubtful_statuses = _statuses(options.doubtful_statuses)
        self.chooser = Chooser(service, self.sessions, rng, self.loop.time)
        self.hedges = HedgeBudget(options.hedge_share if options.hedge else 0.0)
        self.idle_upstreams = IdleUpstreams(self.loop)
        self.pipes = PipePool() if options.splice else None
        self.counters = Counters()
        self.tally = GatewayTally()
        self.targets = Targets(service.now)
        self.quick: dict[bytes, QuickFields] = {}
        """Blocks of header fields that were judged before; empty for ever where each request must be looked at."""
        self.connects: dict[bytes, Demand] = {}
        """Whole heads of CONNECT requests that were judged before."""
        self.hellos: dict[tuple[str, int, Credentials | None], bytes] = {}
        self.literals: dict[tuple[str, Trust], tuple[str, ...]] = {}
        """Addresses that may be dialled, by the rules of the resolver, which stay as they are."""
        self.live: set[Swept] = set()
        self.sent_away = 0
        """Clients beyond ``max_connections`` that are being told so."""
        self.lag = LoopLag()
        self.closing = False
        self._params: dict[tuple[str, str], GatewayParams] = {}

    def remember_fields(self, block: bytes, fields: QuickFields) -> None:
        if len(self.quick) >= _QUICK_CACHE:
            self.quick.clear()
        self.quick[block] = fields

    def remember_connect(self, head: bytes | None, demand: Demand) -> None:
        """``head`` as it came, None where it came in pieces."""
        if head is None or len(head) > _CONNECT_LIMIT_BYTES or not head.endswith(b"\r\n\r\n"):
            return
        if len(self.connects) >= _QUICK_CACHE:
            self.connects.clear()
        self.connects[head] = demand

    async def resolve(self, endpoint: Endpoint, trust: Trust) -> tuple[str, ...]:
        """Addresses of an upstream. Raises ResolveError."""
        addresses = await self.resolver.resolve(endpoint.host, endpoint.port, trust)
        if is_ip(endpoint.host):
            if len(self.literals) >= _LITERALS:
                self.literals.clear()
            self.literals[endpoint.host, trust] = addresses
        return addresses

    @property
    def is_overloaded(self) -> bool:
        """Requests are taken up later than is bearable: what comes now would be answered too late."""
        return self.lag.seconds() > self.options.max_lag

    def refuse(self, code: str) -> None:
        """A request that gets no answer of its target; ``code`` as in ``Refusal``."""
        self.counters.refused += 1
        self.tally.refusals[code] += 1

    def answered(self, demand: Demand) -> None:
        """A client got an answer of its target."""
        self.counters.ok += 1
        demand.user.ok += 1
        self.targets.answered(demand.target)

    def unanswered(self, demand: Demand) -> None:
        """A client did not."""
        self.counters.failed += 1
        demand.user.failed += 1
        self.targets.failed(demand.target)

    def read_params(self, hyphens: str, underscores: str, fields: Sequence[tuple[str, str]] = ()) -> GatewayParams:
        """Parameters from user name, password and header fields. Raises InvalidQueryError."""
        if fields and (extra := header_pairs(fields)):
            return read_params([*hyphen_pairs(hyphens), *underscore_pairs(underscores), *extra])
        key = (hyphens, underscores)
        params = self._params.get(key)
        if params is None:
            params = read_params([*hyphen_pairs(hyphens), *underscore_pairs(underscores)])
            if len(self._params) >= _PARAMS_CACHE:
                self._params.clear()
            self._params[key] = params
        return params

    def params_or_refusal(self, hyphens: str, underscores: str) -> GatewayParams | Refusal:
        try:
            return self.read_params(hyphens, underscores)
        except InvalidQueryError as error:
            return Refusal(400, "parameter", str(error))

    def judge_target(self, host: str, port: int) -> tuple[str, Refusal | None]:
        """The canonical host, or why it may not be reached."""
        canonical, why = self.rules.judge(host, port)
        return canonical, None if why is None else Refusal(403, "target_refused", why)

    async def resolve_target(self, demand: Demand) -> Refusal | None:
        """Where names are resolved here: the checked address is the one that upstreams are told."""
        if self.target_resolver is None:
            return None
        try:
            async with asyncio.timeout(self.options.deadline / 2):
                addresses = await self.target_resolver.resolve(demand.host, demand.port, _ASKED_FOR)
        except ResolveError as error:
            refused = error.refused is not None
            return Refusal(403 if refused else 502, "target_refused" if refused else "unreachable", str(error))
        except TimeoutError:
            return Refusal(504, "timeout", f"the name {demand.host} was not resolved in time")
        demand.dial_host = addresses[0]
        return None


def _statuses(texts: tuple[str, ...]) -> frozenset[int]:
    wrong = [text for text in texts if not (text.isascii() and text.isdigit() and 400 <= int(text) <= 599)]
    if wrong:
        raise ConfigError(f"gateway.doubtful_statuses holds statuses from 400 to 599, not {wrong[0]!r}")
    return frozenset(map(int, texts))


class RelayTicket:
    """Keeps the books of one relay: what it moved, for whom, through which upstream.

    ``on_trial`` is called once the target has sent anything, where that is not known yet. ``before`` are the bytes up
    and down that went before the relay began.
    """

    __slots__ = ("_begun", "_core", "_counted", "_demand", "_on_trial", "_pick", "_relay", "_user")
    kind = "tunnel"

    def __init__(
        self,
        core: Core,
        demand: Demand,
        pick: Pick,
        client: asyncio.Transport,
        upstream: asyncio.Transport,
        on_trial: Callable[[], None] | None = None,
        before: tuple[int, int] = (0, 0),
    ) -> None:
        self._on_trial = on_trial
        self._core = core
        self._demand = demand
        self._user = demand.user
        self._pick = pick
        self._counted = (-before[0], -before[1])
        self._begun = core.loop.time()
        self._relay = Relay(client, upstream, self._ended, core.pipes)
        self._relay.idle_since = self._begun
        core.live.add(self)
        self._relay.start()

    def sweep(self, now: float) -> None:
        options = self._core.options
        self._count()
        too_old = options.lifetime > 0.0 and now - self._begun > options.lifetime
        patience = min(options.idle, _HALF_CLOSED_IDLE) if self._relay.half_closed else options.idle
        if too_old or self._relay.idle(now) > patience or self._user.over_bytes(now):
            self._relay.abort()

    def abort(self) -> None:
        self._relay.abort()

    def describe(self) -> Seen:
        up, down = self._relay.counts
        return self._user.name, self._demand.target, self._pick, self._begun, up, down

    @property
    def is_idle(self) -> bool:
        return False

    def _count(self) -> None:
        up, down = self._relay.counts
        before_up, before_down = self._counted
        self._counted = (up, down)
        self._core.counters.bytes_up += up - before_up
        self._core.counters.bytes_down += down - before_down
        self._user.count(up - before_up, down - before_down)
        self._core.chooser.moved(self._pick, up + down - before_up - before_down)
        if down and self._on_trial is not None:
            self._on_trial()
            self._on_trial = None

    def _ended(self, relay: Relay) -> None:
        self._count()
        self._core.live.discard(self)
        self._core.chooser.leave(self._pick)
        self._user.connections -= 1
