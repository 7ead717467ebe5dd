import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Refused, Trust
from shoal.errors import ConfigError
from shoal.options import AdmissionOptions
from shoal.policy.address_rules import AddressRules

OWN, PUBLIC = Trust.OWN, Trust.PUBLIC


def rules(**settings: tuple[str, ...]) -> AddressRules:
    return AddressRules.from_options(AdmissionOptions(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "proxy.example.com"])
def test_global_hosts_pass_for_everybody(host: str) -> None:
    assert rules().refusal(host, OWN) is None
    assert rules().refusal(host, PUBLIC) is None


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", Refused.LOOPBACK),
        ("127.8.9.10", Refused.LOOPBACK),
        ("::1", Refused.LOOPBACK),
        ("10.0.0.1", Refused.PRIVATE),
        ("192.168.1.1", Refused.PRIVATE),
        ("100.64.0.1", Refused.PRIVATE),
        ("fd00::1", Refused.PRIVATE),
        ("169.254.169.254", Refused.LINK_LOCAL),
        ("fe80::1", Refused.LINK_LOCAL),
        ("224.0.0.1", Refused.MULTICAST),
        ("0.0.0.0", Refused.RESERVED),
        ("::", Refused.RESERVED),
        ("::ffff:7f00:1", Refused.LOOPBACK),
        ("64:ff9b::7f00:1", Refused.RESERVED),
        ("localhost", Refused.PRIVATE),
        ("db.internal", Refused.PRIVATE),
        ("redis", Refused.PRIVATE),
    ],
)
def test_special_hosts_are_refused_for_everybody_by_default(host: str, why: Refused) -> None:
    assert rules().refusal(host, OWN) is why
    assert rules().refusal(host, PUBLIC) is why


def test_allow_opens_a_network_for_the_user_and_never_for_a_public_list() -> None:
    opened = rules(allow=("127.0.0.0/8", "fd00::/8"))
    assert opened.refusal("127.1.2.3", OWN) is None
    assert opened.refusal("fd00::5", OWN) is None
    assert opened.refusal("10.0.0.1", OWN) is Refused.PRIVATE
    assert opened.refusal("127.1.2.3", PUBLIC) is Refused.LOOPBACK
    assert opened.refusal("localhost", PUBLIC) is Refused.PRIVATE


def test_allow_public_opens_a_network_for_both() -> None:
    lab = rules(allow_public=("127.0.0.0/8",))
    assert lab.refusal("127.1.2.3", PUBLIC) is None
    assert lab.refusal("127.1.2.3", OWN) is None
    assert lab.refusal("169.254.169.254", PUBLIC) is Refused.LINK_LOCAL


@pytest.mark.parametrize("network", ["127.0.0.0/8", "10.1.0.0/16", "::1/128", "fc00::/7", "0.0.0.0/0"])
def test_local_names_pass_when_a_local_network_is_open(network: str) -> None:
    assert rules(allow=(network,)).refusal("localhost", OWN) is None


@pytest.mark.parametrize("network", ["169.254.0.0/16", "198.18.0.0/15", "2001:db8::/32"])
def test_local_names_stay_shut_when_only_other_networks_are_open(network: str) -> None:
    assert rules(allow=(network,)).refusal("localhost", OWN) is Refused.PRIVATE


def test_denied_wins_over_allowed() -> None:
    both = rules(allow=("10.0.0.0/8",), deny=("10.1.0.0/16", "1.2.3.4", "2606:4700::/32", "Bad.Example"))
    assert both.refusal("10.2.0.1", OWN) is None
    assert both.refusal("10.1.0.1", OWN) is Refused.DENIED
    assert both.refusal("1.2.3.4", PUBLIC) is Refused.DENIED
    assert both.refusal("1.2.3.5", PUBLIC) is None
    assert both.refusal("2606:4700::1", OWN) is Refused.DENIED
    assert both.refusal("2606:4701::1", OWN) is None


def test_a_denied_name_covers_the_names_below_it_and_no_others() -> None:
    denied = rules(deny=("Bad.Example.",))
    assert denied.refusal("bad.example", PUBLIC) is Refused.DENIED
    assert denied.refusal("a.b.bad.example", PUBLIC) is Refused.DENIED
    assert denied.refusal("notbad.example", PUBLIC) is None
    assert denied.refusal("example", PUBLIC) is Refused.PRIVATE


def test_an_ipv4_address_inside_ipv6_is_judged_as_the_ipv4_address() -> None:
    assert rules(allow=("::/0",)).refusal("::ffff:a00:1", OWN) is Refused.PRIVATE
    assert rules(allow=("127.0.0.0/8",)).refusal("::ffff:7f00:1", OWN) is None
    assert rules(deny=("1.2.3.0/24",)).refusal("::ffff:102:304", OWN) is Refused.DENIED


def test_every_bad_entry_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        rules(allow=("10.0.0.1/8", "nonsense"), allow_public=("1.2.3.0/33",), deny=("999.1.1.1", "ok.example"))
    problems = caught.value.problems
    assert len(problems) == 4
    assert problems[0].startswith("allow: '10.0.0.1/8'") and "10.0.0.0/8" in problems[0]
    assert problems[1].startswith("allow: 'nonsense'")
    assert problems[2].startswith("allow_public: '1.2.3.0/33'")
    assert problems[3].startswith("deny: '999.1.1.1'") and "host name" in problems[3]


@given(st.ip_addresses())
def test_no_address_passes_that_the_standard_library_calls_private_or_local(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    why = rules().refusal(address.compressed, PUBLIC)
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert why is not None
    assert rules(allow=("0.0.0.0/0", "::/0")).refusal(address.compressed, PUBLIC) == why
