from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from shoal.domain import Trust
from shoal.engine.source_report import SourceReport
from shoal.testing.fake_service import FakeService

TOKEN = "a-token-for-tests"
FILES = SourceReport(
    "mine", Trust.OWN, "file", 300.0, None, False, True, 1.0, 1.0, 301.0, 0, None, 9, 3, {}, 5, 4, 1, 60.0, kind="file"
)  # fmt: skip
OFF = replace(FILES, name="geonode", enabled=False, origin="catalogue", editable=True, kind="catalog")


def test_a_source_is_added_switched_and_removed(client: TestClient) -> None:
    table = {"name": "vendor", "url": "https://lists.example/a.txt", "scheme": "socks5", "tier": 3, "max_in_flight": 2}
    made = client.post("/v1/sources", json=table)
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["name"], told["kind"], told["origin"], told["tier"]) == ("vendor", "url", "api", 3)
    assert told["enabled"] and told["editable"]
    assert client.post("/v1/sources", json=table).json()["code"] == "name_taken"
    assert client.get("/v1/sources/vendor").json() == told
    off = client.patch("/v1/sources/vendor", json={"enabled": False})
    assert off.status_code == 200 and off.json()["enabled"] is False
    assert client.delete("/v1/sources/vendor").status_code == 204
    for answer in (
        client.delete("/v1/sources/vendor"),
        client.patch("/v1/sources/vendor", json={"enabled": True}),
        client.get("/v1/sources/vendor"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_source")


def test_what_the_settings_define_is_read_only(client: TestClient, service: FakeService) -> None:
    service.reports = [FILES]
    for answer in (client.delete("/v1/sources/mine"), client.patch("/v1/sources/mine", json={"enabled": False})):
        assert (answer.status_code, answer.json()["code"]) == (409, "read_only")


def test_rows_that_are_off_are_shown_when_asked_for(client: TestClient, service: FakeService) -> None:
    service.reports = [FILES, OFF]
    assert [row["name"] for row in client.get("/v1/sources").json()] == ["mine"]
    assert [row["name"] for row in client.get("/v1/sources?all=1").json()] == ["mine", "geonode"]
    assert client.get("/v1/sources?all=yes").status_code == 400
    assert client.get("/v1/sources?x=1").status_code == 400


def test_a_look_is_told_in_the_sentences_of_the_command(client: TestClient, service: FakeService) -> None:
    told = client.post("/v1/sources/test", json={"url": "https://lists.example/a.txt", "first": 1}).json()
    assert (told["found"], told["refused"], told["first"]) == (2, {"bad_port": 1}, ["http://192.0.2.1:80"])
    assert told["told"] == [
        "preview  (reads lists.example)",
        "  fetched 40 bytes of text in 0.2 s",
        "  found 2",
        "  refused 1 (bad port 1)",
        "    http://192.0.2.1:80",
    ]
    service.reports = [FILES]
    assert client.post("/v1/sources/test", json={"name": "mine"}).json()["name"] == "mine"
    assert client.post("/v1/sources/test", json={"name": "none"}).json()["code"] == "unknown_source"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "x", "url": "https://a.example/", "file": "/tmp/x"},
        {"name": "x", "url": 5},
        {"name": "x", "url": "https://a.example/", "colour": "red"},
        {"name": "x", "url": "https://a.example/", "interval": 0},
        {"name": "x/y", "url": "https://a.example/"},
        {"name": "caf\u00e9", "url": "https://a.example/"},
        {"name": "x", "stdin": True},
        {"name": "x", "inline": "192.0.2.1:80", "calls": 3},
        [],
        "text",
    ],
)
def test_what_is_no_source_is_refused_in_words(client: TestClient, body: Any) -> None:
    answer = client.post("/v1/sources", json=body)
    assert answer.status_code == 400 and answer.json()["detail"]


@pytest.mark.parametrize(
    "body", [{}, {"name": 5}, {"name": "x", "first": 5000}, {"url": "u", "wait": True}, {"first": 1}]
)
def test_a_strange_look_is_refused(client: TestClient, body: Any) -> None:
    assert client.post("/v1/sources/test", json=body).status_code == 400


@pytest.mark.parametrize("body", [{}, {"enabled": 1}, {"enabled": True, "tier": 3}])
def test_a_strange_change_is_refused(client: TestClient, body: Any) -> None:
    assert client.patch("/v1/sources/mine", json=body).status_code == 400


RISKY = [
    {"python": "os:getcwd"},
    {"file": "/etc/hosts"},
    {"folder": "/etc"},
    {"url": "https://a.example/?k=${HOME}"},
    {"api": "https://a.example/${SECRET}"},
    {"url": "https://a.example/", "headers_env": {"X": "SECRET"}},
    {"url": "https://a.example/", "headers_file": {"X": "/etc/hosts"}},
    {"inline": "192.0.2.1:80", "credentials_env": "SECRET"},
    {"inline": "192.0.2.1:80", "credentials_file": "/etc/hosts"},
    {"url": "https://a.example/", "proxy": "http://${SECRET}@192.0.2.1:80"},
]


@pytest.mark.parametrize("table", RISKY)
def test_code_files_and_the_environment_take_an_administrator(make_client: Any, table: dict[str, Any]) -> None:
    """On loopback without a token as well: any user of the machine could run code as the pool otherwise."""
    for client in (make_client(), make_client(token=TOKEN)):
        root = {"Authorization": f"Bearer {TOKEN}"}
        scoped = {}
        if client.get("/v1/sources").status_code == 401:
            made = client.post("/v1/tokens", json={"name": "w", "scope": "write"}, headers=root).json()
            scoped = {"Authorization": f"Bearer {made['token']}"}
        for route, body in (("/v1/sources", table | {"name": "risky"}), ("/v1/sources/test", table)):
            refused = client.post(route, json=body, headers=scoped)
            assert (refused.status_code, refused.json()["code"]) == (403, "admin_needed")
            if scoped:
                assert client.post(route, json=body, headers=root).status_code in (200, 201)


def test_paths_are_those_of_the_pools_machine(make_client: Any) -> None:
    client = make_client(token=TOKEN)
    root = {"Authorization": f"Bearer {TOKEN}"}
    answer = client.post("/v1/sources/test", json={"file": "lists/a.txt"}, headers=root)
    assert answer.status_code == 400 and "absolute" in answer.json()["detail"]
