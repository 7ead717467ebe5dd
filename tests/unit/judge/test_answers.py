from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.domain.judge import DOCUMENTS, judge_mac
from shoal.judge import Answer, answer

KEY = b"secret key"


def ask(
    method: str = "GET", target: str = "/check/", headers: list[tuple[str, str]] | None = None, **more: object
) -> Answer:
    given_ = {"peer": ("192.0.2.7", 4711), "scheme": "http", "key": KEY, "now": 1_800_000_000.5, "body": b"", **more}
    body = given_.pop("body")
    return answer(method, target, "1.1", headers or [], body, **given_)  # type: ignore[arg-type]


def field(reply: Answer, name: str) -> str | None:
    return dict(reply.headers).get(name)


@pytest.mark.parametrize("target", ["/", "/check", "/check/", "http://judge.example/check/", "http://judge.example"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_says_the_callers_address_as_plain_text(method: str, target: str) -> None:
    reply = ask(method, target)
    assert (reply.status, reply.body) == (200, b"192.0.2.7\n")
    assert field(reply, "Content-Type") == "text/plain; charset=utf-8"
    assert field(reply, "Cache-Control") == "no-store"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/check/?format=json&nonce=abc", []),
        ("/check/?nonce=abc", [("ACCEPT", "text/html, Application/JSON;q=0.9")]),
        ("/check/?format=json", [("x-shoal-NONCE", "abc")]),
        ("http://judge.example/?format=json&nonce=a%62c", []),
    ],
)
def test_json_carries_nonce_signature_and_all_that_arrived(target: str, headers: list[tuple[str, str]]) -> None:
    sent = [*headers, ("Via", "1.1 box"), ("via", "1.0 other")]
    reply = ask(target=target, headers=sent)
    assert json.loads(reply.body) == {
        "address": "192.0.2.7",
        "port": 4711,
        "nonce": "abc",
        "mac": judge_mac(KEY, "abc", "192.0.2.7"),
        "method": "GET",
        "target": target,
        "version": "1.1",
        "headers": [list(pair) for pair in sent],
        "scheme": "http",
        "time": 1_800_000_000.5,
    }


def test_no_signature_without_key_or_nonce() -> None:
    assert json.loads(ask(target="/?format=json&nonce=abc", key=None).body)["mac"] is None
    assert json.loads(ask(target="/?format=json").body)["mac"] is None


@pytest.mark.parametrize("nonce", ["", "a%0Ab", "a+b", "x" * 129, "%C3%A9"])
def test_a_nonce_that_could_not_be_echoed_safely_is_refused(nonce: str) -> None:
    reply = ask(target=f"/check/?format=json&nonce={nonce}")
    assert (reply.status, json.loads(reply.body)["code"]) == (400, "bad_nonce")


def test_an_explicit_format_beats_accept() -> None:
    assert ask(target="/?format=text", headers=[("Accept", "application/json")]).body == b"192.0.2.7\n"


def test_a_body_gets_a_receipt_part_by_part() -> None:
    body = (
        b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\nhello\r\n'
        b'--XX\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        b"\xff\xd8--XX\r\n\r\n--XX--\r\n"
    )
    reply = ask("POST", "/check/?format=json", [("Content-Type", "multipart/form-data; boundary=XX")], body=body)
    receipt = json.loads(reply.body)["body"]
    assert receipt["length"] == len(body)
    assert receipt["sha256"] == hashlib.sha256(body).hexdigest()
    assert [(part["name"], part["filename"], part["length"]) for part in receipt["multipart"]] == [
        ("a", None, 5),
        ("file", "p.jpg", 8),
    ]
    assert receipt["multipart"][0]["sha256"] == hashlib.sha256(b"hello").hexdigest()


def test_a_body_of_another_type_has_no_parts() -> None:
    assert json.loads(ask("POST", "/?format=json", body=b"x").body)["body"]["multipart"] is None


