"""The short way of reading heads takes nothing that the long one would refuse or read differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.gateway.http_answer import _HOP_BY_HOP
from shoal.gateway.quick_head import split_answer, split_request
from shoal.wire import Framing, RemoteProtocolError, RequestHeadReader, parse_response_head
from shoal.wire.http_body import response_body_plan

FIELDS = (
    b"Content-Length: 5", b"content-length:5", b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length: 0x5",
    b"Content-Length : 5", b"Content-Length: ",
    b"Content-Length: 1234567890123456789012", b"Transfer-Encoding: chunked",
    b"Connection: keep-alive", b"connection: Keep-Alive ", b"Connection: close", b"Connection: keep-alive, X-A",
    b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"Proxy-Authenticate: Basic", b"Upgrade: h2c",
    b"X-Shoal-Proxy: http://1.1.1.1:1", b"X-Shoal-Error: x", b"Trailer: A", b"TE: trailers", b"Date: now", b"X-A: b\tc",
    b"X-High: \xe4", b" folded", b"no colon", b"X-Nul: \0", b"X-Cr: a\rb", b"X-Lf: a\nContent-Length: 9", b": empty",
    b"X-Connection: close", b"Etag: \"a\"",
)  # fmt: skip
STATUS = (b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ", b"HTTP/1.1 301 Moved", b"HTTP/1.1 204 No", b"HTTP/1.1 304 Not",
          b"HTTP/1.1 404 No", b"HTTP/1.0 200 OK", b"HTTP/1.1 101 Up", b"http/1.1 200 ok", b"HTTP/1.1 200")  # fmt: skip


@given(st.sampled_from(STATUS), st.lists(st.sampled_from(FIELDS), max_size=6))
def test_what_is_taken_means_the_same_to_the_full_reader(status, lines):
    head = b"".join(line + b"\r\n" for line in (status, *lines))
    found = split_answer(head)
    if found is None:
        return
    length, out = found
    full = parse_response_head(head + b"\r\n")
    plan = response_body_plan(full, "GET")
    assert (plan.framing, plan.length) == (Framing.LENGTH, length)
    assert not full.quirks
    assert full.version == "1.1"
    assert full.status < 400
    sent = parse_response_head(out + b"\r\n")
    assert sent.headers == tuple(
        field for field in full.headers if field[0].lower() not in _HOP_BY_HOP or field[0].lower() == "content-length"
    )


@given(st.binary(max_size=200))
def test_anything_can_be_fed(data):
    split_answer(b"HTTP/1.1 200 OK\r\n" + data)
    split_request(data + b"\r\n\r\n")


def test_an_ordinary_answer_goes_on_as_it_is():
    head = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n"
    assert split_answer(head) == (5, head)
    kept = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n"
    assert split_answer(kept) == (5, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n")


def test_a_plain_get_is_taken():
    found = split_request(b"GET http://a.example:81/x?y=1 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n")
    assert found is not None
    assert (found.authority, found.path, found.fields) == (b"a.example:81", b"/x?y=1", b"Host: a\r\nX: y\r\n\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"POST http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a/ HTTP/1.0\r\nHost: a\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\nGET http://b/ HTTP/1.1\r\nHost: b\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\nx",
        b"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a/#b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a/ b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET  http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x05\x01\x00\r\n\r\n",
    ],
)
def test_everything_else_is_left_to_the_full_reader(data):
    assert split_request(data) is None


@given(st.from_regex(rb"GET http://[a-z0-9.:@\[\]-]{1,12}/[!-~]{0,12} HTTP/1\.1\r\nHost: a\r\n\r\n", fullmatch=True))
def test_a_request_that_is_taken_is_one_for_the_full_reader_too(data):
    found = split_request(data)
    if found is not None:
        reader = RequestHeadReader()
        try:
            head = reader.receive_data(data)
        except RemoteProtocolError:
            raise AssertionError(data) from None
        assert head.target.encode() == b"http://" + found.authority + found.path
