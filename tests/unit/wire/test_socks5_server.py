import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.wire import LocalProtocolError, Refusal, RemoteProtocolError, Socks5Client, Socks5Request, Socks5Server

REQUEST = b"\x05\x01\x00\x03\x0bexample.com\x01\xbb"
LOGIN = b"\x01\x04user\x06secret"
REPLY_OK = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class Accepting(Socks5Server):
    """Takes every login and grants every request at once, so that it can be fed like a client."""

    __slots__ = ()

    def receive_data(self, data):
        super().receive_data(data)
        if self.pending == "auth":
            self.accept_auth(True)
        if self.pending == "request":
            self.reply(0)


def see(codec):
    return codec.done, codec.request, codec.pending


def test_without_login(feeding):
    seen, sent = feeding.complete(Accepting, b"\x05\x01\x00" + REQUEST, see)
    assert seen == (True, Socks5Request(1, "example.com", 443), None)
    assert sent == b"\x05\x00" + REPLY_OK


def test_with_login(feeding):
    seen, sent = feeding.complete(Accepting, b"\x05\x02\x00\x02" + LOGIN + REQUEST, see)
    assert seen == (True, Socks5Request(1, "example.com", 443, "user", "secret"), None)
    assert sent == b"\x05\x02\x01\x00" + REPLY_OK


def test_each_decision_waits_for_the_caller():
    server = Socks5Server(require_auth=True)
    server.receive_data(b"\x05\x01\x02" + LOGIN + REQUEST)
    assert (server.pending, server.username, server.password) == ("auth", "user", "secret")
    assert server.data_to_send() == b"\x05\x02"
    server.accept_auth(True)
    assert server.pending == "request"
    assert server.data_to_send() == b"\x01\x00"
    server.reply(0, ("::1", 8080))
    assert server.done
    assert server.data_to_send() == b"\x05\x00\x00\x04" + bytes(15) + b"\x01\x1f\x90"


def test_refused_credentials_end_it():
    server = Socks5Server()
    server.receive_data(b"\x05\x01\x02" + LOGIN + REQUEST)
    server.data_to_send()
    server.accept_auth(False)
    assert server.data_to_send() == b"\x01\x01"
    assert (server.done, server.pending, server.request) == (False, None, None)


@pytest.mark.parametrize("methods", [b"\x01\x00", b"\x01\x01", b"\x00"])
def test_a_client_without_an_acceptable_method_is_told_so(methods):
    server = Socks5Server(require_auth=True)
    with pytest.raises(RemoteProtocolError) as caught:
        server.receive_data(b"\x05" + methods)
    assert caught.value.refusal is Refusal.AUTH
    assert server.data_to_send() == b"\x05\xff"


@pytest.mark.parametrize("code", [1, 2, 5, 255])
def test_a_reply_other_than_success_ends_it(code):
    server = Socks5Server()
    server.receive_data(b"\x05\x01\x00" + REQUEST)
    server.data_to_send()
    server.reply(code)
    assert server.data_to_send()[:2] == bytes((5, code))
    assert not server.done


@pytest.mark.parametrize("command", [1, 2, 3, 200])
def test_the_command_is_told_whatever_it_is(command):
    server = Socks5Server()
    server.receive_data(b"\x05\x01\x00\x05" + bytes([command]) + REQUEST[2:])
    assert server.request == Socks5Request(command, "example.com", 443)


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (b"\x05\x01\x00\x02", 8),
        (b"\x05\x01\x00\x03\x00\x00\x50", 1),
        (b"\x05\x01\x00\x03\x03a\nb\x00\x50", 1),
        (b"\x05\x01\x00\x03\x02\xc3\xa9\x00\x50", 1),
    ],
)
def test_a_target_that_is_none_is_answered_and_refused(feeding, request_bytes, answer):
    _, sent, refused = feeding.same(Socks5Server, b"\x05\x01\x00" + request_bytes, see)
    assert refused[0] is Refusal.MALFORMED
    assert sent == b"\x05\x00\x05" + bytes([answer]) + REPLY_OK[2:]


@pytest.mark.parametrize("data", [b"G", b"\x05\x01\x02\x05", b"\x05\x01\x00\x04"])
def test_a_wrong_version_byte_is_malformed_at_once(feeding, data):
    assert feeding.same(Socks5Server, data, see)[2][0] is Refusal.MALFORMED


def test_answers_out_of_turn_are_our_own_mistake():
    server = Socks5Server()
    with pytest.raises(LocalProtocolError):
        server.reply(0)
    with pytest.raises(LocalProtocolError):
        server.accept_auth(True)
    server.receive_data(b"\x05\x01\x00" + REQUEST)
    with pytest.raises(LocalProtocolError):
        server.accept_auth(True)
    for wrong in ((256, ("0.0.0.0", 0)), (0, ("0.0.0.0", 65536)), (0, ("a b", 0))):
        with pytest.raises(LocalProtocolError):
            server.reply(*wrong)
    assert server.pending == "request"


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(
    host=st.sampled_from(["example.com", "192.0.2.1", "2001:db8::5"]),
    port=st.integers(1, 65535),
    login=st.none() | st.tuples(text, text),
    ahead=st.binary(max_size=20),
)
def test_our_client_and_our_server_agree(host, port, login, ahead):
    user, password = login or (None, None)
    client, server = Socks5Client(host, port, user, password), Socks5Server(require_auth=login is not None)
    for _ in range(4):
        server.receive_data(client.data_to_send())
        if server.pending == "auth":
            server.accept_auth(True)
        if server.pending == "request":
            server.reply(0, ("127.0.0.9", 4711))
            client.receive_data(server.data_to_send() + ahead)
        else:
            client.receive_data(server.data_to_send())
        if client.done:
            break
    assert client.done
    assert server.done
    assert server.request == Socks5Request(1, host, port, user, password)
    assert client.bound == ("127.0.0.9", 4711)
    assert client.trailing_data == ahead
