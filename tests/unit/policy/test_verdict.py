"""What an echo proves."""

from __future__ import annotations

import pytest

from shoal.domain import Anonymity, Capability, Failure, Honesty, Reason, Scheme, Stage
from shoal.policy.discovery import Attempt
from shoal.policy.verdict import Echo, Outcome, OwnAddresses, anonymity_of, facts_of, gives_away, honesty_of

OWN = OwnAddresses({"198.51.100.7", "2001:db8::7"})
SENT = {"Host": "judge.test:8000", "User-Agent": "x", "Connection": "close"}
FORWARD = Attempt(Scheme.HTTP, "forward")
TUNNEL = Attempt(Scheme.HTTP, "tunnel", True)
DOCUMENT = Attempt(Scheme.HTTP, "forward", False, True)
MISMATCH = Failure(Stage.CONTENT, Reason.MISMATCH)


def echo(*extra, address="203.0.113.1", target="/check/", sent=SENT):
    return Echo(address, True, [*sent.items(), *extra], target)


def test_an_unchanged_request_is_elite():
    assert anonymity_of(echo(), OWN, SENT) is Anonymity.ELITE


def test_other_case_and_a_dropped_header_prove_nothing():
    seen = Echo("203.0.113.1", True, [("host", "judge.test:8000"), ("user-agent", "x")], "/")
    assert anonymity_of(seen, OWN, SENT) is Anonymity.ELITE


@pytest.mark.parametrize(
    "value",
    [
        "198.51.100.7", "for=198.51.100.7;by=1.1.1.1", "::ffff:198.51.100.7", "8.8.8.8, 198.51.100.7", "c6336407",
        "C6336407", "198.51.100.7:4000", "[2001:db8::7]", "2001:DB8:0:0:0:0:0:7",
    ],
)  # fmt: skip
def test_our_address_in_any_header_is_transparent(value):
    assert anonymity_of(echo(("X-Anything", value)), OWN, SENT) is Anonymity.TRANSPARENT


@pytest.mark.parametrize("value", ["198.51.100.70", "1198.51.100.7", "198.51.100.7.1", "ac6336407b"])
def test_an_address_that_only_resembles_ours_is_not_ours(value):
    assert anonymity_of(echo(("X-Anything", value)), OWN, SENT) is Anonymity.ELITE


def test_our_address_as_the_exit_is_transparent():
    assert anonymity_of(echo(address="198.51.100.7"), OWN, SENT) is Anonymity.TRANSPARENT


def test_a_judge_at_our_own_address_does_not_make_everyone_transparent():
    sent = {"Host": "198.51.100.7:8000"}
    assert anonymity_of(echo(sent=sent), OWN, sent) is Anonymity.ELITE


ADMITTING = [
    "Via",
    "Forwarded",
    "Forwarded-For",
    "Forwarded-For-IP",
    "Client-IP",
    "ClientIP",
    "X-Client-IP",
    "X-Real-IP",
    "X-Originating-IP",
    "X-Remote-IP",
    "X-Remote-Addr",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
    "X-BlueCoat-Via",
    "MT-Proxy-ID",
    "X-Tinyproxy",
    "X-Squid-Error",
    "X-Cache",
    "X-Cache-Lookup",
    "X-Varnish",
    "CDN-Loop",
    "Pragma-Proxy",
    "XRoxy-Connection",
    "X-IMForwards",
    "XProxy",
    "Surrogate-Capability",
    "WL-Proxy-Client-IP",
    "X-Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "Proxy-Client-IP",
    "X-Proxy-ID",
    "X-Proxy-Connection",
    "X-Proxyuser-IP",
    "X-Via",
    "HTTP-X-Forwarded-For",
]


@pytest.mark.parametrize("name", ADMITTING)
@pytest.mark.parametrize("spelled", [str, str.lower, str.upper])
def test_each_header_that_names_us_is_transparent_in_every_spelling(name, spelled):
    for value in ("198.51.100.7", "10.0.0.1, 198.51.100.7", "for=198.51.100.7;proto=http", "::ffff:198.51.100.7"):
        assert anonymity_of(echo((spelled(name), value)), OWN, SENT) is Anonymity.TRANSPARENT
    assert anonymity_of(echo((spelled(name), "1.1 x")), OWN, SENT) is Anonymity.ANONYMOUS


@pytest.mark.parametrize("name", ADMITTING)
def test_headers_that_admit_a_proxy_are_anonymous(name):
    assert anonymity_of(echo((name, "1.1 x")), OWN, SENT) is Anonymity.ANONYMOUS


