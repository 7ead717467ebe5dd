"""Draws that serve more than once while requests come fast."""

from __future__ import annotations

from collections import Counter

import pytest

from shoal.gateway.demand import Demand, Kind
from shoal.gateway.hands import _LIFE, _SIZE, _USES, Hands
from shoal.gateway.users import User
from shoal.options import GatewayOptions
from shoal.policy.gateway_params import GatewayParams

USER = User("", GatewayOptions())
PARAMS = GatewayParams()


class Pool:
    """Draws that can be told apart."""

    def __init__(self) -> None:
        self.now = 100.0
        self.draws = 0

    def __call__(self):
        self.draws += 1
        return (self.draws, "tunnel")


@pytest.fixture
def pool():
    return Pool()


@pytest.fixture
def hands(pool):
    return Hands(lambda: pool.now)


def demand(host="example.com", port=443, params=PARAMS, kind=Kind.TUNNEL):
    return Demand(kind, host, port, USER, params)


def test_requests_that_come_slowly_are_each_drawn(pool, hands):
    for _ in range(40):
        hands.next(demand(), None, pool)
        pool.now += _LIFE
    assert pool.draws == 40


def test_a_few_requests_at_once_get_different_draws(pool, hands):
    got = [hands.next(demand(), None, pool)[0] for _ in range(_SIZE)]
    assert len(set(got)) == _SIZE


def test_in_a_rush_each_draw_serves_equally_often(pool, hands):
    got = Counter(hands.next(demand(), None, pool)[0] for _ in range(_SIZE * _USES * 5))
    assert pool.draws == _SIZE * 5
    assert set(got.values()) == {_USES}


def test_no_draw_is_older_than_its_life(pool, hands):
    for _ in range(_SIZE):
        hands.next(demand(), None, pool)
    pool.now += _LIFE
    assert hands.next(demand(), None, pool)[0] == _SIZE + 1


def test_after_a_failure_all_is_drawn_anew(pool, hands):
    for _ in range(_SIZE):
        hands.next(demand(), None, pool)
    hands.clear()
    assert hands.next(demand(), None, pool)[0] == _SIZE + 1


def test_nothing_is_no_draw(hands):
    assert hands.next(demand(), None, lambda: None) is None


@pytest.mark.parametrize(
    "other",
    [
        demand(port=80), demand(host="8.8.8.8"), demand(host="2001:db8::1"), demand(params=GatewayParams()),
        demand(kind=Kind.PLAIN),
    ],
)  # fmt: skip
def test_what_asks_the_pool_for_something_else_is_drawn_for_itself(pool, hands, other):
    for _ in range(_SIZE + 3):
        hands.next(demand(), None, pool)
    assert hands.next(other, None, pool)[0] == _SIZE + 1


def test_a_target_that_the_pool_minds_is_drawn_for_itself(pool, hands):
    for _ in range(_SIZE + 3):
        hands.next(demand(), None, pool)
    assert hands.next(demand(), "example.com:443", pool)[0] == _SIZE + 1
