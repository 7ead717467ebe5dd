"""What is tried, in which order, and when a check is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shoal.domain import Capability, Endpoint, Failure, Path, Reason, Record, Scheme, Stage, Trust
from shoal.domain.health import Health
from shoal.domain.judge import DOCUMENTS
from shoal.policy.discovery import (
    COMPARED,
    GUESS_SHARE,
    ROTATION,
    ROUNDS,
    Judges,
    Situation,
    next_attempt,
    scheme_order,
    situation_of,
)
from shoal.policy.verdict import Outcome

ALL_JUDGES = Judges(True, True, True, True, True)
OK = None
TIMEOUT = Failure(Stage.RECEIVE, Reason.TIMEOUT)
DENIED = Failure(Stage.RECEIVE, Reason.DENIED)
WRONG = Failure(Stage.HANDSHAKE, Reason.MALFORMED)
CONNECT = Failure(Stage.CONNECT, Reason.TIMEOUT)


def situation(*claims, paths=(), port=8080, trust=Trust.PUBLIC, full=False, judges=ALL_JUDGES):
    return Situation(claims, paths, port, trust, full, judges)


def path(scheme, *capabilities):
    return Path(scheme, Health.of(last_ok=1.0), frozenset(capabilities))


def play(where, answer):
    """All attempts when ``answer`` decides on each."""
    outcomes = []
    while (attempt := next_attempt(where, outcomes)) is not None:
        outcomes.append(Outcome(attempt, answer(attempt)))
        assert len(outcomes) < 30
    return [outcome.attempt for outcome in outcomes]


def shape(attempts):
    return [f"{a.scheme}:{a.mode}" + ":tls" * a.tls + ":doc" * a.document + ":address" * a.by_address for a in attempts]


def test_a_first_success_is_followed_by_the_profile():
    assert shape(play(situation(Scheme.HTTP), lambda a: OK)) == [
        "http:forward", "http:forward:doc", "http:tunnel:tls",
    ]  # fmt: skip
    assert shape(play(situation(Scheme.SOCKS5), lambda a: OK)) == [
        "socks5:tunnel", "socks5:tunnel:doc", "socks5:tunnel:tls",
    ]  # fmt: skip


def test_a_recheck_is_one_exchange_on_each_path():
    paths = (path(Scheme.HTTP, Capability.FORWARD, Capability.TUNNEL), path(Scheme.SOCKS5, Capability.REMOTE_DNS))
    assert shape(play(situation(paths=paths), lambda a: OK)) == ["http:forward", "socks5:tunnel"]
    assert shape(play(situation(paths=paths[:1]), lambda a: OK)) == ["http:forward"]
    assert shape(play(situation(paths=paths), lambda a: TIMEOUT)) == ["http:forward", "socks5:tunnel"]


def test_a_path_that_only_tunnels_is_rechecked_by_tunnel():
    where = situation(paths=(path(Scheme.HTTP, Capability.TUNNEL),))
    assert shape(play(where, lambda a: OK)) == ["http:tunnel:tls"]


def test_a_path_that_takes_addresses_is_not_given_names():
    where = situation(paths=(path(Scheme.SOCKS5, Capability.TUNNEL),))
    assert shape(play(where, lambda a: OK)) == ["socks5:tunnel:address"]


def test_a_full_check_profiles_every_path_and_tries_new_claims():
    where = situation(Scheme.SOCKS5, Scheme.HTTPS, paths=(path(Scheme.HTTP, Capability.FORWARD),), full=True)
    assert shape(play(where, lambda a: OK)) == [
        "http:forward", "http:forward:doc", "http:tunnel:tls",
        "socks5:tunnel", "socks5:tunnel:doc", "socks5:tunnel:tls",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(list(Scheme)), max_size=4), st.sampled_from([80, 443, 1080, 4145, 8080]), st.booleans())
def test_a_failed_connect_ends_everything(claims, port, full):
    assert len(play(situation(*claims, port=port, full=full), lambda a: CONNECT)) == 1
    own_trouble = Failure(Stage.CONNECT, Reason.LOCAL_LIMIT)
    assert len(play(situation(*claims, port=port, full=full), lambda a: own_trouble)) == 1


def test_claims_come_first_then_what_the_port_suggests():
    assert scheme_order(situation(Scheme.SOCKS4))[0] is Scheme.SOCKS4
    assert scheme_order(situation(port=1080))[0] is Scheme.SOCKS5
    assert scheme_order(situation(port=4145))[0] is Scheme.SOCKS4
    assert scheme_order(situation(port=3128))[0] is Scheme.HTTP


def test_a_public_https_claim_is_tried_as_http_first_and_an_own_one_as_tls():
    assert scheme_order(situation(Scheme.HTTPS))[:2] == (Scheme.HTTP, Scheme.HTTPS)
    assert scheme_order(situation(Scheme.HTTPS, trust=Trust.OWN))[0] is Scheme.HTTPS
    assert scheme_order(situation(Scheme.HTTPS, port=443))[0] is Scheme.HTTPS


def test_a_wrong_scheme_leads_to_the_next_until_one_works():
    def answer(attempt):
        return OK if attempt.scheme is Scheme.SOCKS4 else WRONG

    assert shape(play(situation(), answer)) == [
        "http:forward", "socks5:tunnel", "socks4:tunnel:address",
        "socks4:tunnel:doc:address", "socks4:tunnel:tls:address",
    ]  # fmt: skip


def test_guesses_share_the_time_and_claims_do_not():
    first = next_attempt(situation(), [])
    assert first.share == GUESS_SHARE
    assert next_attempt(situation(Scheme.HTTP), []).share == 1.0


def test_a_refusal_in_the_schemes_own_words_ends_the_search_after_the_other_way():
    assert shape(play(situation(), lambda a: DENIED)) == ["http:forward", "http:tunnel:tls"]
    auth = Failure(Stage.HANDSHAKE, Reason.AUTH)
    assert shape(play(situation(Scheme.SOCKS5), lambda a: auth)) == ["socks5:tunnel"]


def test_a_400_is_what_any_server_says_to_strangers():
    bad = Failure(Stage.RECEIVE, Reason.BAD_STATUS, "the answer was 400 Bad Request")
    tried = play(situation(), lambda a: bad if a.mode == "forward" and a.scheme is Scheme.HTTP else WRONG)
    assert Scheme.HTTPS in {attempt.scheme for attempt in tried}


def test_a_refused_forward_is_followed_by_a_tunnel_and_a_success_there_is_profiled():
    def answer(attempt):
        return DENIED if attempt.mode == "forward" else OK

    assert shape(play(situation(Scheme.HTTP), answer)) == ["http:forward", "http:tunnel:tls", "http:tunnel:tls:doc"]


def test_a_second_family_is_tried_only_where_claimed():
    both = shape(play(situation(Scheme.HTTP, Scheme.SOCKS5), lambda a: OK))
    assert "socks5:tunnel" in both
    assert not any(name.startswith("socks4") for name in both)
    covered = shape(play(situation(Scheme.SOCKS5, Scheme.SOCKS4), lambda a: OK))
    assert not any(name.startswith("socks4") for name in covered)


def test_a_name_that_a_socks5_proxy_cannot_resolve_is_followed_by_an_address():
    unreachable = Failure(Stage.TUNNEL, Reason.UNREACHABLE)
    tried = play(situation(Scheme.SOCKS5), lambda a: OK if a.by_address else unreachable)
    assert shape(tried)[:2] == ["socks5:tunnel", "socks5:tunnel:address"]


def test_with_a_tls_judge_only_tunnels_are_tried():
    where = situation(Scheme.HTTP, judges=Judges(False, True))
    assert shape(play(where, lambda a: OK)) == ["http:tunnel:tls"]


def test_without_a_judge_nothing_is_tried():
    assert next_attempt(situation(Scheme.HTTP, judges=Judges()), []) is None


def test_a_situation_holds_verified_paths_only():
    record = Record("k", Endpoint("192.0.2.1", 80), paths=(Path(Scheme.HTTP), path(Scheme.SOCKS5)))
    assert [one.scheme for one in situation_of(record, False, ALL_JUDGES).paths] == [Scheme.SOCKS5]


FAILURES = st.sampled_from([OK, TIMEOUT, DENIED, WRONG, Failure(Stage.CONTENT, Reason.MISMATCH)])


@given(
    st.lists(st.sampled_from(list(Scheme)), max_size=5),
    st.lists(st.sampled_from(list(Scheme)), max_size=3, unique=True),
    st.booleans(),
    st.tuples(*[st.booleans()] * 5),
    st.data(),
)
def test_every_check_ends_and_tries_nothing_twice(claims, schemes, full, judges, data):
    where = situation(*claims, paths=tuple(path(s) for s in schemes), full=full, judges=Judges(*judges))
    tried = play(where, lambda a: data.draw(FAILURES))
    assert len(tried) == len({(a.scheme, a.mode, a.tls, a.document, a.by_address) for a in tried})


SIGNING = Judges(True, True, True, True, True, True)


def turn(number, record_path, full=False, judges=SIGNING):
    endpoint = Endpoint("192.0.2.1", 8080)
    record = Record("192.0.2.1:8080", endpoint, paths=(record_path,), checks=number)
    return situation_of(record, full, judges)


def test_quick_rechecks_ask_for_every_kind_of_document_in_turn_and_the_echo_between():
    known = path(Scheme.HTTP, Capability.FORWARD)
    asked = [play(turn(number, known), lambda a: OK) for number in range(len(ROTATION))]
    assert all(len(attempts) == 1 for attempts in asked)
    assert sorted(attempts[0].page for attempts in asked) == sorted(ROTATION)
    assert set(ROTATION) == {"", *DOCUMENTS}


def test_profiles_and_old_judges_and_tunnels_under_tls_use_the_echo():
    forward = path(Scheme.HTTP, Capability.FORWARD)
    for number in range(len(ROTATION)):
        assert next_attempt(turn(number, forward, full=True), []).page == ""
        assert next_attempt(turn(number, forward, judges=ALL_JUDGES), []).page == ""
        assert next_attempt(turn(number, path(Scheme.HTTP, Capability.TUNNEL)), []).page == ""
    assert any(next_attempt(turn(n, path(Scheme.SOCKS5)), []).page for n in range(len(ROTATION)))


def test_an_unsigned_document_is_followed_by_the_echo_and_a_signed_one_by_nothing():
    known = path(Scheme.HTTP, Capability.FORWARD)
    where = next(one for n in range(9) if (one := turn(n, known)).page)
    mismatch = Failure(Stage.CONTENT, Reason.MISMATCH)
    first = next_attempt(where, [])
    assert next_attempt(where, [Outcome(first, mismatch)]).page == ""
    assert next_attempt(where, [Outcome(first, mismatch, proved=True)]) is None
    assert next_attempt(where, [Outcome(first, TIMEOUT)]) is None


def compared(streak, documents):
    known = path(Scheme.HTTP, Capability.FORWARD)
    return replace(known, health=Health.of(last_ok=1.0, oks=500, streak=streak), compared=documents)


def test_what_may_soon_be_handed_out_is_compared_on_many_documents_until_it_was_compared_often():
    for number in range(len(ROTATION)):
        promising = play(turn(number, compared(3, COMPARED - 1)), lambda a: OK)
        assert len(promising) == 2 and promising[1].document and set(promising[1].pages) <= set(DOCUMENTS)
        # However often clients used it: their use compares nothing.
        assert len(promising[1].pages) == 8
        assert {(attempt.scheme, attempt.mode) for attempt in promising} == {(Scheme.HTTP, "forward")}
        hardly = play(turn(number, compared(3, 5)), lambda a: OK)[1:]
        assert [len(attempt.pages) for attempt in hardly] == [8] * ROUNDS
        assert len(play(turn(number, compared(3, COMPARED - 9)), lambda a: OK)) == 3
        assert len(play(turn(number, compared(3, 5)), lambda a: TIMEOUT)) == 1
        assert len(play(turn(number, compared(-1, 5)), lambda a: OK)) == 1
        assert len(play(turn(number, compared(50, COMPARED)), lambda a: OK)) == 1
        assert len(play(turn(number, compared(3, 5), judges=ALL_JUDGES), lambda a: OK)) == 1
    assert len(play(turn(0, path(Scheme.HTTP, Capability.TUNNEL)), lambda a: OK)) == 1


def test_the_documents_of_two_rounds_hold_every_kind_and_pages_and_pictures_most():
    rounds = play(turn(0, compared(3, 5)), lambda a: OK)[1:3]
    asked = [page for attempt in rounds for page in attempt.pages]
    assert set(asked) == set(DOCUMENTS)
    # One in 100 of those that change every tenth answer is left after so many, whichever of both kinds it changes.
    checks = COMPARED / (1 + len(asked) / 2)
    assert 0.9 ** (checks * asked.count("/doc/page.html") / 2) < 0.02
    assert 0.9 ** (checks * asked.count("/doc/image.png") / 2) < 0.04


def test_further_documents_end_with_the_first_failure():
    where = turn(0, compared(3, 5))
    first = next_attempt(where, [])
    second = next_attempt(where, [Outcome(first, None)])
    assert second.pages and next_attempt(where, [Outcome(first, None), Outcome(second, TIMEOUT)]) is None


def test_a_profile_ends_with_another_name_in_the_handshake_and_another_port():
    judges = Judges(True, True, True, True, only_443=True, strange_sni=True)
    attempts = play(situation(Scheme.HTTP, judges=judges), lambda a: OK)
    assert [bool(a.sni) for a in attempts] == [False, False, False, True, False]
    assert shape(attempts)[-1] == "http:tunnel"
    refused = play(situation(Scheme.HTTP, judges=judges), lambda a: DENIED if a.tls else OK)
    assert not any(a.sni for a in refused) and shape(refused)[-1] == "http:tunnel:tls"


def test_socks4_is_not_asked_for_what_it_cannot_name():
    judges = Judges(True, True, True, True, ipv4=False)
    assert "socks4:tunnel" not in shape(play(situation(Scheme.SOCKS4, judges=judges), lambda a: WRONG))
    assert play(situation(paths=(path(Scheme.SOCKS4),), judges=judges), lambda a: OK) == []