def test_headers_and_nonce_pages() -> None:
    assert json.loads(ask(target="/headers", headers=[("X-One", "1"), ("x-one", "2")]).body) == {
        "headers": [["X-One", "1"], ["x-one", "2"]]
    }
    assert ask(target="/nonce/4af").body == b"4af\n"
    assert ask(target="/nonce/").status == 400


@pytest.mark.parametrize("path", list(DOCUMENTS))
def test_documents_are_exact_and_never_cached(path: str) -> None:
    reply = ask(target=path)
    assert reply.body == DOCUMENTS[path].body
    assert field(reply, "Content-Type") == DOCUMENTS[path].content_type
    assert field(reply, "Cache-Control") == "no-store"


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("text/plain; charset=utf-7", "text/plain; charset=utf-8"),
        ("application/octet-stream", "application/octet-stream"),
    ],
)
def test_echo_returns_the_body_as_nothing_a_browser_runs(sent: str, returned: str) -> None:
    reply = ask("POST", "/echo", [("Content-Type", sent)], body=b"<script>")
    assert (reply.body, field(reply, "Content-Type")) == (b"<script>", returned)
    assert field(reply, "X-Content-Type-Options") == "nosniff"
    assert "sandbox" in (field(reply, "Content-Security-Policy") or "")


def test_httpbin_azenv_and_trace_shapes() -> None:
    headers = [("Host", "j.example"), ("x-test", "<b>&")]
    assert json.loads(ask(target="/get?a=1", headers=headers).body) == {
        "args": {"a": "1"},
        "headers": {"Host": "j.example", "X-Test": "<b>&"},
        "origin": "192.0.2.7",
        "url": "http://j.example/get?a=1",
    }
    azenv = ask(target="/azenv", headers=headers).body.decode()
    assert "\nREMOTE_ADDR = 192.0.2.7\n" in azenv
    assert "HTTP_X_TEST = &lt;b&gt;&amp;" in azenv
    assert "\nip=192.0.2.7\n" in ask(target="/cdn-cgi/trace").body.decode()


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/echo", 405),
        ("POST", "/nonce/x", 405),
        ("CONNECT", "/check", 405),
        ("CONNECT", "a.example:443", 404),
        ("OPTIONS", "*", 404),
    ],
)
def test_what_is_not_there_is_a_problem_document(method: str, target: str, status: int) -> None:
    reply = ask(method, target)
    document = json.loads(reply.body)
    assert reply.status == document["status"] == status
    assert field(reply, "Content-Type") == "application/problem+json"
    assert {"type", "title", "detail", "code"} <= document.keys()
    assert (field(reply, "Allow") is not None) == (status == 405)


texts = st.text(st.characters(max_codepoint=255), max_size=40)


@given(
    st.sampled_from(["GET", "POST", "PUT", "FOO"]),
    st.one_of(texts, texts.map(lambda text: "/check/?" + text), texts.map(lambda text: "/get?" + text)),
    st.lists(
        st.tuples(st.one_of(st.sampled_from(["Accept", "Content-Type", "X-Shoal-Nonce"]), texts), texts), max_size=5
    ),
    st.binary(max_size=60),
)
def test_nothing_a_client_sends_raises(method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
    reply = ask(method, target, [*headers, ("Accept", "application/json")], body=body)
    assert reply.status in (200, 400, 404, 405)
    assert all("\n" not in value and "\r" not in value for _, value in reply.headers)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_asked_for_with_a_nonce_is_signed_in_its_head_and_unchanged(path: str) -> None:
    reply = ask(target=f"{path}?nonce=abc")
    assert reply.body == DOCUMENTS[path].body
    assert dict(reply.fields) == {
        "X-Shoal-Address": "192.0.2.7",
        "X-Shoal-Nonce": "abc",
        "X-Shoal-Mac": judge_mac(KEY, "abc", "192.0.2.7"),
    }
    assert dict(ask(target=f"{path}?nonce=abc", key=None).fields).keys() == {"X-Shoal-Address", "X-Shoal-Nonce"}
    assert ask(target=path).fields == ask(target=f"{path}?nonce=%00").fields == ()
