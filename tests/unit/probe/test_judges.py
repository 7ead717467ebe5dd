"""Judges as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import ConfigError
from shoal.probe import parse_judge, public_judges


@pytest.mark.parametrize(
    ("text", "kind", "host", "port", "tls", "path", "guessed"),
    [
        ("http://judge.example:8000", "shoal", "judge.example", 8000, False, "/check/", True),
        ("http://judge.example/check/", "shoal", "judge.example", 80, False, "/check/", True),
        ("https://judge.example/check/#key=abc", "shoal", "judge.example", 443, True, "/check/", False),
        ("http://h.example/get", "httpbin", "h.example", 80, False, "/get", True),
        ("http://h.example/azenv.php", "azenv", "h.example", 80, False, "/azenv.php", True),
        ("http://h.example/#kind=azenv", "azenv", "h.example", 80, False, "/", False),
        ("https://h.example/cdn-cgi/trace", "trace", "h.example", 443, True, "/cdn-cgi/trace", True),
        ("http://h.example/ip?x=1", "plain", "h.example", 80, False, "/ip?x=1", True),
        ("http://[::1]:8080/", "shoal", "::1", 8080, False, "/check/", True),
        ("http://192.0.2.1:99/own#key=k&kind=shoal", "shoal", "192.0.2.1", 99, False, "/own", False),
        ("http://192.0.2.1:99/own#key=k", "shoal", "192.0.2.1", 99, False, "/own", False),
    ],
)
def test_a_judge_is_read_from_its_url(text, kind, host, port, tls, path, guessed):
    judge = parse_judge(text)
    assert (judge.kind, judge.host, judge.port, judge.tls, judge.path) == (kind, host, port, tls, path)
    assert judge.guessed is guessed
    assert judge.own


def test_the_key_is_kept_and_never_shown():
    judge = parse_judge("http://judge.example/check/#key=s3cret")
    assert judge.key == b"s3cret"
    assert "s3cret" not in judge.url + repr(judge) + str(judge)


@pytest.mark.parametrize(
    "text",
    [
        "", "judge.example", "ftp://judge.example/", "http://", "http://judge.example:99999/", "http://judge.example:0/",
        "http://user:pw@judge.example/", "http://999.1.1.1/", "http://judge.example/#kind=odd", "http://judge.example/#key=",
        "http://judge.example/#colour=red", "http://judge.example/get#key=a&kind=httpbin", "http://judge.example/ä",
        "http://judge.example/a b",
    ],
)  # fmt: skip
def test_what_is_no_judge_is_one_sentence(text):
    with pytest.raises(ConfigError) as caught:
        parse_judge(text)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("judge: ")


@given(st.text(max_size=60))
def test_any_text_is_a_judge_or_a_config_error(text):
    for candidate in (text, f"http://{text}", f"http://judge.example/{text}"):
        try:
            parse_judge(candidate)
        except ConfigError as error:
            assert error.problems


def test_the_built_in_ones_are_public_and_well_formed():
    judges = public_judges()
    assert not any(judge.own for judge in judges)
    assert {judge.kind for judge in judges} == {"httpbin", "azenv", "trace", "plain"}
    assert any(judge.tls for judge in judges)


def test_the_authority_names_only_unusual_ports():
    assert parse_judge("http://[2001:db8::1]/").authority == "[2001:db8::1]"
    assert parse_judge("https://a.example:8443/").authority == "a.example:8443"
