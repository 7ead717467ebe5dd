"""The quick reader says nothing that the codec would not."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shoal.probe.answer import AnswerReader, read_whole
from shoal.wire import RemoteProtocolError

LINES = st.sampled_from(
    [
        b"Server: x", b"Content-Length: 5", b"content-length: 5", b"Content-Length:5", b"Content-Length: 4",
        b"Transfer-Encoding: chunked", b"transfer-encoding: identity", b"X: \x80\xff", b"X: \x00", b" folded",
        b"Content-Length: ", b"Content-Length:  5", b"Content-Length: 0000000005",
        b"no colon",
        b"Bad Name: 1", b"X:", b"Connection: close", b"Content-Length: 5, 5", b"Content-Length: +5",
        b"Content-Length : 5", b"\tContent-Length: 5",
    ]
)  # fmt: skip
STARTS = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/1.1 204 None", b"HTTP/1.1 304 N", b"HTTP/1.1 100 C", b"HTTP/1.1 502 B",
     b"http/1.1 200 OK", b"ICY 200 OK", b"HTTP/2 200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1 999 x"]
)  # fmt: skip


@given(
    STARTS,
    st.lists(LINES, max_size=5),
    st.sampled_from([b"\r\n", b"\n"]),
    st.sampled_from([b"hello", b"hell", b"hello!"]),
)
@example(b"HTTP/1.1 200 OK", [b"Content-Length: 5"], b"\r\n", b"hello")
def test_what_is_read_quickly_is_what_the_codec_reads(start, lines, end, body):
    data = end.join([start, *lines, b"", b""]) + body
    quick = read_whole(data, 1000)
    if quick is None:
        return
    reader = AnswerReader(1000)
    assert reader.receive_data(data)
    assert quick == (reader.status, reader.body)


def test_the_common_answer_is_read_quickly():
    data = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello"
    assert read_whole(data, 5) == (200, b"hello")
    assert read_whole(data, 4) is None
    assert read_whole(data[:-1], 5) is None


@given(st.integers(1, 40))
def test_an_answer_in_pieces_is_read_alike(size):
    data = b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    reader = AnswerReader(100)
    done = [reader.receive_data(data[start : start + size]) for start in range(0, len(data), size)]
    assert done[-1]
    assert (reader.status, reader.reason, reader.body) == (200, "Fine", b"hello")


def test_an_end_makes_a_body_of_unknown_length_complete():
    reader = AnswerReader(100)
    assert not reader.receive_data(b"HTTP/1.0 200 OK\r\n\r\nhello")
    reader.receive_eof()
    assert reader.body == b"hello"


def test_endless_interim_answers_are_cut_off():
    with pytest.raises(RemoteProtocolError):
        AnswerReader(100).receive_data(b"HTTP/1.1 100 Continue\r\n\r\n" * 10)


@given(st.binary(max_size=300))
def test_nothing_but_protocol_errors_comes_out(data):
    assert read_whole(data, 100) is None or isinstance(read_whole(data, 100), tuple)
    try:
        reader = AnswerReader(100)
        if not reader.receive_data(data):
            reader.receive_eof()
    except RemoteProtocolError:
        pass
