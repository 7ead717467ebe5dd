"""Checks one record: asks policy what to try, tries it, and puts what was proved into observations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from shoal.domain import (
    Blame,
    CheckResult,
    Failure,
    Kind,
    Observation,
    Reason,
    Record,
    Refused,
    Stage,
    Trust,
)
from shoal.domain.address import is_ip
from shoal.options import CheckOptions
from shoal.policy.attribution import blame, is_doubtful
from shoal.policy.discovery import next_attempt, situation_of
from shoal.policy.verdict import Outcome
from shoal.ports import Clock, ResolveError, Resolver
from shoal.probe.attempts import Attempts
from shoal.probe.panel import JudgePanel
from shoal.probe.report import result_of
from shoal.probe.seat import Seat
from shoal.upstream import TlsContexts, failure_from, timeout_failure

PROOF_SHARE: Final = 0.25
"""A failure counts against a proxy when judge and network proved well in the last quarter of the attempt or since: then
the proxy had three quarters of it to do its work."""


class NetProber:
    """Implements ``ports.Prober`` over real sockets. How many checks run at once is the caller's affair.

    ``refusal`` guards literal addresses at dial time as the resolver guards names; ``nonce`` gives 32 hexadecimal
    digits that nobody can guess.
    """

    __slots__ = ("_attempts", "_clock", "_options", "_panel", "_refusal", "_resolver")

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
        self._attempts = Attempts(options, panel, nonce, contexts)

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        """One check, within ``CheckOptions.timeout`` and the time a judge takes to confirm that it is well."""
        panel = self._panel
        outcomes: list[Outcome] = []
        situation = situation_of(record, full, panel.at_hand)
        attempt = next_attempt(situation, outcomes)
        if attempt is None:
            return self._unasked(record, self._no_judge())
        loop = asyncio.get_running_loop()
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
        cut = silent = False
        while attempt is not None:
            started = loop.time()
            if started >= deadline:
                cut = True
                break
            signs = attempt.page != "" or attempt.pages != ()
            seat = panel.pick(tls=attempt.tls, documents=attempt.document, signs=signs)
            if seat is None:
                # The last judge of its kind fell silent in the middle of this check.
                cut = silent = True
                break
            if not seat.judge.own:
                await panel.wait_turn(seat)
                # Waiting for our own politeness must not eat the proxy's time.
                waited = loop.time() - started
                started += waited
                deadline += waited
            outcome = await self._attempts.make(record, attempt, seat, host, started, deadline)
            outcomes.append(outcome)
            failure = outcome.failure
            if seat.judge.key is not None and outcome.works:
                # Signed, so it proves the judge; what a proxy could have made up itself proves nothing.
                seat.proven = loop.time()
            blames.append(None if failure is None else await self._blame(failure, seat, started, loop.time()))
            attempt = next_attempt(situation, outcomes)
        if not outcomes or (silent and not situation.paths and not any(outcome.works for outcome in outcomes)):
            # What it made of the schemes that were tried says nothing of the one that had no turn.
            return self._unasked(record, self._no_judge())
        return result_of(record.key, self._clock.now(), situation, outcomes, blames, cut)

    # -- one attempt -------------------------------------------------------------------------------------------

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
        healthy, vouched = await self._panel.confirm(seat if beyond else None, since, started)
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
