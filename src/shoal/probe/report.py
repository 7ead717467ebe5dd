"""What was tried, as observations for the recorder and one result for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
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
    Stage,
)
from shoal.policy.discovery import Situation
from shoal.policy.verdict import Outcome, facts_of, honesty_of

_STAGES: Final = {stage: rank for rank, stage in enumerate(Stage)}


def result_of(
    key: str, at: float, situation: Situation, outcomes: Sequence[Outcome], blames: Sequence[Blame | None], cut: bool
) -> CheckResult:
    """One observation for each scheme that was tried, or one for all when the host did not even accept a connection.

    ``cut`` says that the check ended before it had done all it wanted.
    """
    first = outcomes[0]
    if len(outcomes) == 1 and first.failure is not None and first.failure.stage is Stage.CONNECT:
        return _whole(key, at, first, blames[0], first.moved)
    if not situation.paths:
        number = _spoilt(outcomes, blames)
        if number is not None:
            return _whole(key, at, outcomes[number], blames[number], sum([outcome.moved for outcome in outcomes]))
    # A profile is taken when it is known whether content survives: what did not arrive is asked for again soon.
    profile = not cut and (situation.full or not situation.paths)
    if len(outcomes) == 1:
        return _one(key, at, first, blames[0], profile)
    observations: list[Observation] = []
    for scheme in dict.fromkeys([outcome.attempt.scheme for outcome in outcomes]):
        numbers = [number for number, outcome in enumerate(outcomes) if outcome.attempt.scheme is scheme]
        mine = [outcomes[number] for number in numbers]
        observations.append(_observe(key, at, mine, [blames[number] for number in numbers], profile))
    return summarise(key, tuple(observations), sum([outcome.moved for outcome in outcomes]))


def _spoilt(outcomes: Sequence[Outcome], blames: Sequence[Blame | None]) -> int | None:
    """The last attempt of a discovery that failed for what we, or the judge, lacked: that may have been the proxy's own
    scheme, and what it made of others is then no failure of its. None where nothing did, or where something was found
    out all the same."""
    for outcome in outcomes:
        said = honesty_of(outcome)
        if outcome.works or (said is not None and said.is_dangerous):
            return None
    for number in range(len(blames) - 1, -1, -1):
        if blames[number] in (Blame.LOCAL, Blame.TARGET):
            return number
    return None


def _whole(key: str, at: float, outcome: Outcome, at_fault: Blame | None, moved: int) -> CheckResult:
    """One failure for all schemes."""
    seen = Observation(key, Kind.PROBE, at, False, None, outcome.failure, at_fault, outcome.timing)
    return CheckResult(key, (seen,), False, failure=outcome.failure, blame=at_fault, bytes_used=moved)


def _is_short(failure: Failure | None) -> bool:
    """Our own system lacked something, which ended the check."""
    return failure is not None and failure.reason is Reason.LOCAL_LIMIT


def _observe(
    key: str, at: float, outcomes: Sequence[Outcome], blames: Sequence[Blame | None], profile: bool
) -> Observation:
    """One observation of all that happened on one scheme."""
    best = outcomes[0]
    works = serious = False
    failure: Failure | None = None
    at_fault: Blame | None = None
    for outcome, found in zip(outcomes, blames, strict=True):
        if outcome.failure is not None:
            said = honesty_of(outcome)
            dishonest = said is not None and said.is_dangerous
            # What shows dishonesty is the thing to tell, whatever failed before it.
            if failure is None or (dishonest and not serious):
                failure, at_fault, serious = outcome.failure, found, dishonest
        if not works and outcome.works:
            works = True
            best = outcome
        if outcome.attempt.document and outcome.failure is not None and outcome.failure.stage is not Stage.CONTENT:
            profile = False
    facts = facts_of(outcomes, profile and works)
    scheme = best.attempt.scheme
    return Observation(key, Kind.PROBE, at, works, scheme, failure, at_fault, best.timing, facts, None, best.judge)


def _one(key: str, at: float, outcome: Outcome, at_fault: Blame | None, profile: bool) -> CheckResult:
    """The same for a single exchange, which most checks are: nothing is gathered, sorted or merged."""
    attempt = outcome.attempt
    facts = facts_of((outcome,), profile and outcome.failure is None)
    seen = Observation(
        key,
        Kind.PROBE,
        at,
        outcome.works,
        attempt.scheme,
        outcome.failure,
        at_fault,
        outcome.timing,
        facts,
        None,
        outcome.judge,
    )
    if outcome.failure is not None:
        return summarise(key, (seen,), outcome.moved)
    return CheckResult(
        key,
        (seen,),
        True,
        (attempt.scheme,),
        _spelled(facts.can),
        facts.anonymity or Anonymity.UNKNOWN,
        Honesty.UNKNOWN,
        facts.exit,
        None,
        outcome.timing.total,
        None,
        None,
        outcome.moved,
    )


@lru_cache(maxsize=64)
def _spelled(capabilities: frozenset[Capability]) -> tuple[str, ...]:
    return tuple(sorted(capability.value for capability in capabilities))


def summarise(key: str, observations: tuple[Observation, ...], moved: int = 0) -> CheckResult:
    """What a user is told: the working paths together, or the failure that came furthest (a shortage of our own before
    any other: the check did not come to its end); ``moved`` bytes both ways."""
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
            bytes_used=moved,
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
        # It works, and yet something is to be told: what was changed on the way.
        next((seen.failure for seen in working if _is_dishonest(seen)), None),
        bytes_used=moved,
    )


def _is_dishonest(seen: Observation) -> bool:
    honesty = None if seen.facts is None else seen.facts.honesty
    return honesty is not None and honesty.is_dangerous


def _rank(failure: Failure | None) -> int:
    if failure is None:
        return -1
    return len(_STAGES) if _is_short(failure) else _STAGES[failure.stage]


def _worst(found: list[Honesty | None]) -> Honesty:
    known = [honesty for honesty in found if honesty is not None]
    return next((honesty for honesty in known if honesty.is_dangerous), known[0] if known else Honesty.UNKNOWN)
