from __future__ import annotations

import pytest

from shoal.judge.request import (
    canonical_address,
    forwarded_address,
    header_value,
    is_nonce,
    query_value,
    split_target,
)


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/check/?a=b?c", ("/check/", "a=b?c")),
        ("http://judge.example:80/check?x", ("/check", "x")),
        ("https://judge.example", ("/", "")),
        ("https://judge.example?x=/y", ("/", "x=/y")),
        ("/doc/http://x", ("/doc/http://x", "")),
        ("*", ("*", "")),
        ("", ("", "")),
    ],
)
def test_split_target(target: str, parts: tuple[str, str]) -> None:
    assert split_target(target) == parts


@pytest.mark.parametrize(
    ("query", "value"), [("nonce=a", "a"), ("x=1&nonce=a%20b+c&nonce=d", "a b c"), ("nonce", ""), ("xnonce=1", None)]
)
def test_query_value(query: str, value: str | None) -> None:
    assert query_value(query, "nonce") == value


def test_the_first_field_of_a_name_in_any_case_counts() -> None:
    assert header_value([("Accepted", "x"), ("ACCEPT", "a"), ("accept", "b")], "accept") == "a"
    assert header_value([], "accept") is None


def test_nonces_are_short_and_printable() -> None:
    assert is_nonce("!" * 128)
    assert not is_nonce("!" * 129)
    assert not is_nonce("a\n")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("unknown", None),
        ("", None),
    ],
)
def test_canonical_address(text: str, address: str | None) -> None:
    assert canonical_address(text) == address


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ([("X-Forwarded-For", "192.0.2.1, 192.0.2.2")], "192.0.2.2"),
        ([("x-forwarded-for", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.3")], "192.0.2.3"),
        ([("X-Forwarded-For", "192.0.2.1, unknown")], None),
        ([], None),
    ],
)
def test_the_last_forwarded_address_is_our_own_proxys_word(headers: list[tuple[str, str]], address: str | None) -> None:
    assert forwarded_address(headers) == address
