"""Bodies in passing: the same bytes out, in the receiver's framing, whatever the pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.gateway.bodies import BodyStream
from shoal.wire import Framing, RemoteProtocolError
from shoal.wire.http_body import BodyPlan
from shoal.wire.http_chunked import ChunkedDecoder


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def chunked(parts: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"


def unchunked(data: bytes) -> bytes:
    body = bytearray()
    decoder = ChunkedDecoder(body, 1 << 30, strict=True)
    decoder.receive_data(data)
    assert decoder.done and not decoder.trailing_data
    return bytes(body)


@given(st.binary(max_size=300), st.binary(max_size=20), st.lists(st.integers(0, 400), max_size=6))
def test_a_counted_body_ends_where_it_says(body: bytes, tail: bytes, cuts: list[int]) -> None:
    stream = BodyStream(BodyPlan(Framing.LENGTH, len(body)), strict=True)
    out = b"".join(stream.feed(piece) for piece in pieces(body + tail, cuts))
    assert stream.done and out == body and stream.rest == tail


@given(
    st.lists(st.binary(max_size=50), max_size=6), st.binary(max_size=20), st.lists(st.integers(0, 600), max_size=8),
    st.booleans(),
)  # fmt: skip
def test_a_chunked_body_is_written_anew(parts: list[bytes], tail: bytes, cuts: list[int], again: bool) -> None:
    stream = BodyStream(BodyPlan(Framing.CHUNKED), strict=True, chunked_out=again)
    out = b"".join(stream.feed(piece) for piece in pieces(chunked(parts) + tail, cuts))
    assert stream.done and stream.rest == tail
    assert (unchunked(out) if again else out) == b"".join(parts)


@given(st.binary(max_size=100), st.lists(st.integers(0, 200), max_size=5), st.booleans())
def test_a_body_that_ends_with_its_connection_gets_a_frame(body: bytes, cuts: list[int], again: bool) -> None:
    stream = BodyStream(BodyPlan(Framing.CLOSE), strict=False, chunked_out=again)
    out = b"".join(stream.feed(piece) for piece in pieces(body, cuts))
    assert not stream.done
    out += stream.finish()
    assert stream.done
    assert (unchunked(out) if again else out) == body


def test_a_body_that_breaks_off_is_an_error() -> None:
    stream = BodyStream(BodyPlan(Framing.LENGTH, 3), strict=True)
    stream.feed(b"ab")
    with pytest.raises(RemoteProtocolError):
        stream.finish()


def test_extensions_and_trailers_are_left_behind() -> None:
    stream = BodyStream(BodyPlan(Framing.CHUNKED), strict=True)
    assert stream.feed(b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n") == b"3\r\nabc\r\n0\r\n\r\n"
