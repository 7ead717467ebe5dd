import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.wire import LocalProtocolError
from shoal.wire.socks5 import address_size, decode_address, encode_address, encode_login

hosts = (
    st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).map(str)
    | st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{1,10}){0,3}", fullmatch=True)
)


@given(host=hosts, port=st.integers(0, 65535))
def test_an_address_field_reads_back_as_it_was_written(host, port):
    field = encode_address(host, port)
    assert address_size(bytearray(b"xyz" + field + b"tail"), 3) == len(field)
    assert decode_address(field) == (host, port)


@pytest.mark.parametrize(
    ("host", "field"),
    [
        ("127.0.0.1", b"\x01\x7f\x00\x00\x01\x01\xbb"),
        ("::1", b"\x04" + bytes(15) + b"\x01\x01\xbb"),
        ("a.example", b"\x03\x09a.example\x01\xbb"),
        ("127.1", b"\x03\x05127.1\x01\xbb"),
    ],
)
def test_address_fields_follow_rfc_1928_section_5(host, field):
    assert encode_address(host, 443) == field


def test_the_size_of_a_name_is_unknown_until_its_length_byte_has_come():
    assert address_size(bytearray(b"\x03"), 0) is None
    assert address_size(bytearray(b"\x02\x00"), 0) == 0


@pytest.mark.parametrize(("user", "password"), [("", "p"), ("u", ""), ("u" * 256, "p"), ("u", "é" * 128)])
def test_a_login_field_must_have_1_to_255_bytes(user, password):
    with pytest.raises(LocalProtocolError):
        encode_login(user, password)


def test_a_login_is_utf_8_with_length_bytes():
    assert encode_login("é", "p" * 255) == b"\x01\x02\xc3\xa9\xff" + b"p" * 255
