import pytest

from shoal.wire import LocalProtocolError, Refusal, RemoteProtocolError, Socks5Client

REQUEST = b"\x05\x01\x00\x03\x0bexample.com\x01\xbb"
BOUND_4 = b"\x05\x00\x00\x01\x7f\x00\x00\x02\x1f\x90"


def see(codec):
    return codec.done, codec.bound


def plain():
    return Socks5Client("example.com", 443)


def with_login():
    return Socks5Client("example.com", 443, "user", "secret")


def test_without_login(feeding):
    seen, sent = feeding.complete(plain, b"\x05\x00" + BOUND_4, see)
    assert seen == (True, ("127.0.0.2", 8080))
    assert sent == b"\x05\x01\x00" + REQUEST


def test_with_login(feeding):
    seen, sent = feeding.complete(with_login, b"\x05\x02\x01\x00" + BOUND_4, see)
    assert seen == (True, ("127.0.0.2", 8080))
    assert sent == b"\x05\x02\x00\x02\x01\x04user\x06secret" + REQUEST


def test_credentials_stay_home_when_the_proxy_wants_none(feeding):
    _, sent = feeding.complete(with_login, b"\x05\x00" + BOUND_4, see)
    assert sent == b"\x05\x02\x00\x02" + REQUEST


def test_nothing_is_sent_ahead_of_the_answer():
    codec = with_login()
    assert codec.data_to_send() == b"\x05\x02\x00\x02"
    codec.receive_data(b"\x05")
    assert codec.data_to_send() == b""
    codec.receive_data(b"\x02")
    assert codec.data_to_send() == b"\x01\x04user\x06secret"
    codec.receive_data(b"\x01\x00")
    assert codec.data_to_send() == REQUEST


def test_a_login_answer_with_the_socks_version_is_taken(feeding):
    assert feeding.complete(with_login, b"\x05\x02\x05\x00" + BOUND_4, see)[0][0]


@pytest.mark.parametrize(
    ("field", "bound"),
    [
        (b"\x04" + bytes(15) + b"\x01\x00\x50", ("::1", 80)),
        (b"\x03\x04host\x00\x50", ("host", 80)),
        (b"\x03\x00\x00\x00", ("", 0)),
        (b"\x03\x03a\x00:\x00\x50", ("", 80)),
    ],
)
def test_every_form_of_bound_address_is_read_and_none_carries_control_characters(feeding, field, bound):
    assert feeding.complete(plain, b"\x05\x00\x05\x00\x00" + field, see)[0] == (True, bound)


@pytest.mark.parametrize(
    ("host", "field"),
    [("192.0.2.7", b"\x01\xc0\x00\x02\x07"), ("2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01")],
)
def test_literals_are_sent_as_addresses(host, field):
    codec = Socks5Client(host, 80)
    codec.receive_data(b"\x05\x00")
    assert codec.data_to_send() == b"\x05\x01\x00" + b"\x05\x01\x00" + field + b"\x00\x50"


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (1, Refusal.BAD_STATUS),
        (2, Refusal.DENIED),
        (3, Refusal.UNREACHABLE),
        (4, Refusal.UNREACHABLE),
        (5, Refusal.REFUSED),
        (6, Refusal.UNREACHABLE),
        (7, Refusal.BAD_STATUS),
        (8, Refusal.BAD_STATUS),
        (0x5B, Refusal.BAD_STATUS),
    ],
)
@pytest.mark.parametrize("rest", [b"", b"\x00\x01\x00\x00\x00\x00\x00\x00"])
def test_reply_codes_are_told_apart_even_when_the_rest_is_missing(feeding, code, refusal, rest):
    seen, _, refused = feeding.same(plain, b"\x05\x00\x05" + bytes([code]) + rest, see)
    assert refused[:2] == (refusal, code)
    assert seen == (False, None)


@pytest.mark.parametrize(
    ("make", "data", "refusal", "code"),
    [
        (plain, b"\x05\xff", Refusal.AUTH, 0xFF),
        (plain, b"\x05\x02", Refusal.AUTH, 2),
        (with_login, b"\x05\x02\x01\x01", Refusal.AUTH, 1),
        (plain, b"\x05\x01", Refusal.MALFORMED, 1),
        (plain, b"H", Refusal.MALFORMED, 0),
        (plain, b"\x04", Refusal.MALFORMED, 0),
        (with_login, b"\x05\x02\x00", Refusal.MALFORMED, 0),
        (plain, b"\x05\x00\x00", Refusal.MALFORMED, 0),
        (plain, b"\x05\x00\x05\x00\x00\x02", Refusal.MALFORMED, 0),
    ],
)
def test_other_refusals(feeding, make, data, refusal, code):
    assert feeding.same(make, data, see)[2][:2] == (refusal, code)


def test_end_of_input_after_a_partial_reply_is_eof():
    codec = plain()
    codec.receive_data(b"\x05\x00\x05\x00\x00\x01\x00")
    with pytest.raises(RemoteProtocolError) as caught:
        codec.receive_eof()
    assert caught.value.refusal is Refusal.EOF


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("x", ""), ("x", None), ("x" * 256, "x")])
def test_credentials_that_do_not_fit_are_refused(user, password):
    with pytest.raises(LocalProtocolError):
        Socks5Client("example.com", 443, user, password)
