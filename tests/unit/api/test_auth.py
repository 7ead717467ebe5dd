from __future__ import annotations

import hashlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.api.auth import matches, shown_token, token_hash


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("field", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        (basic(":abc"), "abc"),
        (basic("user:a:c"), "a:c"),
        (basic("abc:"), None),
        (basic("abc"), None),
        ("Basic %%%", None),
        ("Digest abc", None),
        ("Bearer", None),
        ("", None),
    ],
)
def test_shown_token(field: str, token: str | None) -> None:
    assert shown_token(field) == token


def test_a_token_matches_its_hash_only() -> None:
    assert matches("abc", token_hash("abc"))
    assert not matches("abd", token_hash("abc"))


def test_a_token_may_be_configured_as_its_hash() -> None:
    digest = "sha256:" + hashlib.sha256(b"abc").hexdigest()
    assert matches("abc", token_hash(digest))
    assert not matches(digest, token_hash(digest))


@given(st.text(st.characters(max_codepoint=255)))
def test_no_field_raises(field: str) -> None:
    token = shown_token(field)
    assert token is None or not matches(token, token_hash("the token of this test"))
