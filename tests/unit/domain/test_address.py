import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Refused
from shoal.domain.address import canonical_host, ipv4_number, is_ip, network_of, special_use

V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6)


@given(V4)
def test_dotted_addresses_are_kept_as_they_are(text: str) -> None:
    assert canonical_host(text) == text
    assert ipv4_number(text) == int(ipaddress.IPv4Address(text))
    assert is_ip(text)


@given(V6)
def test_every_spelling_of_an_ipv6_address_becomes_the_same(address: ipaddress.IPv6Address) -> None:
    for spelling in (address.exploded, address.compressed, address.exploded.upper(), f"[{address.compressed}]"):
        assert canonical_host(spelling) == address.compressed
    assert is_ip(address.compressed)


@pytest.mark.parametrize(
    "text",
    [
        "999.1.1.1",
        "256.0.0.1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4.",
        "1..2.3",
        "0177.0.0.1",
        "127.0.0.01",
        "0x7f.0.0.1",
        "0x7f000001",
        "0X7F.1",
        "2130706433",
        "127.1",
        ".",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "1:2:3",
        ":::",
        "[::1",
        "host:name",
        "example.127",
        "a.b.0x7f",
        "127。0。0。1",
        "１２７.0.0.1",
    ],
)
def test_what_looks_like_an_address_but_is_none_is_refused(text: str) -> None:
    assert canonical_host(text) in (Refused.BAD_ADDRESS, Refused.MALFORMED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-a.com",
        "a-.com",
        "a b.com",
        "a\x00b.com",
        "1.2.3.4\x00",
        "1.2.3.4\n",
        "a/b",
        "user@host",
        "a" * 64 + ".com",
        "a." * 127 + "com",
        "\ud800.com",
        "exa..mple.com",
    ],
)
def test_what_is_no_host_is_malformed(text: str) -> None:
    assert isinstance(canonical_host(text), Refused)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("my_host.example", "my_host.example"),
        ("localhost", "localhost"),
        ("4chan.org", "4chan.org"),
    ],
)
def test_names_are_lower_case_ascii_without_the_last_dot(text: str, canonical: str) -> None:
    assert canonical_host(text) == canonical


@given(st.text(max_size=80))
def test_any_text_is_a_canonical_host_or_a_reason(text: str) -> None:
    found = canonical_host(text)
    if not isinstance(found, Refused):
        assert canonical_host(found) == found
        special_use(found)
        network_of(found)


@given(V4)
def test_an_address_the_standard_library_calls_special_is_never_global(text: str) -> None:
    address = ipaddress.IPv4Address(text)
    if not address.is_global or address.is_multicast:
        assert special_use(text) is not None


@given(V6)
def test_an_ipv6_address_the_standard_library_calls_special_is_never_global(address: ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        assert special_use(address.compressed) is not None


@given(V4)
def test_no_ipv4_address_hides_in_an_ipv6_one(text: str) -> None:
    number = int(ipaddress.IPv4Address(text))
    for network, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80), ("::", 0)):
        inside = ipaddress.IPv6Address(int(ipaddress.IPv6Address(network)) | number << shift)
        assert special_use(inside.compressed) is not None


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", Refused.LOOPBACK),
        ("127.255.255.254", Refused.LOOPBACK),
        ("10.1.2.3", Refused.PRIVATE),
        ("172.15.255.255", None),
        ("172.16.0.0", Refused.PRIVATE),
        ("172.31.255.255", Refused.PRIVATE),
        ("172.32.0.0", None),
        ("100.64.0.1", Refused.PRIVATE),
        ("100.128.0.0", None),
        ("169.254.169.254", Refused.LINK_LOCAL),
        ("0.0.0.0", Refused.RESERVED),
        ("224.0.0.1", Refused.MULTICAST),
        ("255.255.255.255", Refused.RESERVED),
        ("192.0.2.1", Refused.RESERVED),
        ("198.19.255.255", Refused.RESERVED),
        ("8.8.8.8", None),
        ("::1", Refused.LOOPBACK),
        ("::", Refused.RESERVED),
        ("fd00::1", Refused.PRIVATE),
        ("fe80::1", Refused.LINK_LOCAL),
        ("ff02::1", Refused.MULTICAST),
        ("::ffff:127.0.0.1", Refused.LOOPBACK),
        ("::ffff:8.8.8.8", Refused.RESERVED),
        ("2001:db8::1", Refused.RESERVED),
        ("2600::1", None),
        ("localhost", Refused.PRIVATE),
        ("printer", Refused.PRIVATE),
        ("db.internal", Refused.PRIVATE),
        ("nas.local", Refused.PRIVATE),
        ("metadata.google.internal", Refused.PRIVATE),
        ("example.com", None),
        ("notlocal.com", None),
    ],
)
def test_special_use_addresses_and_names(host: str, why: Refused | None) -> None:
    assert special_use(host) is why


def test_blocks_are_the_24_the_48_or_the_name() -> None:
    assert network_of("198.51.100.7") == network_of("198.51.100.200") != network_of("198.51.101.7")
    assert network_of("2600:1:2:3::1") == network_of("2600:1:2:ffff::") != network_of("2600:1:3::1")
    assert network_of("example.com") == "example.com"
