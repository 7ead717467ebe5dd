from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.app.pool_api import _line
from shoal.domain import Candidate, Credentials, Endpoint, Refused, Scheme
from shoal.sources.extract import extract
from shoal.sources.extract.proxy_pool import read_hash, read_hash_entry


@given(st.binary(max_size=200), st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_do_any_harm(field: bytes, value: bytes) -> None:
    assert isinstance(read_hash_entry(field, value), Candidate | Refused)


def test_what_is_told_of_a_proxy() -> None:
    value = json.dumps({"proxy": "u:p@45.1.1.1:80", "region": "cn", "https": True}).encode()
    found = read_hash_entry(b"u:p@45.1.1.1:80", value)
    assert isinstance(found, Candidate)
    assert (found.scheme, found.country, found.credentials) == (Scheme.HTTP, "CN", Credentials("u", "p"))
    assert read_hash_entry(b"x", b'{"proxy": "45.1.1.1:80", "region": "error"}').country is None  # type: ignore[union-attr]


def test_repeats_are_counted() -> None:
    refused: dict[str, int] = {}
    seen: set[str] = set()
    entry = (b"45.1.1.1:80", b'{"proxy": "45.1.1.1:80"}')
    assert len(read_hash([entry, entry], refused, seen)) == 1
    assert read_hash([entry], refused, seen) == [] and refused == {"duplicate": 2}


@pytest.mark.parametrize("scheme", [None, *Scheme])
@pytest.mark.parametrize("host", ["45.1.1.1", "2001:db8:7::1", "proxy.example.net"])
@pytest.mark.parametrize("secret", [None, Credentials("us:er", "p@ss/w:rd#%"), Credentials("user", "")])
def test_what_an_import_sends_comes_out_as_it_went_in(
    scheme: Scheme | None, host: str, secret: Credentials | None
) -> None:
    sent = Candidate(Endpoint(host, 8080), scheme, secret, None, "")
    (read,) = extract(_line(sent).encode(), content_type="text/plain").candidates
    assert (read.endpoint, read.scheme, read.credentials) == (sent.endpoint, sent.scheme, sent.credentials)
