"""When it is us."""

from __future__ import annotations

from shoal.domain import Blame, CheckResult, Failure, Kind, Observation, Reason, Scheme, Stage
from shoal.policy.vantage import LONGEST, MIN_PROXIES, WINDOW, Sighting, all_at_once, excused, may_go_on, net_of


def seen(number, ok, at=100.0, net=None):
    return Sighting(f"p{number}", net or f"10.0.{number}", at, ok)


def test_most_good_proxies_failing_within_a_minute_is_us():
    many = [seen(n, n % 10 < 3) for n in range(20)]
    assert all_at_once(many, 100.0)
    assert not all_at_once(many, 100.0 + WINDOW + 1)
    assert not all_at_once([seen(n, n % 10 < 4) for n in range(20)], 100.0)


def test_few_proxies_or_one_network_prove_nothing():
    assert not all_at_once([seen(n, False) for n in range(MIN_PROXIES - 1)], 100.0)
    assert not all_at_once([seen(n, False, net=f"10.0.{n % 3}") for n in range(50)], 100.0)
    assert not all_at_once([], 0.0)


def test_it_goes_on_when_most_work_again_or_when_it_lasts():
    assert may_go_on(10, 6, 0.0, 5.0)
    assert not may_go_on(10, 7, 0.0, 5.0)
    assert not may_go_on(0, 0, 0.0, 5.0)
    assert may_go_on(10, 10, 0.0, LONGEST)


def test_neighbourhoods():
    assert net_of("192.0.2.7") == net_of("192.0.2.9") == "192.0.2"
    assert net_of("2001:db8:1::1") == "2001:db8:1"
    assert net_of("proxy.example") == "proxy.example"


def test_an_excused_result_blames_no_proxy():
    failure = Failure(Stage.RECEIVE, Reason.TIMEOUT)
    one = Observation("k", Kind.PROBE, 1.0, False, Scheme.HTTP, failure, Blame.PROXY)
    result = excused(CheckResult("k", (one,), False, failure=failure, blame=Blame.PROXY))
    assert result.blame is result.observations[0].blame is Blame.LOCAL
    assert result.failure == failure
