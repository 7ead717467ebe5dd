"""Checks one record: asks policy what to try, tries it, and puts what was proved into observations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from shoal.domain import (
    Anonymity,
    Blame,
    Capability,
    CheckResult,
    Facts,
    Failure,
    Honesty,
    Kind,
    Observation,
    Reason,
    Record,
    Refused,
    Scheme,
    Stage,
    Timing,
    Trust,
)
from shoal.domain.address import is_ip
from shoal.options import CheckOptions
from shoal.policy.attribution import blame, is_doubtful
from shoal.policy.discovery import Attempt, Situation, next_attempt, situation_of
from shoal.policy.verdict import Outcome, anonymity_of, facts_of
from shoal.ports import Clock, ResolveError, Resolver
from shoal.probe.connection import Exchange
from shoal.probe.dialects import document_body, read_echo
from shoal.probe.panel import JudgePanel
from shoal.probe.seat import Seat
from shoal.upstream import Target, TlsContexts, UpstreamPlan, failure_from, status_failure, timeout_failure
from shoal.wire import LocalProtocolError, basic_credentials

PROOF_SHARE: Final = 0.25
"""A failure counts against a proxy when judge and network proved well in the last quarter of the attempt or since: then
the proxy had three quarters of it to do its work."""

CLOCK_STEP: Final = 0.0005
"""Seconds: half a step of uvloop's clock, since 0 would mean that a milestone was not reached."""

_STAGES: Final = {stage: rank for rank, stage in enumerate(Stage)}


