from ipaddress import IPv4Address, IPv6Address

import pytest

from shoal.wire import LocalProtocolError
from shoal.wire.address import authority, check_target


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("192.0.2.1", IPv4Address),
        ("2001:db8::1", IPv6Address),
        ("::ffff:192.0.2.1", IPv6Address),
        ("example.com", type(None)),
        ("xn--bcher-kva.example", type(None)),
        ("_srv.example.", type(None)),
        ("host1", type(None)),
        ("192.0.2.256", type(None)),
    ],
)
def test_literals_and_names_are_told_apart(host, kind):
    assert isinstance(check_target(host, 80), kind)


@pytest.mark.parametrize("host", ["1²", "::g", "a:b", "١٢٧.0.0.١"])
def test_what_only_looks_like_a_literal_is_refused(host):
    with pytest.raises(LocalProtocolError):
        check_target(host, 80)


def test_an_ipv6_literal_gets_brackets():
    assert authority("::1", 80) == "[::1]:80"
    assert authority("127.0.0.1", 80) == "127.0.0.1:80"
    assert authority("a.example", 80) == "a.example:80"
