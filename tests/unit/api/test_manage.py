from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shoal.domain import Scheme, Trust
from shoal.engine.source_report import SourceReport
from shoal.testing.fake_service import FakeService

REPORT = SourceReport(
    "mine", Trust.OWN, "file", 300.0, None, False, True, 1.0, 1.0, 301.0, 0, None, 9, 3, {"bad_port": 1}, 5, 4, 1, 60.0
)  # fmt: skip


def imported(service: FakeService) -> list[str]:
    return [str(candidate.endpoint) for candidate in service.imported]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("127.0.0.8:80\n127.0.0.9:81\n", "text/plain"),
        ("127.0.0.8:80\n127.0.0.9:81\n", "application/x-www-form-urlencoded"),
        ('["127.0.0.8:80", "http://127.0.0.9:81"]', "application/json"),
        ('[{"ip": "127.0.0.8", "port": 80}, {"ip": "127.0.0.9", "port": "81"}]', "application/json"),
    ],
)
def test_a_list_is_imported_in_any_form(client: TestClient, service: FakeService, body: str, content_type: str) -> None:
    response = client.post("/v1/proxies", content=body, headers={"Content-Type": content_type})
    assert response.status_code == 200, response.text
    assert (response.json()["read"], response.json()["new"]) == (2, 2)
    assert imported(service) == ["127.0.0.8:80", "127.0.0.9:81"]


def test_files_of_a_form_are_imported(client: TestClient, service: FakeService) -> None:
    files = [("file", ("a.txt", b"127.0.0.8:80\n")), ("file", ("b.csv", b"ip,port\n127.0.0.9,81\n", "text/csv"))]
    response = client.post("/v1/proxies?scheme=socks5&trust=public&tag=a,b", files=files)
    assert response.json()["forms"] == ["text", "csv"]
    assert imported(service) == ["127.0.0.8:80", "127.0.0.9:81"]
    assert {candidate.scheme for candidate in service.imported} == {Scheme.SOCKS5}


def test_what_is_no_proxy_is_counted(client: TestClient) -> None:
    told = client.post("/v1/proxies", content="127.0.0.8:80\n127.0.0.8:99999\n127.0.0.8:80\n").json()
    assert (told["read"], told["refused"]) == (1, {"bad_port": 1, "duplicate": 1})


@pytest.mark.parametrize(
    ("query", "field"), [("scheme=ftp", "scheme"), ("trust=x", "trust"), ("tag=!a", "tag"), ("x=1", "query")]
)
def test_strange_parameters_of_an_import_are_refused(client: TestClient, query: str, field: str) -> None:
    response = client.post(f"/v1/proxies?{query}", content="127.0.0.8:80")
    assert (response.status_code, response.json()["field"]) == (400, field)


def test_an_import_is_bounded_and_a_broken_form_is_told(make_client: Any) -> None:
    client = make_client(import_limit_bytes=1024)
    assert client.post("/v1/proxies", content="x" * 1025).json()["field"] == "body"
    for body in (b"", b"nothing"):
        response = client.post("/v1/proxies", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert (response.status_code, response.json()["field"]) == (400, "body")


def test_a_proxy_is_deleted_by_id(client: TestClient, service: FakeService) -> None:
    id = service.records[0].id
    assert client.delete(f"/v1/proxies/{id}").status_code == 204
    again = client.delete(f"/v1/proxies/{id}")
    assert (again.status_code, again.json()["code"]) == (404, "unknown_proxy")


def test_tags_are_given_and_taken(client: TestClient, service: FakeService) -> None:
    id = service.records[0].id
    assert client.post(f"/v1/proxies/{id}/tags", json={"add": ["a", "b"]}).json()["tags"] == ["a", "b"]
    assert client.post(f"/v1/proxies/{id}/tags", json={"remove": ["a"]}).json()["tags"] == ["b"]
    assert client.post(f"/v1/proxies/{id}/tags", json={"add": ["a,b"]}).status_code == 400
    assert client.post("/v1/proxies/0123456789abcdef/tags", json={}).status_code == 404


def test_bans_are_laid_listed_and_lifted(client: TestClient, service: FakeService) -> None:
    named = {"proxies": ["127.0.0.1:8080", service.records[1].id, "127.9.9.9:1"]}
    assert client.post("/v1/bans", json=named).json() == {"changed": 2}
    assert {row["host"] for row in client.get("/v1/bans").json()} == {"127.0.0.1", "127.0.0.2"}
    assert client.post("/v1/bans/lift", json=named).json() == {"changed": 2}
    assert client.get("/v1/bans").json() == []
    assert client.post("/v1/bans", json={"proxies": []}).status_code == 400


def test_sources_are_listed_run_and_paused(client: TestClient, service: FakeService) -> None:
    service.reports = [REPORT]
    (row,) = client.get("/v1/sources").json()
    assert (row["name"], row["found"], row["working"], row["lag_seconds"]) == ("mine", 9, 4, 60.0)
    assert row["last_run"] == "1970-01-01T00:00:01.000Z"
    assert client.post("/v1/sources/mine/run").status_code == 202
    assert service.runs == ["mine"]
    assert client.post("/v1/sources/mine/pause").json() == {"name": "mine", "paused": True}
    assert client.get("/v1/sources").json()[0]["paused"] is True
    assert client.post("/v1/sources/mine/resume").json()["paused"] is False
    assert client.post("/v1/sources/none/run").json()["code"] == "unknown_source"
    assert client.post("/v1/sources/none/pause").status_code == 404


def test_a_lease_is_renewed(client: TestClient) -> None:
    lease = client.post("/v1/leases", json={"seconds": 5}).json()
    renewed = client.post(f"/v1/leases/{lease['id']}/renew", json={"seconds": 50})
    assert renewed.json()["expires_at"] > lease["expires_at"]
    assert client.post(f"/v1/leases/{lease['id']}/renew").status_code == 200
    assert client.post(f"/v1/leases/{'f' * 24}/renew").json()["code"] == "unknown_lease"
    assert client.post(f"/v1/leases/{lease['id']}/renew", json={"seconds": 0}).status_code == 400


def test_one_proxy_is_banned_and_let_in_again_by_its_id(client: TestClient, service: FakeService) -> None:
    id = service.records[0].id
    assert client.post(f"/v1/proxies/{id}/ban").json()["tags"] == ["banned"]
    assert [row["id"] for row in client.get("/v1/bans").json()] == [id]
    assert client.post(f"/v1/proxies/{id}/unban").json()["tags"] == []
    assert client.get("/v1/bans").json() == []
    assert client.post("/v1/proxies/0123456789abcdef/ban").json()["code"] == "unknown_proxy"