def test_what_the_judges_front_end_adds_itself_is_no_sign():
    assert anonymity_of(echo(("Via", "1.1 vegur")), OWN, SENT, frozenset({"via"})) is Anonymity.ELITE


def test_an_absolute_target_at_the_judge_admits_a_proxy():
    assert anonymity_of(echo(target="http://judge.test/check/"), OWN, SENT) is Anonymity.ANONYMOUS


def test_without_knowing_ourselves_nothing_is_said():
    assert anonymity_of(echo(), OwnAddresses(), SENT) is Anonymity.UNKNOWN


def test_a_page_without_headers_is_searched_whole():
    assert anonymity_of(Echo("1.1.1.1", True, (), None, b"ip=198.51.100.7"), OWN, SENT) is Anonymity.TRANSPARENT
    assert anonymity_of(Echo("1.1.1.1", True, (), None, b"ip=1.1.1.1"), OWN, SENT) is Anonymity.ELITE


def test_ordinary_headers_give_nothing_away():
    assert not any(gives_away(name) for name in ("host", "accept", "connection", "cache-control", "x-request-id"))


@pytest.mark.parametrize(
    ("attempt", "failure", "honesty"),
    [
        (FORWARD, None, None),
        (DOCUMENT, None, Honesty.CLEAN),
        (DOCUMENT, MISMATCH, Honesty.TAMPERS),
        (FORWARD, MISMATCH, Honesty.FAKES),
        (TUNNEL, Failure(Stage.TARGET_TLS, Reason.CERT), Honesty.INTERCEPTS),
        (TUNNEL, Failure(Stage.TARGET_TLS, Reason.EOF), None),
        (FORWARD, Failure(Stage.PROXY_TLS, Reason.CERT), None),
        (FORWARD, Failure(Stage.RECEIVE, Reason.TIMEOUT), None),
    ],
)
def test_honesty_of_one_outcome(attempt, failure, honesty):
    assert honesty_of(Outcome(attempt, failure)) is honesty


def good(attempt, **more):
    return Outcome(attempt, None, more.pop("exit", "203.0.113.1"), more.pop("anonymity", Anonymity.ELITE), **more)


@pytest.mark.parametrize(
    ("outcome", "can"),
    [
        (good(FORWARD), {Capability.FORWARD}),
        (good(FORWARD, named=True), {Capability.FORWARD, Capability.REMOTE_DNS}),
        (good(TUNNEL, exit="2001:db8::1"), {Capability.TUNNEL, Capability.IPV6_EXIT}),
        (good(Attempt(Scheme.SOCKS5, "tunnel")), set()),
    ],
)
def test_one_success_proves_what_it_used_and_the_long_way_agrees(outcome, can):
    facts = facts_of([outcome])
    assert facts.can == can
    unrelated = Outcome(outcome.attempt, Failure(Stage.RECEIVE, Reason.TIMEOUT))
    longer = facts_of([outcome, unrelated])
    assert (longer.can, longer.exit, longer.anonymity) == (facts.can, facts.exit, facts.anonymity)


def test_a_timeout_does_not_disprove_a_capability_and_a_refusal_does():
    late = facts_of([good(FORWARD), Outcome(TUNNEL, Failure(Stage.TUNNEL, Reason.TIMEOUT))])
    assert late.cannot == frozenset()
    refused = facts_of([good(FORWARD), Outcome(TUNNEL, Failure(Stage.TUNNEL, Reason.DENIED))])
    assert refused.cannot == {Capability.TUNNEL}


def test_the_worst_honesty_wins_and_plain_http_decides_on_anonymity():
    facts = facts_of(
        [
            good(FORWARD, anonymity=Anonymity.TRANSPARENT),
            Outcome(DOCUMENT),
            Outcome(TUNNEL, Failure(Stage.TARGET_TLS, Reason.CERT)),
        ]
    )
    assert (facts.honesty, facts.anonymity) == (Honesty.INTERCEPTS, Anonymity.TRANSPARENT)
    assert facts_of([good(FORWARD, anonymity=Anonymity.TRANSPARENT), good(TUNNEL)]).anonymity is Anonymity.TRANSPARENT
    assert facts_of([good(TUNNEL, anonymity=Anonymity.ELITE)]).anonymity is Anonymity.ELITE


