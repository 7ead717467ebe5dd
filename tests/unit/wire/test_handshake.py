"""What holds for every handshake: the contract of ``Handshake``."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.wire import (
    ConnectClient,
    Handshake,
    LocalProtocolError,
    Refusal,
    RemoteProtocolError,
    Socks4Client,
    Socks4Server,
    Socks5Client,
    Socks5Server,
)
from shoal.wire.handshake import WAITING_LIMIT_BYTES


def socks5_with_login() -> Socks5Client:
    return Socks5Client("example.com", 443, "user", "secret")


CLIENTS = [
    lambda: Socks5Client("example.com", 443),
    socks5_with_login,
    lambda: Socks4Client("example.com", 443),
    lambda: ConnectClient("example.com", 443, head_limit_bytes=64),
]
SERVERS = [Socks5Server, lambda: Socks5Server(require_auth=True), Socks4Server]
ANSWERS = [
    b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50",
    b"\x05\x02\x01\x00\x05\x00\x00\x03\x04host\x00\x50",
    b"\x05\xff",
    b"\x00\x5a\x00\x50\x7f\x00\x00\x01",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 no\r\n\r\n",
    b"\x05\x01\x02\x01\x01u\x01p\x05\x01\x00\x03\x04host\x00\x50",
    b"\x05\x01\x00\x05\x01\x00\x04" + bytes(16) + b"\x00\x50",
    b"\x04\x01\x00\x50\x00\x00\x00\x01user\x00host\x00",
]
# Plain noise rarely gets past the first byte: the other half begins like a real conversation and then goes wrong.
noise = st.binary(max_size=96) | st.tuples(st.sampled_from(ANSWERS), st.integers(0, 40), st.binary(max_size=24)).map(
    lambda t: t[0][: t[1]] + t[2]
)


def see(codec):
    return codec.done, getattr(codec, "request", None), getattr(codec, "pending", None), getattr(codec, "bound", None)


@pytest.mark.parametrize("make", [*CLIENTS, *SERVERS])
@settings(max_examples=300, deadline=None)
@given(data=noise, cut=st.integers(0, 40))
def test_arbitrary_bytes_raise_nothing_but_remote_errors_and_cutting_changes_nothing(feeding, make, data, cut):
    feeding.same(make, data, see, [cut])


@pytest.mark.parametrize("make", [*CLIENTS, *SERVERS])
def test_end_of_input_before_the_end_is_eof(make):
    codec: Handshake = make()
    with pytest.raises(RemoteProtocolError) as caught:
        codec.receive_eof()
    assert caught.value.refusal is Refusal.EOF
    assert not codec.done
    assert codec.trailing_data == b""


@pytest.mark.parametrize("make", [*CLIENTS, *SERVERS])
def test_a_failed_handshake_stays_failed(make):
    codec = make()
    for _ in range(2):
        with pytest.raises(RemoteProtocolError) as caught:
            codec.receive_data(b"\xfe\xfe\xfe")
        assert caught.value.refusal is Refusal.MALFORMED
    assert not codec.done


def test_taking_the_data_to_send_empties_it():
    codec = Socks5Client("example.com", 443)
    assert codec.data_to_send() == b"\x05\x01\x00"
    assert codec.data_to_send() == b""


@pytest.mark.parametrize("port", [0, -1, 65536])
@pytest.mark.parametrize("client", [Socks5Client, Socks4Client, ConnectClient])
def test_a_port_out_of_range_is_refused_before_anything_is_sent(client, port):
    with pytest.raises(LocalProtocolError, match="port"):
        client("example.com", port)


BAD_HOSTS = [
    "",
    "a b",
    "a\r\nX: y",
    "a\0b",
    "bücher.example",
    "user@host",
    "host/path",
    "[::1]",
    "fe80::1%lo",
    "x" * 256,
]


@pytest.mark.parametrize("host", BAD_HOSTS)
@pytest.mark.parametrize("client", [Socks5Client, Socks4Client, ConnectClient])
def test_a_host_that_is_no_name_and_no_literal_is_refused(client, host):
    with pytest.raises(LocalProtocolError):
        client(host, 80)


@pytest.mark.parametrize("client", [Socks5Client, ConnectClient])
def test_a_password_without_a_user_name_is_refused(client):
    with pytest.raises(LocalProtocolError):
        client("example.com", 80, None, "secret")


@pytest.mark.parametrize(
    ("server", "request_bytes"),
    [
        (Socks5Server, b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50"),
        (Socks5Server, b"\x05\x01\x02\x01\x01u\x01p"),
        (Socks4Server, b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00"),
    ],
)
def test_what_a_client_sends_ahead_of_a_decision_is_bounded(server, request_bytes):
    codec = server()
    codec.receive_data(request_bytes + bytes(WAITING_LIMIT_BYTES))
    with pytest.raises(RemoteProtocolError) as caught:
        codec.receive_data(b"x")
    assert caught.value.refusal is Refusal.LIMIT
