import pytest

from shoal.wire import ConnectClient, LocalProtocolError, Refusal, RequestHeadReader
from shoal.wire.http_connect import MAX_INTERIM_HEADS

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


def connect():
    return ConnectClient("example.com", 443)


def see(codec):
    return codec.done, codec.head.status if codec.head else None


def sent_by(codec):
    reader = RequestHeadReader()
    head = reader.receive_data(codec.data_to_send())
    assert reader.trailing_data == b""
    return head


def test_the_request_names_the_target_twice_and_nothing_else():
    assert connect().data_to_send() == b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"


def test_an_ipv6_target_gets_brackets():
    head = sent_by(ConnectClient("2001:db8::1", 80))
    assert (head.target, head.get("host")) == ("[2001:db8::1]:80", "[2001:db8::1]:80")


def test_credentials_and_user_agent_are_sent_when_given():
    head = sent_by(ConnectClient("a.example", 80, "user", "pa:ss", "probe/1"))
    assert head.get("proxy-authorization") == "Basic dXNlcjpwYTpzcw=="
    assert head.get("user-agent") == "probe/1"
    assert sent_by(ConnectClient("a.example", 80, "user")).get("proxy-authorization") == "Basic dXNlcjo="


def test_a_user_agent_cannot_add_a_header():
    with pytest.raises(LocalProtocolError):
        ConnectClient("a.example", 80, user_agent="x\r\nProxy-Authorization: y")


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.0 200 OK\r\nProxy-agent: x\r\n\r\n",
        b"HTTP/1.1 299 sure\r\n\r\n",
        b"HTTP/1.1 200 OK\nA: b\n\n",
        b"http/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 102 Wait\r\n\r\n" * MAX_INTERIM_HEADS + OK,
    ],
)
def test_any_2xx_opens_the_tunnel_and_what_follows_is_the_tunnels(feeding, answer):
    seen, sent = feeding.complete(connect, answer, see)
    assert seen == (True, 299 if b"299" in answer else 200)
    assert sent == connect().data_to_send()


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (101, Refusal.BAD_STATUS),
        (301, Refusal.BAD_STATUS),
        (400, Refusal.BAD_STATUS),
        (401, Refusal.DENIED),
        (403, Refusal.DENIED),
        (404, Refusal.BAD_STATUS),
        (405, Refusal.DENIED),
        (407, Refusal.AUTH),
        (451, Refusal.DENIED),
        (500, Refusal.BAD_STATUS),
        (502, Refusal.UNREACHABLE),
        (503, Refusal.UNREACHABLE),
        (504, Refusal.UNREACHABLE),
    ],
)
def test_other_answers_are_told_apart(feeding, status, refusal):
    data = f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\n".encode()
    seen, _, refused = feeding.same(connect, data, see, range(len(data)))
    assert seen == (False, status)
    assert refused == (refusal, status, f"the proxy answered CONNECT with {status} No")


@pytest.mark.parametrize("data", [b"S", b"\x05", b"HTTP/1.1 100 C\r\n\r\nX", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_malformed(feeding, data):
    assert feeding.same(connect, data, see)[2][0] is Refusal.MALFORMED


def test_heads_and_interim_heads_are_bounded(feeding):
    make = lambda: ConnectClient("a.example", 80, head_limit_bytes=40)  # noqa: E731
    assert feeding.same(make, b"HTTP/1.1 200 OK\r\nA: " + b"b" * 40, see)[2][0] is Refusal.LIMIT
    many = b"HTTP/1.1 102 Wait\r\n\r\n" * (MAX_INTERIM_HEADS + 1)
    assert feeding.same(connect, many + OK, see)[2][0] is Refusal.LIMIT