def test_a_document_alone_never_makes_a_path_work():
    assert not Outcome(DOCUMENT).works
    facts = facts_of([Outcome(FORWARD, MISMATCH), Outcome(DOCUMENT)])
    assert (facts.can, facts.honesty) == (frozenset(), Honesty.FAKES)


def test_a_socks5_proxy_that_failed_by_name_and_works_by_address_cannot_resolve():
    by_name = Outcome(Attempt(Scheme.SOCKS5, "tunnel"), Failure(Stage.TUNNEL, Reason.UNREACHABLE))
    by_address = good(Attempt(Scheme.SOCKS5, "tunnel", by_address=True))
    assert facts_of([by_name, by_address]).cannot == {Capability.REMOTE_DNS}


PAGE = Attempt(Scheme.HTTP, "forward", page="/doc/page.html")
CHANGED_PAGE = Failure(Stage.CONTENT, Reason.MISMATCH, "changed")


def test_a_signed_document_that_was_changed_is_tampering_on_a_path_that_works():
    outcome = Outcome(PAGE, CHANGED_PAGE, "203.0.113.1", proved=True, content=Honesty.TAMPERS)
    assert outcome.works
    facts = facts_of([outcome])
    assert facts.honesty is Honesty.TAMPERS
    assert (facts.can, facts.exit) == ({Capability.FORWARD}, "203.0.113.1")


def test_one_right_document_alone_does_not_make_a_proxy_clean():
    facts = facts_of([Outcome(PAGE, None, "203.0.113.1")])
    assert facts.honesty is None
    assert Capability.FORWARD in facts.can


def test_documents_that_came_unchanged_are_counted_over_all_attempts():
    assert facts_of([Outcome(PAGE, None, "203.0.113.1", compared=1)]).compared == 1
    many = Outcome(Attempt(Scheme.HTTP, "forward", document=True, pages=("/doc/page.html",) * 8), compared=8)
    facts = facts_of([Outcome(PAGE, None, "203.0.113.1", compared=1), many])
    assert (facts.compared, facts.honesty) == (9, Honesty.CLEAN)


def test_an_unsigned_document_counts_by_what_the_echo_then_shows():
    changed = Outcome(PAGE, CHANGED_PAGE, content=Honesty.TAMPERS)
    stripped = Outcome(PAGE, CHANGED_PAGE)
    assert facts_of([changed, good(FORWARD)]).honesty is Honesty.TAMPERS
    assert facts_of([stripped, good(FORWARD)]).honesty is None
    assert facts_of([changed, Outcome(FORWARD, MISMATCH)]).honesty is Honesty.FAKES
    assert facts_of([changed, Outcome(FORWARD, Failure(Stage.RECEIVE, Reason.TIMEOUT))]).honesty is None
    assert facts_of([Outcome(PAGE, CHANGED_PAGE, content=Honesty.FAKES)]).honesty is Honesty.FAKES


def test_another_certificate_under_another_name_is_interception_and_silence_is_nothing():
    strange = Attempt(Scheme.HTTP, "tunnel", True, sni="www.example.com")
    cert = Failure(Stage.TARGET_TLS, Reason.CERT)
    facts = facts_of([good(FORWARD), good(TUNNEL), Outcome(strange, cert)])
    assert facts.honesty is Honesty.INTERCEPTS
    assert facts.can >= {Capability.FORWARD, Capability.TUNNEL} and not facts.cannot
    assert facts_of([good(FORWARD), Outcome(strange)]).honesty is None
    assert not Outcome(strange).works


def test_the_port_that_was_reached_tells_what_connect_is_good_for():
    assert Capability.TUNNEL_ANY_PORT in facts_of([good(TUNNEL, port=8443)]).can
    assert Capability.TUNNEL_ANY_PORT not in facts_of([good(TUNNEL, port=443)]).can
    denied = Outcome(TUNNEL, Failure(Stage.TUNNEL, Reason.DENIED), port=8443)
    assert Capability.TUNNEL_ANY_PORT in facts_of([good(FORWARD), denied]).cannot


def test_an_echo_that_lost_something_keeps_a_right_page_from_being_clean():
    page = Outcome(DOCUMENT)
    assert facts_of([good(FORWARD), page]).honesty is Honesty.CLEAN
    assert facts_of([good(FORWARD, content=Honesty.UNKNOWN), page]).honesty is None
    assert facts_of([good(FORWARD), Outcome(DOCUMENT, content=Honesty.UNKNOWN)]).honesty is None
