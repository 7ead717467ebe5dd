"""The busiest addresses answer the same without the layers of the framework as with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from shoal.api import build_app
from shoal.domain import Credentials
from shoal.errors import StoreError
from shoal.options import ApiOptions
from shoal.testing.builders import make_record
from shoal.testing.fake_service import FakeService, working_path


def both(service: FakeService, **options: Any) -> tuple[TestClient, TestClient]:
    """A client of the application as it is, and one of its layers alone."""
    clients = []
    for is_hot in (True, False):
        app = build_app(service, ApiOptions(**options), version="1")
        if not is_hot:
            app.hot = None
        clients.append(TestClient(app, base_url="http://127.0.0.1:5010", client=("127.0.0.1", 1)))
    return clients[0], clients[1]


REQUESTS = [
    ("GET", "/get/", {}),
    ("GET", "/get", {}),
    ("GET", "/get/?type=https", {}),
    ("GET", "/get/?type=socks5&nonsense=1", {}),
    ("GET", "/get/?type=ftp", {}),
    ("GET", "/get/?country=XX", {}),
    ("HEAD", "/get/", {}),
    ("POST", "/get/", {}),
    ("GET", "/get/", {"Host": "evil.example"}),
    ("GET", "/get/", {"Origin": "http://evil.example"}),
    ("GET", "/get/", {"Authorization": "Bearer wrong"}),
    ("GET", "/v1/proxies/pick", {}),
    ("GET", "/v1/proxies/pick?scheme=socks5&credentials=1", {}),
    ("GET", "/v1/proxies/pick?n=2", {}),
    ("GET", "/v1/proxies/pick?format=txt", {}),
    ("GET", "/v1/proxies/pick?country=XX", {}),
    ("GET", "/v1/proxies/pick?limit=3", {}),
    ("GET", "/v1/proxies/pick?n=x", {}),
    ("GET", "/s/nothing", {}),
    ("GET", "/s/", {}),
    ("GET", "/s/a/b", {}),
    ("POST", "/v1/feedback", {}),
    ("GET", "/v1/feedback", {}),
]


@pytest.mark.parametrize(("method", "path", "headers"), REQUESTS)
@pytest.mark.parametrize("token", [None, "secret"])
def test_answers_are_those_of_the_ordinary_routes(
    service: FakeService, method: str, path: str, headers: dict[str, str], token: str | None
) -> None:
    hot, plain = both(service, token=token)
    if token is not None and "Authorization" not in headers and "Host" not in headers:
        headers = {**headers, "Authorization": f"Bearer {token}"}
    answers = [client.request(method, path, headers=headers) for client in (hot, plain)]
    first, second = [(one.status_code, one.content, sorted(one.headers.items())) for one in answers]
    assert first == second


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"x",
        b'{"proxy": "127.0.0.1:8080", "ok": true}',
        b'{"proxy": "1.2.3.4:1", "ok": true}',
        b" " * 70_000,
    ],
)
def test_feedback_is_taken_the_same_way_and_once(service: FakeService, body: bytes) -> None:
    told, answers = [], []
    for client in both(service):
        service.told.clear()
        answer = client.post("/v1/feedback", content=body)
        told.append(len(service.told))
        answers.append((answer.status_code, answer.content, sorted(answer.headers.items())))
    assert answers[0] == answers[1]
    assert told[0] == told[1] <= 1


def test_links_are_followed_the_same_way(service: FakeService) -> None:
    hot, plain = both(service)
    wishes: list[dict[str, Any]] = [
        {"url": "https://example.com/a"},
        {"url": "https://example.com/b", "permanent": True},
        {"url": "https://example.com/<", "preview": True} | {"url": "https://example.com/c", "preview": True},
        {"query": {"format": "txt"}},
        {"url": "https://example.com/d", "click_limit": 2},
    ]
    for wish in wishes:
        code = plain.post("/v1/links", json=wish).json()["code"]
        answers = [client.get(f"/s/{code}", follow_redirects=False) for client in (hot, plain, hot)]
        shown = [(one.status_code, one.content, sorted(one.headers.items())) for one in answers]
        assert shown[0] == shown[1]
        assert (shown[2] == shown[1]) is ("click_limit" not in wish)
        assert plain.get(f"/v1/links/{code}").json()["clicks"] == (2 if "click_limit" in wish else 3)


def test_a_body_is_that_of_the_newest_state(client: TestClient, service: FakeService) -> None:
    record = make_record(1, paths=(working_path(),), credentials=Credentials("me", "hunter2"))
    for checks in (1, 2, 3):
        # The path stays what it is: only its record changes.
        service.records = [replace(record, checks=checks, tags=(f"t{checks}",))]
        for _ in range(2):
            assert client.get("/get/?capability=!tunnel").json()["check_count"] == checks
            assert client.get("/v1/proxies/pick").json()["tags"] == [f"t{checks}"]
            assert client.get("/v1/proxies").json()[0]["checks"] == checks
    assert "hunter2" in client.get("/v1/proxies/pick?credentials=1").json()["proxy"]
    assert "hunter2" not in client.get("/v1/proxies/pick").json()["proxy"]


def test_a_failure_is_told_by_the_ordinary_route(client: TestClient, service: FakeService) -> None:
    service.error = StoreError("the disk is gone")
    for path in ("/get/", "/v1/proxies/pick"):
        assert client.get(path).json()["code"] == "store_unavailable"


def test_the_pace_counts_each_request_once(make_client: Callable[..., TestClient]) -> None:
    client = make_client(rate=2.0)
    statuses = [client.get(path).status_code for path in ("/get/", "/s/nothing", "/v1/proxies/pick", "/get/", "/get/")]
    assert statuses == [200, 404, 200, 200, 429]


def test_who_goes_away_is_no_trouble(service: FakeService) -> None:
    app = build_app(service, ApiOptions(), version="1")
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/feedback",
        "headers": [],
        "query_string": b"",
        "client": None,
    }
    asyncio.run(app({**scope, "root_path": "", "scheme": "http", "http_version": "1.1"}, receive, send))
    assert sent[0]["status"] == 400
