"""Secrets and control characters never reach a log or a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.telemetry import printable, redacted
from shoal.telemetry.redact import is_secret_name


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("socks5://user:pa%40ss@192.0.2.1:1080 died", "socks5://***@192.0.2.1:1080 died"),
        ("http://:TOKEN@host:5010/get/", "http://***@host:5010/get/"),
        ("judge http://j.example/check/#key=abc&kind=shoal", "judge http://j.example/check/#key=***&kind=shoal"),
        ("GET /v1/proxies?token=abc&limit=3", "GET /v1/proxies?token=***&limit=3"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer ***"),
        ("http://lists.example/a@b", "http://lists.example/a@b"),
        ("nothing secret here", "nothing secret here"),
    ],
)
def test_secrets_inside_texts_are_replaced(text: str, clean: str) -> None:
    assert redacted(text) == clean


@pytest.mark.parametrize("name", ["password", "api_token", "Proxy-Authorization", "judge_key", "TOKEN", "cookie"])
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["keyboard", "tokens_left", "url", "monkey"])
def test_other_names_are_shown(name: str) -> None:
    assert not is_secret_name(name)


@given(st.text())
def test_printable_is_one_bounded_line_that_no_terminal_obeys(text: str) -> None:
    shown = printable(text, limit=50)
    assert shown.isprintable() and len(shown) <= 50
    shown.encode("utf-8")


def test_escape_sequences_and_bidirectional_overrides_lose_their_power() -> None:
    assert printable("a\x1b[2Jb\u202ec\nd\ud800") == "a?[2Jb?c?d?"
