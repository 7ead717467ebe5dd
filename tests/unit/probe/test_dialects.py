"""How judges of each kind are asked and read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain import Anonymity
from shoal.domain.judge import DOCUMENTS, judge_mac
from shoal.policy.verdict import OwnAddresses, anonymity_of
from shoal.probe import parse_judge
from shoal.probe.dialects import (
    document_template,
    guess_kind,
    nonce_template,
    read_echo,
)
from shoal.wire import RequestHeadReader

NONCE = "0123456789abcdef0123456789abcdef"
SHOAL = parse_judge("http://j.example:8000/check/#key=k")
HTTPBIN = parse_judge("http://j.example/get")
AZENV = parse_judge("http://j.example/azenv.php")
TRACE = parse_judge("https://j.example/cdn-cgi/trace")
PLAIN = parse_judge("http://j.example/ip")
ALL = [SHOAL, HTTPBIN, AZENV, TRACE, PLAIN]


def parsed(data):
    head = RequestHeadReader().receive_data(data)
    assert head is not None
    return head


@pytest.mark.parametrize("judge", ALL, ids=lambda judge: judge.kind)
@pytest.mark.parametrize("forward", [True, False])
def test_every_request_carries_its_nonce_once_and_is_well_formed(judge, forward):
    data = nonce_template(judge, forward=forward).request(NONCE)
    assert data.count(NONCE.encode()) == 1
    head = parsed(data)
    assert head.target.startswith("http://j.example" if forward else "/")
    assert head.get("host") == judge.authority
    assert b"0" * 32 not in data


def test_our_own_judge_is_asked_for_json():
    head = parsed(nonce_template(SHOAL, forward=True).request(NONCE))
    assert head.target == f"http://j.example:8000/check/?format=json&nonce={NONCE}"


def test_a_trace_carries_the_nonce_in_the_user_agent():
    head = parsed(nonce_template(TRACE, forward=False).request(NONCE))
    assert NONCE in head.get("user-agent")
    assert head.target == "/cdn-cgi/trace"


def test_credentials_are_for_the_proxy_and_stand_in_one_header():
    data = nonce_template(SHOAL, forward=True).request(NONCE, "Basic eDp5")
    head = parsed(data)
    assert head.get_all("proxy-authorization") == ("Basic eDp5",)
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize("path", list(DOCUMENTS))
def test_every_document_is_asked_for_past_any_cache(path):
    head = parsed(document_template(SHOAL, path, forward=True).request(NONCE))
    assert head.target == f"http://j.example:8000{path}?nonce={NONCE}"


def shoal_answer(**changes):
    answer = {
        "address": "203.0.113.5", "port": 1, "nonce": NONCE, "mac": judge_mac(b"k", NONCE, "203.0.113.5"),
        "method": "GET", "target": "/check/", "version": "1.1", "headers": [["Via", "1.1 x"]],
        "scheme": "http", "time": 1.5,
    }  # fmt: skip
    answer.update(changes)
    return json.dumps(answer).encode()


def test_a_signed_answer_is_believed():
    echo = read_echo(SHOAL, shoal_answer(), NONCE)
    assert (echo.address, echo.nonce_ok, list(echo.headers)) == ("203.0.113.5", True, [("Via", "1.1 x")])


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "f" * 32}, {"nonce": None}, {"mac": None}, {"mac": "0" * 64}, {"mac": "ä"},
        {"address": "203.0.113.6"},
        {"mac": judge_mac(b"other", NONCE, "203.0.113.5")}, {"address": "not an address"}, {"address": 5},
        {"headers": "none"},
    ],
)  # fmt: skip
def test_any_change_to_a_signed_answer_is_noticed(changes):
    assert read_echo(SHOAL, shoal_answer(**changes), NONCE).nonce_ok is False


def test_without_a_key_the_nonce_decides_and_the_address_must_be_one():
    judge = parse_judge("http://j.example:8000/check/")
    assert read_echo(judge, shoal_answer(mac=None), NONCE).nonce_ok is True
    assert read_echo(judge, shoal_answer(mac=None, address="<script>"), NONCE).nonce_ok is False


def test_httpbin_echoes_the_query_and_hides_the_way():
    body = json.dumps(
        {"args": {"nonce": NONCE}, "headers": {"Host": "h", "Via": "x"}, "origin": "10.0.0.1, 203.0.113.5"}
    )
    echo = read_echo(HTTPBIN, body.encode(), NONCE)
    assert (echo.address, echo.nonce_ok) == ("203.0.113.5", True)
    assert ("X-Forwarded-For", "10.0.0.1, 203.0.113.5") in echo.headers
    assert read_echo(HTTPBIN, body.replace(NONCE, "x").encode(), NONCE).nonce_ok is False


AZENV_PAGE = f"""<html><body><pre>
HTTP_HOST = j.example
HTTP_X_FORWARDED_FOR = 198.51.100.7
REMOTE_ADDR = 203.0.113.5
REQUEST_METHOD = GET
REQUEST_URI = /azenv.php?nonce={NONCE}
</pre></body></html>"""


def test_azenv_pages_are_read_line_by_line():
    echo = read_echo(AZENV, AZENV_PAGE.encode(), NONCE)
    assert (echo.address, echo.nonce_ok) == ("203.0.113.5", True)
    assert ("X-Forwarded-For", "198.51.100.7") in echo.headers


def test_a_trace_tells_address_and_user_agent():
    echo = read_echo(TRACE, f"fl=1\nip=2001:db8::5\nuag=x {NONCE}\n".encode(), NONCE)
    assert (echo.address, echo.nonce_ok) == ("2001:db8::5", True)


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:8080"])
def test_the_name_of_a_judge_beside_us_is_not_taken_for_our_address_given_away(name):
    judge = parse_judge("http://127.0.0.1:8080/cdn-cgi/trace")
    ours = OwnAddresses({"127.0.0.1"})
    page = f"fl=1\nh={name}\nip=127.7.7.7\nuag=x {NONCE}\n"
    assert anonymity_of(read_echo(judge, page.encode(), NONCE), ours, {}) is Anonymity.ELITE
    told = read_echo(judge, f"{page}via=127.0.0.1\n".encode(), NONCE)
    assert anonymity_of(told, ours, {}) is Anonymity.TRANSPARENT


def test_a_plain_address_never_proves_a_nonce():
    assert read_echo(PLAIN, b"203.0.113.5\n", NONCE).nonce_ok is None
    assert read_echo(PLAIN, b"<html>", NONCE).address is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (shoal_answer(), "shoal"),
        (json.dumps({"args": {"nonce": NONCE}, "headers": {}, "origin": "1.1.1.1"}).encode(), "httpbin"),
        (AZENV_PAGE.encode(), "azenv"),
        (b"fl=1\nip=1.1.1.1\nuag=x\n", "trace"),
        (b"203.0.113.5", "plain"),
        (b"<html>Welcome</html>", None),
    ],
)
def test_a_judge_is_known_by_its_answer(body, kind):
    unkeyed = parse_judge("http://j.example:8000/")
    assert guess_kind(unkeyed, body, NONCE) == kind


@given(st.binary(max_size=400), st.sampled_from(ALL))
def test_rubbish_is_read_without_an_error_and_proves_nothing(body, judge):
    echo = read_echo(judge, body, NONCE)
    assert not echo.nonce_ok
    assert guess_kind(judge, body, NONCE) in ("plain", "trace", None)


@given(st.text('0123456789abcdefABCDEF:.={}[]"\nip REMOTE_ADDR', max_size=200), st.sampled_from(ALL))
def test_no_answer_without_the_nonce_is_ever_right(text, judge):
    assert not read_echo(judge, text.encode(), NONCE).nonce_ok
