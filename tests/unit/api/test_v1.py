from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from shoal.domain import Blame, Capability, Credentials, Failure, Kind, Reason, Scheme, Stage, Timing
from shoal.engine.on_request import Asked
from shoal.engine.past import PastResult
from shoal.errors import StoreError
from shoal.testing.builders import make_record
from shoal.testing.fake_service import NOW, FakeService, working_path


def test_list_shows_everything_a_client_can_ask_about(client: TestClient, service: FakeService) -> None:
    failure = Failure(Stage.CONNECT, Reason.TIMEOUT, "slow")
    record = make_record(1, paths=(working_path(Scheme.HTTP, Capability.TUNNEL, Capability.FORWARD),), checks=7)
    service.records = [replace(record, failure=failure, blame=Blame.PROXY, last_check=NOW - 0.5)]
    assert client.get("/v1/proxies").json() == [
        {
            "id": record.id,
            "proxy": "http://127.0.0.1:8080",
            "scheme": "http",
            "host": "127.0.0.1",
            "port": 8080,
            "username": None,
            "capabilities": ["forward", "tunnel"],
            "anonymity": "unknown",
            "honesty": "unknown",
            "exit": None,
            "country": None,
            "asn": None,
            "latency_ms": 250.0,
            "forecast": {"probability": 0.9, "confidence": 0.5},
            "sources": ["list"],
            "trust": "public",
            "tags": [],
            "first_seen": "1970-01-01T00:16:40.000Z",
            "last_seen": "1970-01-01T00:16:40.000Z",
            "last_check": "2027-01-15T07:59:59.500Z",
            "last_ok": "2027-01-15T07:59:59.000Z",
            "checks": 7,
            "failure": {
                "stage": "connect",
                "reason": "timeout",
                "detail": "slow",
                "blame": "proxy",
                "sentence": "connecting: timed out (slow)",
            },
            "targets": [],
        }
    ]


def test_list_filters_limits_and_tells_the_total(client: TestClient) -> None:
    response = client.get("/v1/proxies?scheme=http&limit=1")
    assert len(response.json()) == 1
    assert response.headers["x-total-count"] == "2"
    assert client.get("/v1/proxies?scheme=http").headers["x-total-count"] == "2"


def test_text_is_one_url_a_line(client: TestClient) -> None:
    response = client.get("/v1/proxies?format=txt&scheme=http,socks5&capability=tunnel")
    assert response.headers["content-type"].startswith("text/plain")
    assert set(response.text.splitlines()) == {"http://127.0.0.2:8080", "socks5://127.0.0.3:8080"}


def test_pick_gives_one_in_both_formats(client: TestClient) -> None:
    assert client.get("/v1/proxies/pick?scheme=socks5").json()["proxy"] == "socks5://127.0.0.3:8080"
    assert client.get("/v1/proxies/pick?scheme=socks5&format=txt").text == "socks5://127.0.0.3:8080\n"


def test_pick_without_a_match_says_what_to_do(client: TestClient, service: FakeService) -> None:
    response = client.get("/v1/proxies/pick?country=XX")
    assert (response.status_code, response.json()["code"]) == (404, "no_proxy")
    assert "min_forecast" in response.json()["detail"]
    service.why = (False, "no judge answers")
    assert "no judge answers" in client.get("/v1/proxies/pick?country=XX").json()["detail"]


@pytest.mark.parametrize("path", ["/v1/proxies", "/v1/proxies/pick", "/v1/proxies/{id}", "/v1/proxies?format=txt"])
def test_passwords_are_hidden_unless_asked_for(client: TestClient, service: FakeService, path: str) -> None:
    record = make_record(1, paths=(working_path(),), credentials=Credentials("me", "hunter2"))
    service.records = [record]
    path = path.format(id=record.id)
    hidden = client.get(path).text
    assert "hunter2" not in hidden
    assert "me:***@" in hidden
    assert "me:hunter2@" in client.get(path + ("&" if "?" in path else "?") + "credentials=1").text


def test_one_proxy_is_shown_with_all_its_paths_even_when_dead(client: TestClient, service: FakeService) -> None:
    dead = service.records[3]
    shown = client.get(f"/v1/proxies/{dead.id}").json()
    assert (shown["id"], shown["last_check"]) == (dead.id, None)
    assert [path["last_ok"] for path in shown["paths"]] == [None]


@pytest.mark.parametrize("id", ["0123456789abcdef", "x", "..%2f"])
def test_an_unknown_id_is_404(client: TestClient, id: str) -> None:
    response = client.get(f"/v1/proxies/{id}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/proxies?contry=US", "contry"),
        ("/v1/proxies?limit=10001", "limit"),
        ("/v1/proxies?format=xml", "format"),
        ("/v1/proxies?format=json&format=txt", "format"),
        ("/v1/proxies?credentials=yes", "credentials"),
        ("/v1/proxies?tag=%ff", "query"),
        ("/v1/proxies/pick?limit=3", "limit"),
        ("/v1/proxies/0123456789abcdef?scheme=http", "scheme"),
    ],
)
def test_what_is_not_understood_is_a_problem_that_names_the_field(client: TestClient, path: str, field: str) -> None:
    response = client.get(path)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert (document["code"], document["field"], document["status"]) == ("invalid_query", field, 400)
    assert document["type"] == "about:blank"
    assert document["title"] == "Bad Request"


