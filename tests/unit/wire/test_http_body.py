import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.wire import (
    BodyReader,
    Framing,
    Refusal,
    RemoteProtocolError,
    RequestHead,
    ResponseHead,
    request_body_reader,
)


def response(*headers, status=200, version="1.1"):
    return ResponseHead(version, status, "", headers)


def request(*headers, version="1.1"):
    return RequestHead("POST", "/", version, headers)


CHUNKED = ("Transfer-Encoding", "chunked")


def reader(*headers, method="GET", limit=1000, status=200):
    return lambda: BodyReader(response(*headers, status=status), method, limit)


def see(codec):
    return codec.done, codec.body, codec.quirks


def length(value):
    return ("Content-Length", value)


@pytest.mark.parametrize(
    ("headers", "status", "method", "framing"),
    [
        ((length("3"),), 200, "GET", Framing.LENGTH),
        ((length("3"),), 200, "HEAD", Framing.NONE),
        ((length("3"),), 204, "GET", Framing.NONE),
        ((length("3"),), 304, "GET", Framing.NONE),
        ((length("3"),), 100, "GET", Framing.NONE),
        ((length("3"),), 200, "CONNECT", Framing.NONE),
        ((CHUNKED,), 200, "CONNECT", Framing.NONE),
        ((length("3"),), 403, "CONNECT", Framing.LENGTH),
        ((CHUNKED,), 200, "GET", Framing.CHUNKED),
        ((("transfer-encoding", "gzip"), ("Transfer-Encoding", "Chunked")), 200, "GET", Framing.CHUNKED),
        ((("Transfer-Encoding", "gzip, chunked"),), 200, "GET", Framing.CHUNKED),
        ((("Transfer-Encoding", "chunked, gzip"),), 200, "GET", Framing.CLOSE),
        ((("Transfer-Encoding", "gzip"), length("3")), 200, "GET", Framing.CLOSE),
        ((("Transfer-Encoding", "identity"), length("3")), 200, "GET", Framing.LENGTH),
        ((CHUNKED, length("3"), length("4")), 200, "GET", Framing.CHUNKED),
        ((), 200, "GET", Framing.CLOSE),
    ],
)
def test_framing_follows_rfc_9112_section_6_3(headers, status, method, framing):
    assert reader(*headers, status=status, method=method)().framing is framing


@pytest.mark.parametrize(
    "headers",
    [
        (length("3"), length("4")),
        (length("3, 4"),),
        (length("3,"),),
        (length(""),),
        (length("+3"),),
        (length("-3"),),
        (length("0x3"),),
        (length("3 3"),),
        (length("1_0"),),
        (length("\xb2"),),
        (length("9" * 19),),
        (("Transfer-Encoding", "chunked, chunked"),),
    ],
)
def test_framing_that_contradicts_itself_is_malformed(headers):
    for make in (reader(*headers), lambda: request_body_reader(request(*headers), 1000)):
        with pytest.raises(RemoteProtocolError) as caught:
            make()
        assert caught.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("headers", "quirks"),
    [
        ((length("3"), length("3")), ("duplicate-content-length",)),
        ((length("3, 03"),), ("duplicate-content-length",)),
        ((CHUNKED, length("3")), ("length-and-transfer-coding",)),
        ((("Transfer-Encoding", "gzip, chunked"),), ("transfer-coding",)),
        ((CHUNKED,), ()),
    ],
)
def test_odd_framing_is_noted(headers, quirks):
    assert reader(*headers)().quirks == quirks


def test_a_length_ends_the_body(feeding):
    assert feeding.complete(reader(length("5")), b"hello", see)[0] == (True, b"hello", ())


@pytest.mark.parametrize("make", [reader(length("0")), reader(status=204), reader(length("9"), method="HEAD")])
def test_no_body_is_done_at_once_and_everything_is_trailing(make):
    codec = make()
    assert codec.done
    codec.receive_data(b"next")
    assert (codec.body, codec.trailing_data) == (b"", b"next")


def test_without_framing_the_close_ends_the_body(feeding):
    codec = reader()()
    feeding.feed(codec, [b"he", b"llo"])
    assert not codec.done
    codec.receive_eof()
    assert (codec.done, codec.body) == (True, b"hello")


@pytest.mark.parametrize("make", [reader(length("5")), reader(CHUNKED)])
def test_a_close_in_the_middle_is_eof(make):
    codec = make()
    codec.receive_data(b"4\r\na")
    with pytest.raises(RemoteProtocolError) as caught:
        codec.receive_eof()
    assert caught.value.refusal is Refusal.EOF


