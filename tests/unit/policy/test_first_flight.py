"""What a client sent into a tunnel may be sent again, or not."""

from __future__ import annotations

import contextlib
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.policy.first_flight import FLIGHT_LIMIT_BYTES, is_repeatable


def client_hello() -> bytes:
    out = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="example.com")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def test_nothing_at_all_and_a_hello_in_any_pieces_are_repeatable() -> None:
    hello = client_hello()
    for end in range(len(hello) + 1):
        assert is_repeatable(hello[:end])


def test_early_data_is_not() -> None:
    assert is_repeatable(client_hello() + b"\x14\x03\x03\x00\x01\x01")
    assert not is_repeatable(client_hello() + b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x01x")


@pytest.mark.parametrize(
    "flight",
    [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HEAD /x HTTP/1.0\r\n\r\n", b"GE", b"GET /", b"OPTIONS * HTTP/1.1\r\nHo"],
)
def test_one_safe_request_is(flight: bytes) -> None:
    assert is_repeatable(flight)


@pytest.mark.parametrize(
    "flight",
    [
        b"POST / HTTP/1.1\r\n\r\n",
        b"DELETE / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
        b"GET / HTTP/1.1\r\ncontent-length : 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\n\r\n",
        b"GET /\n",
        b"SSH-2.0-x\r\n",
        b"\x17\x03\x03\x00\x01x",
        b"\x00",
    ],
)
def test_whatever_may_act_or_is_not_understood_is_not(flight: bytes) -> None:
    assert not is_repeatable(flight)


def test_a_flight_beyond_its_bound_is_not() -> None:
    assert not is_repeatable(b"\x16\x03\x01\xff\xff" + bytes(FLIGHT_LIMIT_BYTES))


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(flight: bytes) -> None:
    assert is_repeatable(flight) in (True, False)


@given(st.binary(min_size=1, max_size=60), st.binary(min_size=1, max_size=20))
def test_what_is_not_repeatable_never_becomes_so_by_more(flight: bytes, more: bytes) -> None:
    if not is_repeatable(flight):
        assert not is_repeatable(flight + more)