def test_the_row_limit_of_the_options_holds(make_client: Callable[..., TestClient]) -> None:
    client = make_client(limit=1)
    assert len(client.get("/v1/proxies").json()) == 1
    assert len(client.get("/all/").json()) == 1
    assert client.get("/v1/proxies?limit=2").status_code == 400


def test_stats_have_version_and_times_as_text(client: TestClient) -> None:
    stats = client.get("/v1/stats").json()
    assert (stats["version"], stats["known"], stats["uptime"]) == ("1.2.3", 4, 60.0)
    assert stats["started_at"] == "2027-01-15T07:59:00.000Z"


def test_health_and_readiness(client: TestClient, service: FakeService) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    told = client.get("/readyz").json()
    assert (told["ready"], told["problems"]) == (True, len(client.get("/v1/stats").json()["problems"]))
    service.why = (False, "no proxy has passed a check yet")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["code"]) == (503, "not_ready")
    assert response.json()["detail"] == "no proxy has passed a check yet"
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(("error", "status"), [(StoreError("the store is gone"), 503), (RuntimeError("secret"), 500)])
def test_faults_are_problem_documents_that_give_nothing_away(
    client: TestClient, service: FakeService, error: Exception, status: int
) -> None:
    service.error = error
    response = client.get("/v1/proxies")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert "secret" not in response.text


def test_strange_addresses_and_methods_are_problem_documents(client: TestClient) -> None:
    missing = client.get("/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = client.delete("/v1/stats")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")


def test_nothing_is_cached(client: TestClient) -> None:
    for path in ("/get/", "/v1/proxies", "/v1/proxies/pick", "/v1/stats", "/nowhere"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_the_judge_answers_in_the_same_application(make_client: Callable[..., TestClient]) -> None:
    client = make_client(judge_key="k")
    assert client.get("/check/").text == "127.0.0.1\n"
    assert len(client.get("/check/?format=json&nonce=n").json()["mac"]) == 64
    assert client.get("/doc/data.json").json()["document"] == "shoal"


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (Asked.CHECKED, 200, None),
        (Asked.PLANNED, 202, None),
        (Asked.PAUSED, 503, "checks_paused"),
        (Asked.BUSY, 503, "checks_busy"),
    ],
)
def test_a_check_is_asked_for(client: TestClient, service: FakeService, asked: Asked, status: int, code: str) -> None:
    service.asked = asked
    id = service.records[0].id
    response = client.post(f"/v1/proxies/{id}/check")
    assert (response.status_code, response.json().get("code")) == (status, code)
    assert code is not None or response.json()["id"] == id
    assert client.post("/v1/proxies/0123456789abcdef/check").json()["code"] == "unknown_id"


def test_stats_have_what_charts_need(client: TestClient, service: FakeService) -> None:
    rows = client.get("/v1/stats").json()
    assert {"expected", "pick_success", "use_success", "uses_total", "uses_failed", "by_country", "failures"} <= set(
        rows
    )
    assert rows["gateway"] is None


def test_one_proxy_tells_its_last_results(client: TestClient, service: FakeService) -> None:
    records = service.records
    service.pasts[records[0].key] = [
        PastResult(NOW - 60.0, Scheme.HTTP, Kind.PROBE, 0.25),
        PastResult(NOW, Scheme.HTTP, Kind.USE, 0.0, Failure(Stage.CONNECT, Reason.TIMEOUT)),
    ]
    told = client.get(f"/v1/proxies/{records[0].id}/history").json()
    assert [(one["ok"], one["kind"], one["latency_ms"]) for one in told] == [
        (True, "probe", 250.0),
        (False, "use", None),
    ]
    assert told[1]["failure"]["stage"] == "connect" and told[1]["failure"]["reason"] == "timeout"
    assert told[1]["failure"]["sentence"] == "connecting: timed out"
    assert client.get(f"/v1/proxies/{records[1].id}/history").json() == []
    assert client.get("/v1/proxies/0000000000000000/history").status_code == 404


def test_one_proxy_tells_each_paths_times_and_who_told_its_place(client: TestClient, service: FakeService) -> None:
    path = replace(
        working_path(Scheme.HTTP),
        timing=Timing(0.1, 0.2, 0.3, 0.4),
        located_by="DB-IP 2026-11",
        profiled_at=NOW,
        failure=Failure(Stage.CONTENT, Reason.MISMATCH, "a was b"),
    )
    record = make_record(1, paths=(path,))
    service.records = [replace(record, failure=Failure(Stage.TUNNEL, Reason.EOF), blame=Blame.TARGET)]
    told = client.get(f"/v1/proxies/{record.id}").json()
    assert told["failure"]["sentence"] == "opening the tunnel: closed early; the judge's fault, not the proxy's"
    (shown,) = told["paths"]
    assert shown["timing_ms"] == {"connect": 100.0, "handshake": 200.0, "first_byte": 300.0, "total": 400.0}
    assert (shown["located_by"], shown["profiled_at"]) == ("DB-IP 2026-11", "2027-01-15T08:00:00.000Z")
    assert shown["failure"]["sentence"] == "judging the answer: not the judge's (a was b)"
