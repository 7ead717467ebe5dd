from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shoal.domain import Credentials, Failure, Feedback, Reason, Scheme, Stage
from shoal.testing.builders import make_record
from shoal.testing.fake_service import FakeService, working_path


def test_feedback_reaches_the_service(client: TestClient, service: FakeService) -> None:
    record = service.records[0]
    failure = {"stage": "connect", "reason": "timeout"}
    bad = {"id": record.id, "ok": False, "failure": failure, "scheme": "http", "target": "example.com:443"}
    assert client.post("/v1/feedback", json=bad).status_code == 204
    good = {"proxy": "127.0.0.1:8080", "ok": True, "latency_ms": 250}
    response = client.post("/v1/feedback", json=good)
    assert (response.status_code, response.content) == (204, b"")
    assert service.told == [
        (
            record.id,
            Scheme.HTTP,
            Feedback(False, failure=Failure(Stage.CONNECT, Reason.TIMEOUT), target="example.com:443"),
        ),
        (record.id, None, Feedback(True, 0.25)),
    ]


def test_feedback_on_a_stranger_is_404(client: TestClient) -> None:
    response = client.post("/v1/feedback", json={"proxy": "127.9.9.9:1", "ok": True})
    assert (response.status_code, response.json()["code"]) == (404, "unknown_proxy")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ok": True},
        {"id": "0123456789abcdef", "proxy": "127.0.0.1:1", "ok": True},
        {"id": "0123456789abcdef", "ok": 1},
        {"id": "0123456789abcdef", "ok": False, "failure": {"stage": "heaven", "reason": "timeout"}},
        {"id": "0123456789abcdef", "ok": True, "latency_ms": -1},
        {"id": "0123456789abcdef", "ok": True, "more": 1},
    ],
)
def test_what_is_no_feedback_is_refused(client: TestClient, service: FakeService, body: dict[str, Any]) -> None:
    response = client.post("/v1/feedback", json=body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_query")
    assert service.told == []


def test_a_lease_is_taken_and_given_back_with_what_was_seen(client: TestClient, service: FakeService) -> None:
    wish = {"scheme": ["http"], "capability": "tunnel", "seconds": 30, "min_forecast": 0.5}
    response = client.post("/v1/leases", json=wish)
    lease = response.json()
    assert response.status_code == 201
    assert (lease["proxy"], lease["exclusive"], lease["capabilities"]) == (
        "http://127.0.0.2:8080",
        False,
        ["forward", "tunnel"],
    )
    assert lease["granted_at"] < lease["expires_at"]
    gone = client.request("DELETE", f"/v1/leases/{lease['id']}", json={"ok": True, "scheme": "http"})
    assert gone.status_code == 204
    assert service.told == [(lease["proxy_id"], Scheme.HTTP, Feedback(True))]
    again = client.delete(f"/v1/leases/{lease['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "unknown_lease")


def test_a_lease_shows_passwords_only_when_asked(client: TestClient, service: FakeService) -> None:
    service.records = [make_record(1, paths=(working_path(),), credentials=Credentials("me", "hunter2"))]
    assert "hunter2" not in client.post("/v1/leases").text
    assert "me:hunter2@" in client.post("/v1/leases", json={"credentials": True}).text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"seconds": 0}', "seconds"),
        ('{"seconds": true}', "seconds"),
        ('{"seconds": 1e9}', "seconds"),
        ('{"exclusive": "yes"}', "exclusive"),
        ('{"contry": "US"}', "contry"),
        ('{"country": {}}', "country"),
        ('{"limit": 3}', "limit"),
        ("[]", "body"),
        ("{", "body"),
        ('"' + "x" * 70_000 + '"', "body"),
    ],
)
def test_what_is_no_lease_is_refused_with_the_fields_name(client: TestClient, body: str, field: str) -> None:
    response = client.post("/v1/leases", content=body)
    assert (response.status_code, response.json()["field"]) == (400, field)


def test_nothing_to_lease_is_404(client: TestClient) -> None:
    response = client.post("/v1/leases", json={"country": "XX"})
    assert (response.status_code, response.json()["code"]) == (404, "no_proxy")
