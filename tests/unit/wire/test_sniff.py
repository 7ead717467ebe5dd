import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.wire import Protocol, sniff
from shoal.wire.sniff import SNIFF_LIMIT_BYTES


@pytest.mark.parametrize(
    ("first", "protocol"),
    [
        (b"\x16\x03\x01", Protocol.TLS),
        (b"\x16\x02", Protocol.UNKNOWN),
        (b"\x04\x01", Protocol.SOCKS4),
        (b"\x04\x02", Protocol.SOCKS4),
        (b"\x04\x03", Protocol.UNKNOWN),
        (b"\x05\x01", Protocol.SOCKS5),
        (b"\x05\x00", Protocol.UNKNOWN),
        (b"GET / HTTP/1.1", Protocol.HTTP),
        (b"CONNECT x:1", Protocol.HTTP),
        (b"m-search *", Protocol.HTTP),
        (b"HTTP/1.1 200", Protocol.HTTP),
        (b"http/1.0 200", Protocol.HTTP),
        (b"SSH-2.0-OpenSSH", Protocol.UNKNOWN),
        (b"220 mail", Protocol.UNKNOWN),
        (b"\x00", Protocol.UNKNOWN),
        (b"A" * 32, Protocol.UNKNOWN),
        (b"A" * 31 + b" /", Protocol.HTTP),
        (b"A" * 32 + b" /", Protocol.UNKNOWN),
        (b"GET\r\n", Protocol.UNKNOWN),
    ],
)
def test_protocols_are_known_by_their_first_bytes(first, protocol):
    assert sniff(first) is protocol


@pytest.mark.parametrize("first", [b"", b"\x16", b"\x04", b"\x05", b"GET", b"HTTP", b"A" * 31])
def test_too_few_bytes_decide_nothing(first):
    assert sniff(first) is None


starts = st.sampled_from([b"", b"GET ", b"HTTP/", b"\x04", b"\x05", b"\x16\x03", b"PROPFIND", b"A" * 30])


@given(start=starts, rest=st.binary(max_size=40))
def test_a_decision_never_changes_and_comes_in_bounded_time(start, rest):
    data = start + rest
    decided = None
    for size in range(len(data) + 1):
        now = sniff(data[:size])
        assert decided is None or now is decided
        decided = now
        assert decided is not None or size < SNIFF_LIMIT_BYTES
