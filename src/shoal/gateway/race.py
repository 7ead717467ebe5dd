"""A race: attempts for one demand, one after the other and, where one is slow, two side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from shoal.domain import Failure, Feedback, Pick
from shoal.gateway.attempt import Attempt
from shoal.gateway.choosing import Choice, Tried
from shoal.gateway.demand import Demand, Kind
from shoal.gateway.doubts import Doubts
from shoal.gateway.refusal import Refusal, all_failed, no_proxy, session_gone
from shoal.policy.retry import goes_on, hedge_delay, is_targets

if TYPE_CHECKING:
    from shoal.gateway.core import Core
    from shoal.upstream import Mode

_SIDE_BY_SIDE = 2


class Runner(Protocol):
    """Who wants an upstream. Either method ends the race until ``lost`` starts it again."""

    def upstream_ready(self, attempt: Attempt) -> None: ...

    def upstream_failed(self, refusal: Refusal) -> None: ...


class _Nobody:
    """The runner of a race that nobody waits for any more."""

    def upstream_ready(self, attempt: Attempt) -> None:
        attempt.transport.abort()

    def upstream_failed(self, refusal: Refusal) -> None:
        return


_NOBODY: Final = _Nobody()


class Race:
    """``start`` it once; the runner is told synchronously or later, never after ``cancel``.

    A winner on trial that fails before the target's first byte is given back with ``lost``, and the race goes on
    under the same deadline; ``proved`` ends the trial.

    ``reuse`` allows connections kept from before; ``careful`` prefers proxies that tunnel: what can be sent only once
    should not meet a proxy of which nothing has shown yet that it is alive.
    """

    __slots__ = (
        "_careful", "_core", "_doubts", "_hedge_timer", "_over", "_reuse", "_runner", "_running", "_tried",
        "deadline", "demand", "failures", "winner",
    )  # fmt: skip

    def __init__(
        self, core: Core, demand: Demand, runner: Runner, *, reuse: bool = False, careful: bool = False
    ) -> None:
        self._core = core
        self._runner = runner
        self._running: list[Attempt] = []
        self._tried = Tried()
        self._doubts = Doubts()
        self._hedge_timer: asyncio.TimerHandle | None = None
        self._over = False
        self._reuse = reuse
        self._careful = careful
        self.demand = demand
        self.failures: list[Failure] = []
        self.deadline = core.loop.time() + core.options.deadline
        self.winner: Attempt | None = None

    def start(self, first: Choice | None = None) -> None:
        """``first`` is an upstream that has been chosen already."""
        self._core.hedges.earn()
        if first is None or self._careful:
            self._launch()
        else:
            self._begin(*first)

    def adopt(self, attempt: Attempt) -> None:
        """This one has won before the race began."""
        self._over = True
        self.winner = attempt

    def cancel(self) -> None:
        """The client does not want it any more. Says nothing of the upstreams."""
        self._over = True
        self._settle()
        if self.winner is not None:
            self._core.chooser.leave(self.winner.pick)
            self.winner = None
        self.detach()

    def detach(self) -> None:
        """The race is over for good: without the runner no cycle is left that only the collector could free."""
        self._over = True
        self._runner = _NOBODY

    def lost(self, attempt: Attempt, failure: Failure) -> bool:
        """The winner failed before the target's first byte: True when another attempt is on its way."""
        self._forget_winner(attempt)
        if attempt.reused:
            # An idle connection that the upstream has closed meanwhile: says nothing of a fresh one.
            self._reuse = False
        else:
            self._note(attempt, failure)
            if not self._may_go_on(attempt):
                self._leave_doubts()
                return False
        self._over = False
        if self._launch(told=True):
            return True
        self._leave_doubts()
        return False

    def give_up(self, attempt: Attempt, failure: Failure) -> Refusal:
        """The winner failed, and what was sent cannot be sent again."""
        self._forget_winner(attempt)
        self._note(attempt, failure)
        self._leave_doubts()
        return all_failed(self.failures, timed_out=False)

    def believes(self, attempt: Attempt, status: int) -> bool:
        """Whether this doubtful answer has been given by enough upstreams."""
        return self._doubts.agree(attempt.pick, status, self._core.options.opinions)

    def ask_another(self, attempt: Attempt, status: int, failure: Failure, latency: float) -> bool:
        """The winner's answer may be its own: True when another upstream is being asked, which ends the winner's
        part; False when there is none, and this answer has to do."""
        if not goes_on([*self.failures, failure], self._core.options.attempts) or not self.has_time:
            return False
        tried = self._tried.with_(attempt.pick)
        choice = self._choose(tried, tunnel=True, again=False)
        if choice is None:
            return False
        self._doubts.add(attempt.pick, status, failure, latency)
        self.failures.append(failure)
        self._tried = tried
        self._forget_winner(attempt)
        self._over = False
        self._begin(*choice)
        return True

    def proved(self, attempt: Attempt, latency: float | None = None, status: int = 0) -> None:
        """The target's first byte came back; with a plain answer, its ``status``."""
        core = self._core
        core.answered(self.demand)
        if latency is not None:
            core.tally.first_byte.observe(latency)
        told = Feedback(ok=True, latency=latency, target=self.demand.target, status=status or None)
        self._report(attempt.pick, told)
        if self._doubts:
            self._doubts.settle(status, self.demand.target, self._report)
        if self.demand.params.session is not None:
            core.sessions.proved(self.demand)

    @property
    def has_time(self) -> bool:
        return self._core.loop.time() < self.deadline

    def refusal(self) -> Refusal:
        """Why there is no upstream."""
        params = self.demand.params
        if params.strict and params.session is not None and self.failures:
            return session_gone(params.session)
        if not self.failures and self.has_time:
            return no_proxy(self._core.chooser.why_none())
        return all_failed(self.failures, timed_out=not self.has_time)

    # -- called by attempts --------------------------------------------------------------------------------------

    def attempt_ready(self, attempt: Attempt) -> None:
        if self._over:
            attempt.transport.abort()
            return
        self._over = True
        self._running.remove(attempt)
        self._settle()
        self.winner = attempt
        self._runner.upstream_ready(attempt)

    def attempt_failed(self, attempt: Attempt, failure: Failure) -> None:
        if self._over:
            return
        self._running.remove(attempt)
        self._core.chooser.leave(attempt.pick)
        self._note(attempt, failure)
        if self._running and self._may_go_on(attempt):
            self._arm_hedge(self._running[0])
            return
        if self._running:
            return
        if not self._may_go_on(attempt) or not self._launch(told=True):
            self._finish()

    # -- inside --------------------------------------------------------------------------------------------------

    def _launch(self, *, told: bool = False) -> bool:
        """Start the next attempt; False (after telling the runner, unless ``told``) when there is none to start."""
        choice = self._choose(self._tried, tunnel=self._careful or bool(self._doubts)) if self.has_time else None
        if choice is None:
            if not told:
                self._finish()
            return False
        self._core.counters.retries += bool(self.failures)
        self._begin(*choice)
        return True

    def _choose(self, tried: Tried, *, tunnel: bool, again: bool = True) -> Choice | None:
        chooser = self._core.chooser
        choice = chooser.choose_tunnel(self.demand, tried) if tunnel else None
        return choice or chooser.choose(self.demand, tried, again=again)

    def _begin(self, pick: Pick, mode: Mode) -> None:
        core = self._core
        core.counters.dials += 1
        core.chooser.enter(pick, self.demand.target)
        attempt = Attempt(core, self, pick, mode)
        self._running.append(attempt)
        if self._reuse and (line := core.idle_upstreams.take(self.demand, pick, mode)) is not None:
            attempt.reused = True
            attempt.transport = line.transport
            core.counters.dials -= 1
            self.attempt_ready(attempt)
            return
        attempt.start(min(core.options.attempt_timeout, max(0.0, self.deadline - core.loop.time())))
        if self.demand.params.session is None:
            self._arm_hedge(attempt)

    def _arm_hedge(self, attempt: Attempt) -> None:
        core = self._core
        if self._hedge_timer is not None:
            self._hedge_timer.cancel()
            self._hedge_timer = None
        if core.options.hedge and len(self.failures) + len(self._running) < core.options.attempts:
            delay = hedge_delay(attempt.pick.path, tunnel=self.demand.kind is not Kind.PLAIN)
            self._hedge_timer = core.loop.call_later(delay, self._hedge)

    def _hedge(self) -> None:
        self._hedge_timer = None
        core = self._core
        if self._over or len(self._running) >= _SIDE_BY_SIDE or not core.hedges.spend():
            return
        tried = self._tried.with_(*(attempt.pick for attempt in self._running))
        choice = self._choose(tried, tunnel=self._careful or bool(self._doubts), again=False)
        remaining = self.deadline - core.loop.time()
        if choice is None or remaining <= 0.0:
            return
        core.counters.hedges += 1
        core.counters.dials += 1
        core.chooser.enter(choice[0], self.demand.target)
        attempt = Attempt(core, self, *choice)
        self._running.append(attempt)
        attempt.start(min(core.options.attempt_timeout, remaining))

    def _note(self, attempt: Attempt, failure: Failure) -> None:
        self.failures.append(failure)
        self._tried.add(attempt.pick)
        self._report(attempt.pick, Feedback(ok=False, failure=failure, target=self.demand.target))

    def _leave_doubts(self) -> None:
        """No answer came that could settle them."""
        if self._doubts:
            self._doubts.settle(None, self.demand.target, self._report)

    def _report(self, pick: Pick, feedback: Feedback) -> None:
        core = self._core
        if feedback.failure is not None:
            core.counters.failures += 1
            core.chooser.failed()
            core.tally.attempt_failures[feedback.failure.kind] += 1
            core.targets.attempt_failed(self.demand.target)
        core.service.report(pick.record.key, pick.proxy, feedback)

    def _may_go_on(self, attempt: Attempt) -> bool:
        if not goes_on(self.failures, self._core.options.attempts) or not self.has_time:
            return False
        if self.demand.params.session is None or is_targets(self.failures[-1]):
            return True
        return self._core.sessions.failed(self.demand, attempt.pick)

    def _finish(self) -> None:
        if self._over:
            return
        self._over = True
        self._settle()
        self._leave_doubts()
        self._runner.upstream_failed(self.refusal())

    def _forget_winner(self, attempt: Attempt) -> None:
        if self.winner is not None:
            self.winner = None
            self._core.chooser.leave(attempt.pick)

    def _settle(self) -> None:
        """Nothing of the race runs on."""
        if self._hedge_timer is not None:
            self._hedge_timer.cancel()
            self._hedge_timer = None
        for attempt in self._running:
            self._core.chooser.leave(attempt.pick)
            attempt.cancel()
        self._running.clear()
