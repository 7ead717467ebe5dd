"""An answer's head on its way to the client."""

from __future__ import annotations

import pytest

from shoal.domain import Pick, Query
from shoal.gateway.http_answer import Answer
from shoal.testing.fake_service import FakeService, typical_records
from shoal.wire import Framing, RemoteProtocolError, parse_response_head


def pick() -> Pick:
    found = FakeService(*typical_records()).pick(Query())
    assert found is not None
    return found


def answer(*lines: str, status: str = "200 OK", method: str = "GET", client_1_1: bool = True) -> Answer:
    head = parse_response_head("\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode("latin-1"))
    return Answer(head, method, pick(), client_1_1=client_1_1, keep=True)


def test_a_counted_answer_keeps_both_connections() -> None:
    found = answer("Content-Length: 5", "Content-Type: a/b")
    assert found.body.framing is Framing.LENGTH
    assert found.keep and found.reusable
    assert found.out.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\nX-Shoal-Proxy: http://")


def test_what_is_only_for_the_next_hop_is_left_out() -> None:
    found = answer("Content-Length: 0", "Connection: X-Odd, close", "X-Odd: 1", "Keep-Alive: 5", "X-Shoal-Proxy: lie",
                   "Proxy-Authenticate: Basic", "Set-Cookie: a", "Set-Cookie: b")  # fmt: skip
    out = found.out.decode().lower()
    for name in ("x-odd", "keep-alive", "lie", "proxy-authenticate"):
        assert name not in out
    assert out.count("set-cookie") == 2
    assert found.keep and not found.reusable


@pytest.mark.parametrize(
    "lines", [("Transfer-Encoding: chunked", "Content-Length: 3"), ("Transfer-Encoding: chunked",)]
)
def test_chunks_outrank_a_length(lines: tuple[str, ...]) -> None:
    found = answer(*lines)
    assert found.body.framing is Framing.CHUNKED
    assert b"Transfer-Encoding: chunked" in found.out and b"Content-Length" not in found.out


def test_lengths_that_agree_become_one_and_others_are_refused() -> None:
    assert answer("Content-Length: 3", "Content-Length: 3").out.count(b"Content-Length: 3") == 1
    for lines in (("Content-Length: 3", "Content-Length: 4"), ("Content-Length: +3",), ("Content-Length: x",)):
        with pytest.raises(RemoteProtocolError):
            answer(*lines)
    with pytest.raises(RemoteProtocolError):
        answer("Transfer-Encoding: gzip, chunked")


def test_an_answer_that_ends_with_its_connection_is_chunked_for_those_who_can_read_it() -> None:
    assert b"Transfer-Encoding: chunked" in answer().out
    assert not answer().reusable
    old = answer(client_1_1=False)
    assert b"Connection: close" in old.out and b"chunked" not in old.out and not old.keep


def test_no_body_where_there_cannot_be_one() -> None:
    for found in (answer("Content-Length: 9", method="HEAD"), answer("Content-Length: 9", status="304 Not Modified")):
        assert found.body.done and b"Content-Length: 9" in found.out
    assert answer("Content-Length: 9", status="204 No Content").body.done
