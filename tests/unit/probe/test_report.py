"""Outcomes as observations and as one result."""

from __future__ import annotations

from shoal.domain import Anonymity, Blame, Capability, Failure, Honesty, Reason, Scheme, Stage, Timing, Trust
from shoal.domain.health import Health
from shoal.domain.record import Path
from shoal.policy.discovery import Attempt, Judges, Situation
from shoal.policy.verdict import Outcome
from shoal.probe.report import result_of

FORWARD = Attempt(Scheme.HTTP, "forward")
TUNNEL = Attempt(Scheme.HTTP, "tunnel", True)
DOCUMENT = Attempt(Scheme.HTTP, "forward", False, True)
SOCKS = Attempt(Scheme.SOCKS5, "tunnel")
CONNECT = Failure(Stage.CONNECT, Reason.REFUSED)
DENIED = Failure(Stage.TUNNEL, Reason.DENIED)
CHANGED = Failure(Stage.CONTENT, Reason.MISMATCH)


def report(*outcomes, blames=None, full=False, known=False, cut=False):
    paths = (Path(Scheme.HTTP, Health.of(last_ok=1.0)),) if known else ()
    situation = Situation((), paths, 80, Trust.PUBLIC, full, Judges(True, True))
    faults = blames or [None if outcome.failure is None else Blame.PROXY for outcome in outcomes]
    return result_of("key", 5.0, situation, outcomes, faults, cut)


def good(attempt, total=1.0):
    return Outcome(attempt, None, "203.0.113.1", Anonymity.ELITE, False, Timing(0.1, 0.2, 0.5, total), "http://j/")


def test_one_good_exchange_is_one_observation():
    result = report(good(FORWARD), known=True)
    assert result.works
    assert (result.schemes, result.capabilities, result.latency) == ((Scheme.HTTP,), ("forward",), 1.0)
    (seen,) = result.observations
    assert (seen.key, seen.at, seen.scheme, seen.works, seen.judge) == ("key", 5.0, Scheme.HTTP, True, "http://j/")
    assert not seen.facts.profiled


def test_a_failed_connect_counts_for_all_paths():
    result = report(Outcome(FORWARD, CONNECT))
    assert [seen.scheme for seen in result.observations] == [None]
    assert (result.failure, result.blame) == (CONNECT, Blame.PROXY)


def test_a_connect_that_fails_later_belongs_to_its_scheme():
    result = report(good(SOCKS), Outcome(FORWARD, CONNECT))
    assert [(seen.scheme, seen.works) for seen in result.observations] == [
        (Scheme.SOCKS5, True),
        (Scheme.HTTP, False),
    ]
    assert result.failure is None


def test_a_lesser_failure_stands_beside_a_path_that_works():
    (seen,) = report(good(FORWARD), Outcome(DOCUMENT), Outcome(TUNNEL, DENIED)).observations
    assert seen.works
    assert (seen.failure, seen.blame) == (DENIED, Blame.PROXY)
    assert seen.facts.cannot == {Capability.TUNNEL}
    assert seen.facts.honesty is Honesty.CLEAN
    assert seen.facts.profiled


def test_a_profile_that_was_cut_short_is_open():
    assert not report(good(FORWARD), cut=True).observations[0].facts.profiled
    lost = Outcome(DOCUMENT, Failure(Stage.RECEIVE, Reason.EOF))
    assert not report(good(FORWARD), lost).observations[0].facts.profiled
    assert report(good(FORWARD), Outcome(DOCUMENT, CHANGED)).observations[0].facts.profiled


def test_the_failure_that_came_furthest_is_told():
    silent = Outcome(SOCKS, Failure(Stage.HANDSHAKE, Reason.TIMEOUT))
    result = report(silent, Outcome(FORWARD, Failure(Stage.RECEIVE, Reason.BAD_STATUS)))
    assert result.failure.kind == "receive.bad_status"
    assert not result.works


def test_a_scheme_that_failed_for_our_sake_excuses_what_was_made_of_others():
    foreign = Outcome(FORWARD, Failure(Stage.RECEIVE, Reason.EOF))
    spoilt = Outcome(SOCKS, Failure(Stage.RECEIVE, Reason.TIMEOUT))
    for outcomes, blames in [
        ((foreign, spoilt), [Blame.PROXY, Blame.LOCAL]),
        ((spoilt, foreign), [Blame.TARGET, Blame.PROXY]),
    ]:
        result = report(*outcomes, blames=blames)
        (seen,) = result.observations
        assert seen.scheme is None
        assert (result.failure, result.blame) == (spoilt.failure, blames[outcomes.index(spoilt)])
    # What is verified had its turn by itself, and danger is told whatever else failed.
    assert len(report(foreign, spoilt, blames=[Blame.PROXY, Blame.LOCAL], known=True).observations) == 2
    changed = Outcome(DOCUMENT, CHANGED)
    assert report(changed, spoilt, blames=[Blame.PROXY, Blame.LOCAL]).honesty is Honesty.TAMPERS


def test_danger_on_any_path_is_told():
    assert report(good(FORWARD), Outcome(DOCUMENT, CHANGED), good(SOCKS)).honesty is Honesty.TAMPERS
    assert report(Outcome(FORWARD, CHANGED)).honesty is Honesty.FAKES


def test_the_fastest_path_gives_the_latency():
    assert report(good(FORWARD, 3.0), good(SOCKS, 2.0)).latency == 2.0


SHORT = Failure(Stage.CONNECT, Reason.LOCAL_LIMIT)
EOF = Failure(Stage.RECEIVE, Reason.EOF)


def test_a_shortage_of_our_own_is_the_result_however_far_another_scheme_came():
    """Blaming whoever did not answer in HTTP would blame every SOCKS proxy that our descriptors did not suffice for."""
    outcomes = (Outcome(FORWARD, EOF), Outcome(SOCKS, SHORT))
    result = report(*outcomes, blames=[Blame.PROXY, Blame.LOCAL])
    assert (result.failure, result.blame) == (SHORT, Blame.LOCAL)
    assert [(seen.scheme, seen.failure, seen.blame) for seen in result.observations] == [(None, SHORT, Blame.LOCAL)]
    # What is known of a path stands, and the check is made again.
    result = report(*outcomes, blames=[Blame.PROXY, Blame.LOCAL], known=True)
    assert (result.failure, result.blame) == (SHORT, Blame.LOCAL)
    assert [seen.blame for seen in result.observations] == [Blame.PROXY, Blame.LOCAL]
    # Whoever worked in one scheme works.
    assert report(good(FORWARD), Outcome(SOCKS, SHORT), blames=[None, Blame.LOCAL]).works