@pytest.mark.parametrize(
    ("headers", "data"),
    [((), b"x" * 11), ((CHUNKED,), b"5\r\nxxxxx\r\n6\r\nxxxxxx\r\n0\r\n\r\n"), ((CHUNKED,), b"ffffffffffffffff\r\n")],
)
def test_a_body_over_its_limit_is_refused_and_never_kept(feeding, headers, data):
    (done, body, _), _, refused = feeding.same(reader(*headers, limit=10), data, see, range(len(data)))
    assert refused[0] is Refusal.LIMIT
    assert not done
    assert len(body) <= 10


def test_a_declared_length_over_the_limit_is_refused_before_the_body():
    for make in (reader(length("11"), limit=10), lambda: request_body_reader(request(length("11")), 10)):
        with pytest.raises(RemoteProtocolError) as caught:
            make()
        assert caught.value.refusal is Refusal.LIMIT
    assert reader(length("10"), limit=10)().framing is Framing.LENGTH


# Requests


def test_a_request_without_framing_has_no_body():
    assert request_body_reader(request(), 10).done


def test_request_bodies_are_read(feeding):
    make = lambda: request_body_reader(request(CHUNKED), 10)  # noqa: E731
    assert feeding.complete(make, b"3\r\nabc\r\n0\r\n\r\n", see)[0] == (True, b"abc", ())
    make = lambda: request_body_reader(request(length("3")), 10)  # noqa: E731
    assert feeding.complete(make, b"abc", see)[0] == (True, b"abc", ())


@pytest.mark.parametrize(
    "head",
    [request(CHUNKED, length("3")), request(("Transfer-Encoding", "gzip")), request(CHUNKED, version="1.0")],
)
def test_ambiguous_request_framing_is_refused(head):
    with pytest.raises(RemoteProtocolError) as caught:
        request_body_reader(head, 10)
    assert caught.value.refusal is Refusal.MALFORMED


def test_a_request_body_with_bare_line_ends_is_refused(feeding):
    for data in (b"3\nabc\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\n"):
        _, _, refused = feeding.same(lambda: request_body_reader(request(CHUNKED), 10), data, see)
        assert refused[0] is Refusal.MALFORMED


# h11 as an independent writer and reader


@settings(deadline=None)
@given(parts=st.lists(st.binary(min_size=1, max_size=300), max_size=6), chunked=st.booleans(), cut=st.integers(0, 400))
def test_bodies_that_h11_writes_are_read(feeding, parts, chunked, cut):
    body = b"".join(parts)
    framing = CHUNKED if chunked else length(str(len(body)))
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    server.next_event()
    server.send(h11.Response(status_code=200, headers=[framing]))
    data = b"".join(server.send(h11.Data(part)) for part in parts) + server.send(h11.EndOfMessage())
    seen, _, refused = feeding.same(reader(framing, limit=2000), data, see, [cut])
    assert (seen, refused) == ((True, body, ()), None)


chunk_bits = st.sampled_from(
    [b"3\r\nabc\r\n", b"0\r\n\r\n", b"0\r\n", b"A: b\r\n", b"\r\n", b"\n", b"\r", b"1;a=b\r\nx\r\n", b"3", b"ab",
     b" ", b";", b"g", b"-", b"0x", b"\0", b"3 \r\nabc\r\n", b"02\r\nab\r\n", b"2\nab\n"]
)  # fmt: skip
chunk_noise = st.lists(chunk_bits | st.binary(max_size=3), max_size=10).map(b"".join)


@settings(max_examples=600, deadline=None)
@given(data=chunk_noise, limit=st.integers(0, 12), cut=st.integers(0, 40), strict=st.booleans())
def test_arbitrary_chunked_bytes_raise_nothing_but_remote_errors_and_cutting_changes_nothing(
    feeding, data, limit, cut, strict
):
    make = (lambda: request_body_reader(request(CHUNKED), limit)) if strict else reader(CHUNKED, limit=limit)
    (_, body, _), _, _ = feeding.same(make, data, see, [cut])
    assert len(body) <= limit


@settings(max_examples=600, deadline=None)
@given(data=chunk_noise)
def test_chunked_bodies_that_h11_reads_are_read_the_same(data):
    oracle = h11.Connection(h11.CLIENT)
    oracle.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    oracle.send(h11.EndOfMessage())
    oracle.receive_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    body, ended = b"", False
    try:
        while (event := oracle.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Data):
                body += event.data
            ended = ended or isinstance(event, h11.EndOfMessage)
            if ended:
                break
    except h11.RemoteProtocolError:
        return
    if not ended:
        return
    codec = reader(CHUNKED)()
    codec.receive_data(data)
    assert (codec.done, codec.body) == (True, body)
    assert codec.trailing_data == oracle.trailing_data[0]