class NetProber:
    """Implements ``ports.Prober`` over real sockets. How many checks run at once is the caller's affair.

    ``refusal`` guards literal addresses at dial time as the resolver guards names; ``nonce`` gives 32 hexadecimal
    digits that nobody can guess.
    """

    __slots__ = ("_clock", "_contexts", "_nonce", "_options", "_panel", "_refusal", "_resolver")

    def __init__(
        self,
        options: CheckOptions,
        panel: JudgePanel,
        resolver: Resolver,
        refusal: Callable[[str, Trust], Refused | None],
        clock: Clock,
        nonce: Callable[[], str],
        contexts: TlsContexts,
    ) -> None:
        self._options = options
        self._panel = panel
        self._resolver = resolver
        self._refusal = refusal
        self._clock = clock
        self._nonce = nonce
        self._contexts = contexts

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        """One check, within ``CheckOptions.timeout`` and the time a judge takes to confirm that it is well."""
        panel = self._panel
        outcomes: list[Outcome] = []
        situation = situation_of(record, full, panel.at_hand)
        loop = asyncio.get_running_loop()
        attempt = next_attempt(situation, outcomes)
        if attempt is None:
            return self._unasked(record, self._no_judge())
        started = loop.time()
        deadline = started + self._options.timeout
        host = record.endpoint.host
        refused = self._refusal(host, record.trust)
        if refused is not None:
            why = Failure(Stage.RESOLVE, Reason.DENIED, f"the address may not be dialled: {refused.value}")
            return self._unasked(record, why)
        if not is_ip(host):
            found = await self._resolve(record, deadline)
            if isinstance(found, Failure):
                return self._unasked(record, found, await self._blame(found, None, started, loop.time()))
            host = found
        blames: list[Blame | None] = []
        cut = False
        while attempt is not None:
            started = loop.time()
            if started >= deadline:
                cut = True
                break
            seat = panel.pick(tls=attempt.tls, documents=attempt.document)
            if seat is None:
                # The last judge of its kind fell silent in the middle of this check.
                cut = True
                break
            if not seat.judge.own:
                await panel.wait_turn(seat)
                # Waiting for our own politeness must not eat the proxy's time.
                waited = loop.time() - started
                started += waited
                deadline += waited
            outcome = await self._attempt(record, attempt, seat, host, started, deadline)
            outcomes.append(outcome)
            failure = outcome.failure
            if failure is None:
                if seat.judge.key is not None and not attempt.document:
                    # Signed, so it proves the judge; what a proxy could have made up itself proves nothing.
                    seat.proven = loop.time()
                blames.append(None)
            else:
                blames.append(await self._blame(failure, seat, started, loop.time()))
            attempt = next_attempt(situation, outcomes)
        if not outcomes:
            return self._unasked(record, self._no_judge())
        return self._result(record, situation, outcomes, blames, cut)

    # -- one attempt -------------------------------------------------------------------------------------------

    async def _attempt(
        self, record: Record, attempt: Attempt, seat: Seat, address: str, started: float, deadline: float
    ) -> Outcome:
        options = self._options
        panel = self._panel
        judge = seat.judge
        forward = attempt.mode == "forward"
        nonce = self._nonce()
        template = seat.template(attempt.document, forward)
        plan: UpstreamPlan | None = None
        named = judge.named and not attempt.by_address
        try:
            authorization = None
            if forward and record.credentials is not None:
                authorization = basic_credentials(record.credentials.username, record.credentials.password)
            if not forward or attempt.scheme is not Scheme.HTTP:
                host = judge.host if named else _literal(seat, attempt.scheme)
                target = Target(host, judge.port, self._contexts.target if attempt.tls else None, judge.host)
                plan = UpstreamPlan(record.proxy(attempt.scheme), target, attempt.mode, self._contexts.proxy)
        except LocalProtocolError as error:
            # These credentials, or this address, cannot be said in this scheme.
            return Outcome(attempt, Failure(Stage.HANDSHAKE, Reason.MALFORMED, str(error)), judge=judge.url)
        if attempt.share < 1.0:
            deadline = min(deadline, started + max(options.connect_timeout, (deadline - started) * attempt.share))
        exchange = Exchange(
            asyncio.get_running_loop(),
            panel.wheel,
            template.request(nonce, authorization),
            plan,
            options.answer_limit_bytes,
        )
        await exchange.run(
            address,
            record.endpoint.port,
            connect_timeout=options.connect_timeout,
            handshake_timeout=options.handshake_timeout,
            deadline=deadline,
        )
        if exchange.ready != 0.0:
            panel.charge(seat)
        begun = exchange.started
        timing = Timing(
            (exchange.connected - begun or CLOCK_STEP) if exchange.connected else 0.0,
            (exchange.ready - begun or CLOCK_STEP) if exchange.ready else 0.0,
            (exchange.first_byte - begun or CLOCK_STEP) if exchange.first_byte else 0.0,
            exchange.ended - begun or CLOCK_STEP,
        )
        failure = exchange.failure
        if failure is None and exchange.status != 200:
            failure = status_failure(exchange.status, exchange.reason)
        if failure is not None:
            return Outcome(attempt, failure, timing=timing, judge=judge.url)
        if attempt.document:
            if exchange.body != document_body():
                failure = Failure(Stage.CONTENT, Reason.MISMATCH, _difference(exchange.body))
            return Outcome(attempt, failure, timing=timing, judge=judge.url)
        echo = read_echo(judge, exchange.body, nonce)
        if echo.nonce_ok is not True:
            why = "an answer that is not the judge's" if echo.address is None else "the nonce did not come back"
            return Outcome(attempt, Failure(Stage.CONTENT, Reason.MISMATCH, why), timing=timing, judge=judge.url)
        anonymity = anonymity_of(echo, panel.own, template.headers, seat.baseline)
        return Outcome(attempt, None, echo.address, anonymity, named, timing, judge.url)

    async def _resolve(self, record: Record, deadline: float) -> str | Failure:
        endpoint = record.endpoint
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._resolver.resolve(endpoint.host, endpoint.port, record.trust)
        except TimeoutError:
            return timeout_failure(Stage.RESOLVE)
        except (ResolveError, OSError) as error:
            return failure_from(error, Stage.RESOLVE)
        return addresses[0] if addresses else Failure(Stage.RESOLVE, Reason.UNREACHABLE, "no address")

    async def _blame(self, failure: Failure, seat: Seat | None, started: float, ended: float) -> Blame:
        if not is_doubtful(failure):
            return blame(failure, vantage_healthy=self._panel.healthy)
        # A failed connect says nothing of the judge: any judge proves our network.
        beyond = failure.stage not in (Stage.RESOLVE, Stage.CONNECT)
        since = ended - (ended - started) * PROOF_SHARE
        healthy, vouched = await self._panel.confirm(seat if beyond else None, since)
        if healthy and beyond and not vouched:
            # The judge went down under the proxy, which cannot be told from a proxy that lost its way to it.
            return Blame.TARGET
        return blame(failure, vantage_healthy=healthy)

    # -- the result --------------------------------------------------------------------------------------------

    def _no_judge(self) -> Failure:
        why = "no judge that carries a nonce is known" if self._panel.healthy else "no judge answers us directly"
        return Failure(Stage.CONNECT, Reason.LOCAL_LIMIT, why)

    def _unasked(self, record: Record, failure: Failure, at_fault: Blame | None = None) -> CheckResult:
        """Nothing was dialled."""
        if at_fault is None:
            at_fault = blame(failure, vantage_healthy=self._panel.healthy)
        seen = Observation(record.key, Kind.PROBE, self._clock.now(), False, None, failure, at_fault)
        return CheckResult(record.key, (seen,), False, failure=failure, blame=at_fault)

    def _result(
        self,
        record: Record,
        situation: Situation,
        outcomes: list[Outcome],
        blames: list[Blame | None],
        cut: bool,
    ) -> CheckResult:
        at = self._clock.now()
        key = record.key
        first = outcomes[0]
        if len(outcomes) == 1 and first.failure is not None and first.failure.stage is Stage.CONNECT:
            failure, at_fault = first.failure, blames[0]
            seen = Observation(key, Kind.PROBE, at, False, None, failure, at_fault, first.timing)
            return CheckResult(key, (seen,), False, failure=failure, blame=at_fault)
        profile = not cut and (situation.full or not situation.paths)
        if len(outcomes) == 1:
            seen = _observe(key, at, outcomes, blames, profile)
            return _told_of_one(seen) if seen.works else summarise(key, (seen,))
        observations: list[Observation] = []
        for scheme in dict.fromkeys([outcome.attempt.scheme for outcome in outcomes]):
            numbers = [number for number, outcome in enumerate(outcomes) if outcome.attempt.scheme is scheme]
            mine = [outcomes[number] for number in numbers]
            observations.append(_observe(key, at, mine, [blames[number] for number in numbers], profile))
        return summarise(key, tuple(observations))


