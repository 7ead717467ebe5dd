from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Candidate, Credentials, Endpoint, Scheme, Trust, record_id, record_key
from shoal.domain.address import network_of
from shoal.options import AdmissionOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission, Seen

SECRET = b"secret"
OPEN = AdmissionOptions(allow=("10.0.0.0/8",), ports_per_host=2, hosts_per_net=4)


def make(options: AdmissionOptions = OPEN) -> Admission:
    return Admission(AddressRules.from_options(options), options, SECRET)


def entry(host: str, port: int = 80, scheme: Scheme | None = None, password: str | None = None) -> Candidate:
    credentials = None if password is None else Credentials("user", password)
    return Candidate(Endpoint(host, port), scheme, credentials)


def test_what_is_let_in_carries_key_id_source_trust_and_tags() -> None:
    candidate = entry("8.8.8.8", 3128, Scheme.HTTP, password="pass")
    (one,), refused = make().admit([candidate], source="mine", trust=Trust.OWN, tags=("paid",))
    assert one.key == record_key(candidate.endpoint, candidate.credentials, SECRET)
    assert one.id == record_id(one.key)
    assert (one.candidate, one.source, one.trust, one.tags) == (candidate, "mine", Trust.OWN, ("paid",))
    assert refused == Counter()


def test_special_addresses_are_refused_and_counted_by_reason() -> None:
    batch = [entry("127.0.0.1"), entry("10.0.0.1"), entry("10.0.0.2"), entry("169.254.169.254"), entry("8.8.8.8")]
    admitted, refused = make().admit(batch, source="list", trust=Trust.PUBLIC)
    assert [one.key for one in admitted] == ["8.8.8.8:80"]
    assert refused == {"loopback": 1, "private": 2, "link_local": 1}


def test_own_entries_enter_opened_networks() -> None:
    admitted, refused = make().admit([entry("10.0.0.1"), entry("127.0.0.1")], source="mine", trust=Trust.OWN)
    assert [one.key for one in admitted] == ["10.0.0.1:80"]
    assert refused == {"loopback": 1}


def test_duplicates_of_a_round_are_counted_but_other_schemes_and_passwords_are_kept() -> None:
    batch = [
        entry("8.8.8.8"),
        entry("8.8.8.8"),
        entry("8.8.8.8", scheme=Scheme.HTTP),
        entry("8.8.8.8", scheme=Scheme.SOCKS5),
        entry("8.8.8.8", scheme=Scheme.SOCKS5),
        entry("8.8.8.8", password="a"),
        entry("8.8.8.8", password="b"),
    ]
    admitted, refused = make().admit(batch, source="mine", trust=Trust.OWN)
    assert refused == {"duplicate": 2}
    assert [one.candidate.scheme for one in admitted] == [None, Scheme.HTTP, Scheme.SOCKS5, None, None]
    assert len({one.key for one in admitted}) == 3


def test_calls_that_share_seen_are_one_round() -> None:
    admission, seen = make(), Seen()
    first, _ = admission.admit([entry("8.8.8.8")], source="s", trust=Trust.PUBLIC, seen=seen)
    second, refused = admission.admit([entry("8.8.8.8")], source="s", trust=Trust.PUBLIC, seen=seen)
    assert len(first) == 1 and second == [] and refused == {"duplicate": 1}
    third, refused = admission.admit([entry("8.8.8.8")], source="s", trust=Trust.PUBLIC)
    assert len(third) == 1 and not refused


def test_public_hosts_are_capped_by_entries_across_sources() -> None:
    admission = make()
    admission.admit([entry("8.8.8.8", 1), entry("8.8.8.8", 2)], source="a", trust=Trust.PUBLIC)
    admitted, refused = admission.admit([entry("8.8.8.8", 3), entry("8.8.8.8", 2)], source="b", trust=Trust.PUBLIC)
    assert [one.key for one in admitted] == ["8.8.8.8:2"]
    assert refused == {"host_cap": 1}


def test_public_networks_are_capped() -> None:
    batch = [entry(f"8.8.8.{n}") for n in range(10)] + [entry("8.8.9.1")]
    admitted, refused = make().admit(batch, source="a", trust=Trust.PUBLIC)
    assert len(admitted) == 5 and refused == {"net_cap": 6}
    batch = [entry(f"2606:4700:1:{n:x}::1") for n in range(10)]
    admitted, refused = make().admit(batch, source="a", trust=Trust.PUBLIC)
    assert len(admitted) == 4 and refused == {"net_cap": 6}


def test_names_are_capped_by_host_alone() -> None:
    admitted, refused = make().admit(
        [entry("a.example.com", port) for port in (1, 2, 3)], source="a", trust=Trust.PUBLIC
    )
    assert len(admitted) == 2 and refused == {"host_cap": 1}


def test_own_entries_are_never_capped_and_do_not_use_up_public_room() -> None:
    admission = make()
    batch = [entry("8.8.8.8", port) for port in range(1, 100)]
    assert len(admission.admit(batch, source="mine", trust=Trust.OWN)[0]) == 99
    assert len(admission.admit(batch, source="list", trust=Trust.PUBLIC)[0]) == 2


def test_forgetting_makes_room_again() -> None:
    admission = make()
    admission.admit([entry("8.8.8.8", 1), entry("8.8.8.8", 2)], source="a", trust=Trust.PUBLIC)
    admission.forget()
    assert len(admission.admit([entry("8.8.8.8", 3)], source="a", trust=Trust.PUBLIC)[0]) == 1


def test_counts_forget_themselves_at_capacity_so_that_memory_stays_bounded() -> None:
    admission = make(AdmissionOptions(capacity=3, ports_per_host=1))
    hosts = [entry(f"8.{n}.0.1") for n in range(4)]
    assert len(admission.admit(hosts, source="a", trust=Trust.PUBLIC)[0]) == 4
    again = [entry("8.0.0.1", 81), entry("8.3.0.1", 81)]
    admitted, refused = admission.admit(again, source="a", trust=Trust.PUBLIC)
    assert [one.key for one in admitted] == ["8.0.0.1:81"] and refused == {"host_cap": 1}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5), st.sampled_from(Scheme)), max_size=80)
)
def test_no_list_gets_more_than_the_caps_and_every_entry_is_accounted_for(
    drawn: list[tuple[int, int, int, Scheme]],
) -> None:
    batch = [entry(f"8.8.{net}.{host}", port, scheme) for net, host, port, scheme in drawn]
    admitted, refused = make().admit(batch, source="a", trust=Trust.PUBLIC)
    assert len(admitted) + sum(refused.values()) == len(batch)
    endpoints = {one.candidate.endpoint for one in admitted}
    assert max(Counter(e.host for e in endpoints).values(), default=0) <= OPEN.ports_per_host
    assert max(Counter(network_of(e.host) for e in endpoints).values(), default=0) <= OPEN.hosts_per_net
