from __future__ import annotations

from shoal.domain import Scheme, Trust
from shoal.stores.origin import Origin, first_origin, last_ok, merge_origin, new_record
from shoal.testing.builders import make_admitted, make_path, make_record


def test_a_listing_that_says_nothing_new_gives_the_same_object() -> None:
    origin = first_origin(make_admitted(1, tags=("x",)))
    assert merge_origin(origin, make_admitted(1, tags=("x",))) is origin
    assert merge_origin(origin, make_admitted(1, scheme=None)) is origin


def test_the_latest_claim_moves_to_the_front() -> None:
    origin = Origin((Scheme.HTTP, Scheme.SOCKS4, Scheme.SOCKS5), ("a",))
    merged = merge_origin(origin, make_admitted(1, scheme=Scheme.SOCKS4, source="b"))
    assert merged == Origin((Scheme.SOCKS4, Scheme.HTTP, Scheme.SOCKS5), ("a", "b"))


def test_tags_are_kept_once() -> None:
    assert first_origin(make_admitted(1, tags=("x", "y", "x"))).tags == ("x", "y")


def test_own_records_come_before_any_public_one() -> None:
    own, public = new_record(make_admitted(1, trust=Trust.OWN), 50.0), new_record(make_admitted(2), 50.0)
    assert own.next_check < public.next_check == 50.0


def test_last_ok_is_that_of_the_best_path() -> None:
    paths = (make_path(last_ok=5.0), make_path(Scheme.SOCKS5, last_ok=9.0))
    assert last_ok(make_record(1, paths=paths)) == 9.0
    assert last_ok(make_record(1)) == 0.0
