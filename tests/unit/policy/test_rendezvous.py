"""The same session gets the same proxy everywhere, and moves only when its own goes."""

from __future__ import annotations

from collections import Counter

from shoal.domain import record_id
from shoal.policy.rendezvous import generation, session_seed, winner

IDS = [record_id(f"127.0.0.{number}:8080") for number in range(50)]


def test_order_does_not_matter_and_users_do_not_meet() -> None:
    seed = session_seed("me", "abc")
    assert winner(seed, IDS) == winner(seed, reversed(IDS))
    assert session_seed("you", "abc") != seed
    assert session_seed("m", "eabc") != session_seed("me", "abc")


def test_only_the_sessions_of_a_proxy_that_goes_move() -> None:
    gone = IDS[7]
    left = [id for id in IDS if id != gone]
    for number in range(300):
        seed = session_seed("me", str(number))
        before = winner(seed, IDS)
        assert winner(seed, left) == before or before == gone


def test_sessions_spread_evenly() -> None:
    found = Counter(winner(session_seed("me", str(number)), IDS) for number in range(5000))
    assert len(found) == 50
    assert max(found.values()) < 160 and min(found.values()) > 50


def test_nobody_is_none() -> None:
    assert winner(1, []) is None


def test_a_lifetime_ends_at_a_moment_of_its_own() -> None:
    starts = set()
    for number in range(20):
        seed = session_seed("me", str(number))
        lives = [generation(seed, float(now), 600.0)[0] for now in range(0, 1800, 10)]
        assert lives == sorted(lives)
        assert lives[-1] - lives[0] in (2, 3)
        starts.add(lives.index(lives[0] + 1))
    assert len(starts) > 5


def test_the_end_of_a_lifetime_is_when_the_next_begins() -> None:
    seed = session_seed("me", "a")
    number, ends_at = generation(seed, 1000.0, 600.0)
    assert 1000.0 < ends_at <= 1600.0
    assert generation(seed, ends_at - 0.001, 600.0) == (number, ends_at)
    assert generation(seed, ends_at + 0.001, 600.0)[0] == number + 1
