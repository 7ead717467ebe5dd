from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from shoal.api import build_app
from shoal.domain.stats import Stats
from shoal.options import ApiOptions, JudgeOptions, Options, SourceOptions
from shoal.testing.fake_service import NOW, FakeService


def test_history_is_given_for_a_span(client: TestClient, service: FakeService) -> None:
    for minute in (120, 60, 0):
        service.history.note(Stats(working=minute), NOW - minute)
    rows = client.get("/v1/stats/history?seconds=90").json()
    assert [row["working"] for row in rows] == [60, 0]
    assert rows[1]["at"] == "2027-01-15T08:00:00.000Z"
    assert len(client.get("/v1/stats/history").json()) == 3
    assert client.get("/v1/stats/history?seconds=x").status_code == 400


def test_settings_say_what_is_in_force_and_from_where(service: FakeService) -> None:
    settings = Options(
        api=ApiOptions(token="hunter2", limit=5),
        judge=JudgeOptions(urls=("http://127.0.0.1/#key=hunter2",)),
        sources=SourceOptions(urls=("https://me:hunter2@example.com/list",)),
    )
    app = build_app(service, settings.api, version="1", settings=settings, origins={"api.limit": "SHOAL_API_LIMIT"})
    client = TestClient(app, base_url="http://127.0.0.1", headers={"Authorization": "Bearer hunter2"})
    response = client.get("/v1/settings")
    rows = {row["key"]: row for row in response.json()}
    assert (rows["api.limit"]["value"], rows["api.limit"]["origin"]) == (5, "SHOAL_API_LIMIT")
    assert (rows["api.token"]["value"], rows["api.token"]["origin"]) == ("***", "set")
    assert rows["check.timeout"]["origin"] == "default"
    assert "hunter2" not in response.text


async def stream(service: FakeService, headers: dict[str, str], wanted: int) -> list[dict[str, Any]]:
    """The first ``wanted`` events of a stream; then the client goes away."""
    app = build_app(service, ApiOptions(), version="1")
    text = ""
    enough = asyncio.Event()

    async def send(message: Any) -> None:
        nonlocal text
        text += message.get("body", b"").decode()
        if text.count("\ndata: ") >= wanted:
            enough.set()

    asked = False

    async def receive() -> Any:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await enough.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/v1/events",
        "raw_path": b"/v1/events", "query_string": b"", "root_path": "", "scheme": "http", "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 5010),
        "headers": [(b"host", b"localhost"), *((n.lower().encode(), v.encode()) for n, v in headers.items())],
    }  # fmt: skip
    async with asyncio.timeout(5):
        await app(scope, receive, send)
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if "data" in block
    ]
    return [{"id": int(b["id"]), "event": b["event"], **json.loads(b["data"])} for b in blocks]


async def test_a_stream_goes_on_after_the_last_event_seen() -> None:
    service = FakeService()
    for number in range(3):
        service.events.publish("stats", {"working": number})
    first = service.events.last_id - 2
    found = await stream(service, {"Last-Event-ID": str(first)}, 2)
    assert [(event["id"], event["event"], event["working"]) for event in found] == [
        (first + 1, "stats", 1),
        (first + 2, "stats", 2),
    ]


async def test_who_comes_back_after_a_restart_is_told_that_something_is_missing() -> None:
    service = FakeService()
    service.events.publish("stats", {"working": 7})
    found = await stream(service, {"Last-Event-ID": "17"}, 2)
    assert [event["event"] for event in found] == ["reset", "stats"]


@pytest.mark.parametrize("header", ["", "x", "-1"])
async def test_a_new_follower_sees_what_happens_from_now_on(header: str) -> None:
    service = FakeService()
    service.events.publish("stats", {"working": 1})
    asyncio.get_running_loop().call_later(0.05, service.events.publish, "stats", {"working": 2})
    found = await stream(service, {"Last-Event-ID": header} if header else {}, 1)
    assert [event["working"] for event in found] == [2]


def test_a_look_at_the_head_of_the_stream_does_not_wait_for_its_end(client: TestClient) -> None:
    assert client.head("/v1/events").status_code == 405
