from __future__ import annotations

import pytest

from shoal.domain import Candidate, Endpoint, Refused, Trust
from shoal.options import AdmissionOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.policy.own_ports import OwnPorts
from shoal.policy.target_rules import TargetRules


@pytest.mark.parametrize(
    ("listen", "host", "port", "ours"),
    [
        ("127.0.0.1", "127.0.0.1", 5011, True),
        ("127.0.0.1", "localhost", 5011, True),
        ("127.0.0.1", "127.0.0.1", 5012, False),
        ("127.0.0.1", "127.0.0.2", 5011, False),
        ("192.168.1.5", "192.168.1.5", 5011, True),
        ("0.0.0.0", "127.9.9.9", 5011, True),
        ("0.0.0.0", "192.168.1.5", 5011, True),
        ("::", "::1", 5011, True),
        ("0.0.0.0", "127.0.0.1", 5012, False),
        ("0.0.0.0", "8.8.8.8", 5011, False),
    ],
)
def test_what_leads_to_a_listener_of_ours_is_covered(listen: str, host: str, port: int, ours: bool) -> None:
    ports = OwnPorts()
    ports.add(listen, 5011)
    assert ports.cover(host, port) is ours


def test_a_list_that_names_our_own_port_is_refused_even_where_loopback_is_opened() -> None:
    options = AdmissionOptions(allow=("127.0.0.0/8",))
    ports = OwnPorts()
    ports.add("127.0.0.1", 5011)
    admission = Admission(AddressRules.from_options(options), options, b"k", ports)
    candidates = [Candidate(Endpoint("127.0.0.1", port)) for port in (5011, 5012)]
    admitted, refused = admission.admit(candidates, source="s", trust=Trust.OWN)
    assert [one.candidate.endpoint.port for one in admitted] == [5012]
    assert refused == {Refused.OURSELVES.value: 1}


def test_a_client_that_asks_the_gateway_for_itself_is_refused() -> None:
    rules = TargetRules(allow=("127.0.0.0/8",))
    assert rules.judge("127.0.0.1", 5011) == ("127.0.0.1", None)
    rules.own_ports.add("127.0.0.1", 5011)
    for host in ("127.0.0.1", "localhost", "LOCALHOST."):
        assert rules.judge(host, 5011)[1] == "the target is this gateway itself"
    assert rules.judge("127.0.0.1", 5010)[1] is None
