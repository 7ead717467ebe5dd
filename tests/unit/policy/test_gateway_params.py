"""Parameters in user names, passwords and headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Anonymity, Scheme
from shoal.errors import InvalidQueryError
from shoal.policy.gateway_params import (
    Strategy,
    header_pairs,
    hyphen_pairs,
    password_ends,
    read_params,
    split_username,
    underscore_pairs,
)


def params(text: str):
    return read_params(hyphen_pairs(text))


def test_the_trades_names_and_ours_mean_the_same() -> None:
    for text in ("country-us-session-abc", "cc-US-sessid-abc", "cy-us-sid-abc"):
        found = params(text)
        assert found.query.countries == {"US"}
        assert found.session == "abc"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("lifetime-10", 600), ("sesstime-10", 600), ("sessionduration-30m", 1800), ("lifetime-30s", 30), ("ttl-2h", 7200),
     ("lifetime-1d", 86_400)],
)  # fmt: skip
def test_a_bare_lifetime_is_minutes(text: str, seconds: float) -> None:
    assert params("session-a-" + text).lifetime == seconds


def test_everything_at_once() -> None:
    found = params(
        "country-us,de-scheme-socks5-anonymity-elite-session-a_1.b-strict-target-my-host.example.com"
        "-maxlatency-900-strategy-latency-exclude-a-b.example"
    )
    assert found.query.countries == {"US", "DE"}
    assert found.query.schemes == {Scheme.SOCKS5}
    assert found.query.anonymities == {Anonymity.ELITE}
    assert found.query.target == "my-host.example.com"
    assert found.query.max_latency_ms == 900
    assert found.query.exclude == {"a-b.example"}
    assert (found.session, found.strict, found.strategy) == ("a_1.b", True, Strategy.LATENCY)


def test_flags_take_a_value_or_none() -> None:
    assert params("session-a-strict").strict
    assert params("session-a-strict-1").strict
    assert not params("session-a-strict-0").strict
    assert params("hardsession-a").strict
    assert params("rotate").session is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("coutry-us", "did you mean 'country'"),
        ("city-rome", "country and asn are"),
        ("country", "needs a value"),
        ("country-usa", "two-letter"),
        ("session-a b", "letters, digits"),
        ("session-" + "a" * 65, "1 to 64"),
        ("session-a-session-b", "twice"),
        ("session-a-rotate", "contradict"),
        ("strict", "needs a session"),
        ("lifetime-5", "needs a session"),
        ("session-a-lifetime-0", "a week at most"),
        ("session-a-lifetime-8d", "a week at most"),
        ("session-a-strict-maybe", "unknown parameter 'maybe'"),
        ("strategy-best", "strategy is one of"),
        ("country-us-", "unknown parameter ''"),
        ("x" * 600, "512 characters"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(InvalidQueryError, match=words):
        params(text)


def test_the_longest_known_name_is_the_user() -> None:
    users = ("me", "me-country", "a-b")
    assert split_username("me-country-us", users) == ("me-country", "us")
    assert split_username("me-cc-us", users) == ("me", "cc-us")
    assert split_username("a-b", users) == ("a-b", "")
    assert split_username("mean-cc-us", users) == ("mean", "cc-us")


def test_without_users_a_name_that_is_a_parameter_begins_the_parameters() -> None:
    assert split_username("country-us-session-a", ()) == ("", "country-us-session-a")
    assert split_username("bob-country-us", ()) == ("bob", "country-us")
    assert split_username("session-country-us", ("session",)) == ("session", "country-us")


def test_passwords_hold_parameters_behind_underscores() -> None:
    assert password_ends("plain_word") == []
    assert password_ends("my_pw_country-us_session-a") == [5, 16]
    assert read_params(underscore_pairs("country-us_session-a_lifetime-10m")).session == "a"


def test_headers_hold_parameters_too() -> None:
    pairs = header_pairs([("Host", "a"), ("X-Shoal-Country", "de"), ("x-shoal-max-latency-ms", "50")])
    assert read_params(pairs).query.max_latency_ms == 50
    with pytest.raises(InvalidQueryError):
        header_pairs([("X-Shoal-Nonsense", "1")])


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        params(text)
        read_params(underscore_pairs(text))
    except InvalidQueryError:
        pass
    password_ends(text)
    split_username(text, ("a",))
