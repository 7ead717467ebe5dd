"""The replay itself: lets a policy learn, check and serve step by step, and scores it one snapshot later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from statistics import fmean, median
from typing import Final

from msgspec import Struct

from shoal.replay.own import Own
from shoal.replay.policy import Policy, Rules, Served
from shoal.replay.rivals import DecayedShare, DropOnFailure, Oracle, ScoreLadder
from shoal.replay.trace import Trace

RIVALS: Final[dict[str, Callable[[Random], Policy]]] = {
    "drop_on_failure": DropOnFailure,
    "score_ladder": ScoreLadder,
    "decayed_share": DecayedShare,
    "oracle": Oracle,
}
_USUAL_STEP = 900.0
"""Seconds between snapshots that are expected until the trace has shown some."""


class Score(Struct, frozen=True):
    """``success``: share of all picks that worked, unfilled ones counted as failures. ``distinct``: different proxies
    a step, on average. ``brier``: mean squared error of the forecasts over the picks, None without forecasts."""

    success: float
    distinct: float
    brier: float | None
    steps: int
    reliability: tuple[tuple[float, float, int], ...] = ()
    """Per tenth of forecast: mean forecast, share that worked, picks."""


class Report(Struct, frozen=True):
    """The product's own score and those of its rivals."""

    own: Score
    policies: dict[str, Score]


def replay(
    trace: Trace,
    rules: Rules,
    *,
    rivals: Sequence[str] = tuple(RIVALS),
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Play the trace for the product and each rival; ``on_step`` is told steps done and steps in all."""
    plays: list[tuple[str, Policy]] = [("shoal", Own(rules, trace.protocol))]
    plays += [(name, RIVALS[name](Random(rules.seed))) for name in rivals]
    total = len(plays) * max(0, len(trace.times) - 1)
    scores = {}
    for number, (name, policy) in enumerate(plays):
        done = number * (len(trace.times) - 1)
        scores[name] = play(trace, rules, policy, lambda step, done=done: on_step(done + step, total))  # type: ignore[misc]
    return Report(scores["shoal"], scores)


def play(trace: Trace, rules: Rules, policy: Policy, on_step: Callable[[int], None] = lambda step: None) -> Score:
    """Play one policy over the trace."""
    tally = _Tally(rules)
    market = _Market(trace, rules)
    gaps: list[float] = []
    for index, now in enumerate(trace.times[:-1]):
        # What the proxies do next, and when, is looked at only after the picks.
        new = market.newly_listed(index)
        if new:
            policy.add(new, now)
        chosen = list(dict.fromkeys(policy.checks(rules.budget, now)))[: rules.budget]
        alive = market.alive(index)
        policy.learn([(proxy, proxy in alive) for proxy in chosen], now)
        if isinstance(policy, Oracle):
            policy.future = sorted(market.alive(index + 1) & market.known)
        step = median(gaps[-96:]) if gaps else _USUAL_STEP
        picks = policy.serve(rules.serve, rules.most, now, step)
        after = market.alive(index + 1)
        kept = tally.note(picks, after, scored=index >= rules.warmup)
        if rules.feedback:
            # All picks of one proxy in a step saw the same moment: one result.
            told = list(dict.fromkeys((pick.proxy, pick.proxy in after) for pick in kept))
            policy.learn(told, trace.times[index + 1])
        gaps.append(trace.times[index + 1] - now)
        on_step(index + 1)
    return tally.score()


class _Market:
    """Proxies as numbers, given out when they become known: dead ones and the first snapshot's in random order."""

    def __init__(self, trace: Trace, rules: Rules) -> None:
        self._trace = trace
        self._numbers: dict[str, int] = {}
        self._rng = Random(rules.seed)
        self._dead = rules.dead
        self.known: set[int] = set()

    def newly_listed(self, index: int) -> list[int]:
        # Sorted by name, since the order of a set differs between runs.
        names = sorted(name for name in self._trace.alive[index] if name not in self._numbers)
        if index == 0:
            names += [f"dead {number}" for number in range(self._dead)]
        self._rng.shuffle(names)
        for name in names:
            self._numbers[name] = len(self._numbers)
        found = [self._numbers[name] for name in names]
        self.known.update(found)
        return found

    def alive(self, index: int) -> frozenset[int]:
        """Known ones that work at a snapshot."""
        numbers = self._numbers
        return frozenset(numbers[name] for name in self._trace.alive[index] if name in numbers)


class _Tally:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._success: list[float] = []
        self._distinct: list[int] = []
        self._errors = 0.0
        self._forecasts = 0
        self._bins: dict[int, list[float]] = {}

    def note(self, picks: Sequence[Served], alive: frozenset[int], *, scored: bool) -> list[Served]:
        """Count the picks that the rules allow; the others are as good as unfilled."""
        counts: Counter[int] = Counter()
        kept = []
        for pick in picks[: self._rules.serve]:
            counts[pick.proxy] += 1
            if counts[pick.proxy] <= self._rules.most:
                kept.append(pick)
        if not scored:
            return kept
        self._success.append(sum(pick.proxy in alive for pick in kept) / self._rules.serve)
        self._distinct.append(len({pick.proxy for pick in kept}))
        for pick in kept:
            if pick.forecast is not None:
                ok = pick.proxy in alive
                self._errors += (pick.forecast - ok) ** 2
                self._forecasts += 1
                row = self._bins.setdefault(min(9, int(pick.forecast * 10)), [0.0, 0.0, 0.0])
                row[0] += pick.forecast
                row[1] += ok
                row[2] += 1.0
        return kept

    def score(self) -> Score:
        return Score(
            success=fmean(self._success) if self._success else 0.0,
            distinct=fmean(self._distinct) if self._distinct else 0.0,
            brier=self._errors / self._forecasts if self._forecasts else None,
            steps=len(self._success),
            reliability=tuple(
                (total / count, good / count, int(count)) for _, (total, good, count) in sorted(self._bins.items())
            ),
        )
