import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.wire import LocalProtocolError, Refusal, RemoteProtocolError, Socks4Client, Socks4Request, Socks4Server

GRANT = b"\x00\x5a\x1f\x90\x7f\x00\x00\x02"


class Accepting(Socks4Server):
    """Grants at once, so that it can be fed like a client."""

    __slots__ = ()

    def receive_data(self, data):
        super().receive_data(data)
        if self.request and not self.done:
            self.reply(True)


def see_client(codec):
    return codec.done, codec.bound, codec.sloppy_version


def see_server(codec):
    return codec.done, codec.request


@pytest.mark.parametrize(
    ("args", "sent"),
    [
        (("192.0.2.7", 80), b"\x04\x01\x00\x50\xc0\x00\x02\x07\x00"),
        (("192.0.2.7", 80, "me"), b"\x04\x01\x00\x50\xc0\x00\x02\x07me\x00"),
        (("host.example", 443, "me"), b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00host.example\x00"),
    ],
)
def test_literals_go_as_socks4_and_names_as_socks4a(feeding, args, sent):
    outcome = feeding.complete(lambda: Socks4Client(*args), GRANT, see_client)
    assert outcome == ((True, ("127.0.0.2", 8080), False), sent)


def test_a_server_that_answers_with_version_4_is_taken_and_noted(feeding):
    outcome = feeding.complete(lambda: Socks4Client("a.example", 80), b"\x04" + GRANT[1:], see_client)
    assert outcome[0] == (True, ("127.0.0.2", 8080), True)


@pytest.mark.parametrize(
    ("answer", "refusal", "code"),
    [
        (b"\x00\x5b", Refusal.DENIED, 91),
        (b"\x00\x5c", Refusal.AUTH, 92),
        (b"\x00\x5d", Refusal.AUTH, 93),
        (b"\x00\x00", Refusal.BAD_STATUS, 0),
        (b"\x05", Refusal.MALFORMED, 0),
        (b"H", Refusal.MALFORMED, 0),
    ],
)
def test_refusals_are_known_at_the_second_byte(feeding, answer, refusal, code):
    for rest in (b"", bytes(6)):
        _, _, refused = feeding.same(lambda: Socks4Client("a.example", 80), answer + rest, see_client)
        assert refused[:2] == (refusal, code)


@pytest.mark.parametrize(
    "args", [("::1", 80), ("0.0.0.9", 80), ("a.example", 80, "nul\0"), ("a.example", 80, "u" * 256)]
)
def test_what_socks4_cannot_say_is_refused(args):
    with pytest.raises(LocalProtocolError):
        Socks4Client(*args)


def test_server_reads_both_forms(feeding):
    outcome = feeding.complete(Accepting, b"\x04\x01\x00\x50\xc0\x00\x02\x07me\x00", see_server)
    assert outcome[0] == (True, Socks4Request(1, "192.0.2.7", 80, "me", False))
    outcome = feeding.complete(Accepting, b"\x04\x02\x00\x50\x00\x00\x00\x07\x00a.example\x00", see_server)
    assert outcome == ((True, Socks4Request(2, "a.example", 80, "", True)), b"\x00\x5a" + bytes(6))


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"\x05", Refusal.MALFORMED),
        (b"\x04\x01\x00\x50\x00\x00\x00\x01\x00\x00", Refusal.MALFORMED),
        (b"\x04\x01\x00\x50\x00\x00\x00\x01\x00a\r\nb\x00", Refusal.MALFORMED),
        (b"\x04\x01\x00\x50\x7f\x00\x00\x01" + b"u" * 256, Refusal.LIMIT),
        (b"\x04\x01\x00\x50\x00\x00\x00\x01\x00" + b"n" * 256, Refusal.LIMIT),
    ],
)
def test_server_refuses_bad_and_endless_fields(feeding, data, refusal):
    assert feeding.same(Socks4Server, data, see_server)[2][0] is refusal


@pytest.mark.parametrize("size", [254, 255])
def test_fields_up_to_their_limit_are_read(feeding, size):
    data = b"\x04\x01\x00\x50\x00\x00\x00\x01" + b"u" * size + b"\x00" + b"n" * size + b"\x00"
    assert feeding.complete(Accepting, data, see_server)[0][1].host == "n" * size


def test_a_rejected_client_is_told_and_the_server_is_not_done():
    server = Socks4Server()
    with pytest.raises(LocalProtocolError):
        server.reply(True)
    server.receive_data(b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00")
    for bound in (("::1", 1), ("0.0.0.0", 65536), ("name", 1)):
        with pytest.raises(LocalProtocolError):
            server.reply(True, bound)
    server.reply(False)
    assert server.data_to_send() == b"\x00\x5b" + bytes(6)
    assert not server.done


@given(
    host=st.sampled_from(["192.0.2.1", "a.example", "x"]),
    port=st.integers(1, 65535),
    user=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50),
    granted=st.booleans(),
)
def test_our_client_and_our_server_agree(host, port, user, granted):
    client, server = Socks4Client(host, port, user), Socks4Server()
    server.receive_data(client.data_to_send())
    assert server.request == Socks4Request(1, host, port, user, host != "192.0.2.1")
    server.reply(granted, ("127.0.0.3", 99))
    if granted:
        client.receive_data(server.data_to_send())
        assert client.bound == ("127.0.0.3", 99)
    else:
        with pytest.raises(RemoteProtocolError):
            client.receive_data(server.data_to_send())
    assert client.done is server.done is granted