def _observe(
    key: str, at: float, outcomes: Sequence[Outcome], blames: Sequence[Blame | None], profile: bool
) -> Observation:
    """One observation of all that happened on one scheme."""
    best = outcomes[0]
    works = False
    failure: Failure | None = None
    at_fault: Blame | None = None
    for outcome, found in zip(outcomes, blames, strict=True):
        if outcome.failure is not None:
            if failure is None:
                failure, at_fault = outcome.failure, found
        elif not works and outcome.works:
            works = True
            best = outcome
    facts = facts_of(outcomes, profile and works)
    scheme = best.attempt.scheme
    return Observation(key, Kind.PROBE, at, works, scheme, failure, at_fault, best.timing, facts, None, best.judge)


def _told_of_one(seen: Observation) -> CheckResult:
    facts = seen.facts
    assert facts is not None and seen.scheme is not None
    return CheckResult(
        seen.key,
        (seen,),
        True,
        (seen.scheme,),
        _spelled(facts.can),
        facts.anonymity or Anonymity.UNKNOWN,
        facts.honesty or Honesty.UNKNOWN,
        facts.exit,
        None,
        seen.timing.total,
    )


@lru_cache(maxsize=64)
def _spelled(capabilities: frozenset[Capability]) -> tuple[str, ...]:
    return tuple(sorted(capability.value for capability in capabilities))


def summarise(key: str, observations: tuple[Observation, ...]) -> CheckResult:
    """What a user is told: the working paths together, or the failure that came furthest."""
    working = [seen for seen in observations if seen.works]
    if not working:
        furthest = max(
            (seen for seen in observations if seen.failure is not None),
            key=lambda seen: _rank(seen.failure),
            default=None,
        )
        honesty = next((seen.facts.honesty for seen in observations if seen.facts and seen.facts.honesty), None)
        return CheckResult(
            key,
            observations,
            False,
            honesty=honesty or Honesty.UNKNOWN,
            failure=None if furthest is None else furthest.failure,
            blame=None if furthest is None else furthest.blame,
        )
    facts = [seen.facts or Facts() for seen in working]
    capabilities = frozenset().union(*(fact.can for fact in facts))
    return CheckResult(
        key,
        observations,
        True,
        tuple([seen.scheme for seen in working if seen.scheme is not None]),
        _spelled(capabilities),
        next((fact.anonymity for fact in facts if fact.anonymity is not None), Anonymity.UNKNOWN),
        _worst([fact.honesty for fact in facts]),
        next((fact.exit for fact in facts if fact.exit is not None), None),
        None,
        min(seen.timing.total for seen in working),
    )


def _rank(failure: Failure | None) -> int:
    return -1 if failure is None else _STAGES[failure.stage]


def _worst(found: list[Honesty | None]) -> Honesty:
    known = [honesty for honesty in found if honesty is not None]
    return next((honesty for honesty in known if honesty.is_dangerous), known[0] if known else Honesty.UNKNOWN)


def _literal(seat: Seat, scheme: Scheme) -> str:
    """The judge's address for a proxy that is not given its name."""
    if not seat.judge.named:
        return seat.judge.host
    if scheme is Scheme.SOCKS4:
        for address in seat.addresses:
            if ":" not in address:
                return address
    return seat.addresses[0] if seat.addresses else seat.judge.host


def _difference(body: bytes) -> str:
    expected = document_body()
    if len(body) != len(expected):
        return f"the fixed document came back changed: {len(body)} bytes instead of {len(expected)}"
    first = next(number for number, pair in enumerate(zip(body, expected, strict=True)) if pair[0] != pair[1])
    return f"the fixed document came back changed at byte {first}"
