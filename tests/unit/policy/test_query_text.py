from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Anonymity, Capability, Honesty, Order, Query, Scheme, Trust
from shoal.domain.query import DANGEROUS
from shoal.errors import InvalidQueryError
from shoal.policy.query_text import FIELDS, parse_age, parse_query

ALL_BUT_OWN = frozenset({Trust.PUBLIC})


@pytest.mark.parametrize(
    ("name", "value", "query"),
    [
        ("scheme", "http,SOCKS5", Query(schemes=frozenset({Scheme.HTTP, Scheme.SOCKS5}))),
        ("scheme", "!socks4", Query(not_schemes=frozenset({Scheme.SOCKS4}))),
        (
            "capability",
            "tunnel,!ipv6_exit",
            Query(capabilities=frozenset({Capability.TUNNEL}), not_capabilities=frozenset({Capability.IPV6_EXIT})),
        ),
        ("country", "us, !cn", Query(countries=frozenset({"US"}), not_countries=frozenset({"CN"}))),
        ("asn", "AS64500,!65000", Query(asns=frozenset({64500}), not_asns=frozenset({65000}))),
        ("anonymity", "elite", Query(anonymities=frozenset({Anonymity.ELITE}))),
        ("honesty", "clean", Query(honesties=frozenset({Honesty.CLEAN}))),
        ("honesty", "!unknown", Query(not_honesties=DANGEROUS | {Honesty.UNKNOWN})),
        (
            "honesty",
            "fakes",
            Query(honesties=frozenset({Honesty.FAKES}), not_honesties=DANGEROUS - {Honesty.FAKES}),
        ),
        ("honesty", "any", Query(not_honesties=frozenset())),
        (
            "source",
            "docip,!https://lists.example/a.txt",
            Query(sources=frozenset({"docip"}), not_sources=frozenset({"https://lists.example/a.txt"})),
        ),
        ("tag", "fast", Query(tags=frozenset({"fast"}))),
        ("trust", "own", Query(trusts=frozenset({Trust.OWN}))),
        ("trust", "!own", Query(trusts=ALL_BUT_OWN)),
        ("target", "Example.com:443", Query(target="example.com:443")),
        ("vantage", "eu-1", Query(vantage="eu-1")),
        ("max_latency_ms", "1.5e3", Query(max_latency_ms=1500.0)),
        ("min_forecast", "0.5", Query(min_forecast=0.5)),
        ("max_age", "5m", Query(max_age=300.0)),
        ("exclude", "192.0.2.1:80,0123456789abcdef", Query(exclude=frozenset({"192.0.2.1:80", "0123456789abcdef"}))),
        ("limit", "5", Query(limit=5)),
        ("order", "latency", Query(order=Order.LATENCY)),
    ],
)
def test_each_field(name: str, value: str, query: Query) -> None:
    assert parse_query([(name, value)]) == query


def test_every_field_has_its_case_above() -> None:
    marks = test_each_field.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == set(FIELDS)


def test_no_parameters_are_the_default_query() -> None:
    assert parse_query([]) == Query()


def test_a_repeated_list_adds_up() -> None:
    assert parse_query([("tag", "a"), ("tag", "b,!c")]) == Query(tags=frozenset({"a", "b"}), not_tags=frozenset({"c"}))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("scheme", "sock5", "allowed: http, https, socks4, socks4a, socks5"),
        ("scheme", "", "empty entry"),
        ("scheme", "http,", "empty entry"),
        ("country", "USA", "two-letter"),
        ("country", "U\n", "two-letter"),
        ("asn", "x", "64500"),
        ("trust", "own,public", "own, public, !own"),
        ("exclude", ",".join("a" * 501), "500 entries"),
        ("scheme", ",".join(["http"] * 501), "500 entries"),
        ("target", "a b", "HOST:PORT"),
        ("vantage", "a b", "vantage point"),
        ("max_latency_ms", "0", "above 0"),
        ("max_latency_ms", "nan", "above 0"),
        ("max_latency_ms", "1e999", "above 0"),
        ("max_latency_ms", "1_0", "above 0"),
        ("min_forecast", "1.01", "from 0 to 1"),
        ("max_age", "5w", "30s, 5m, 2h or 1d"),
        ("max_age", "-5", "30s, 5m, 2h or 1d"),
        ("exclude", "a,,b", "HOST:PORT"),
        ("limit", "0", "whole number"),
        ("limit", "1e3", "whole number"),
        ("order", "best", "forecast, latency"),
        ("contry", "US", "did you mean country"),
        ("tag", "x" * 9000, "8192"),
        ("tag", "a\x00b", "tags"),
    ],
)
def test_a_bad_value_names_its_field_and_what_is_allowed(name: str, value: str, said: str) -> None:
    with pytest.raises(InvalidQueryError, match=said.replace(".", r"\.")) as caught:
        parse_query([(name, value)])
    assert caught.value.field == name


def test_a_single_value_is_given_once() -> None:
    with pytest.raises(InvalidQueryError, match="once"):
        parse_query([("limit", "1"), ("limit", "2")])


def test_the_callers_own_bounds() -> None:
    with pytest.raises(InvalidQueryError, match="from 1 to 10"):
        parse_query([("limit", "11")], limit_max=10)
    with pytest.raises(InvalidQueryError, match="no filter limit"):
        parse_query([("limit", "1")], fields=("scheme",))


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("1.5m", 90), ("30s", 30), ("2h", 7200), ("1d", 86400)]
)
def test_ages(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@given(st.lists(st.tuples(st.one_of(st.sampled_from(FIELDS), st.text(max_size=8)), st.text(max_size=30)), max_size=4))
def test_any_text_is_a_query_or_an_invalid_query(params: list[tuple[str, str]]) -> None:
    try:
        assert isinstance(parse_query(params), Query)
    except InvalidQueryError as error:
        assert error.field in {name for name, _ in params}
