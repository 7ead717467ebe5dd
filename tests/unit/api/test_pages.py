from __future__ import annotations

import json

import pytest
import yaml
from msgspec.structs import replace
from starlette.testclient import TestClient

from shoal.domain import Capability, Credentials, Order, Scheme
from shoal.export import Format, content_type
from shoal.testing.builders import make_record
from shoal.testing.fake_service import NOW, FakeService, working_path


def fill(service: FakeService, count: int = 23) -> None:
    service.records = [
        replace(
            make_record(
                number,
                paths=(
                    working_path(Scheme.HTTP, Capability.FORWARD, latency=0.1 * (number % 4)),
                    working_path(Scheme.SOCKS5, latency=0.2),
                ),
                first_seen=NOW - number % 5,
            ),
            last_check=NOW - number % 3,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("order", list(Order))
def test_pages_hold_every_row_once(client: TestClient, service: FakeService, order: Order) -> None:
    fill(service)
    rows: list[tuple[str, str]] = []
    cursor: str | None = None
    pages = 0
    while pages < 20:
        pages += 1
        params = {"order": order.value, "limit": "5", **({"cursor": cursor} if cursor else {})}
        response = client.get("/v1/proxies", params=params)
        rows += [(row["id"], row["scheme"]) for row in response.json()]
        assert response.headers["x-total-count"] == "46"
        cursor = response.headers.get("x-next-cursor")
        if cursor is None:
            break
    assert pages == 10
    assert len(rows) == len(set(rows)) == 46


def test_a_page_goes_on_where_the_last_ended_although_its_rows_went(client: TestClient, service: FakeService) -> None:
    fill(service)
    first = client.get("/v1/proxies?limit=7&order=first_seen")
    gone = {row["id"] for row in first.json()}
    service.records = [record for record in service.records if record.id not in gone]
    rest = client.get(f"/v1/proxies?limit=100&order=first_seen&cursor={first.headers['x-next-cursor']}").json()
    assert {row["id"] for row in rest} == {record.id for record in service.records}


@pytest.mark.parametrize(
    "cursor", ["", "x", "0~0123456789abcdef~http", "0.500000~0123456789abcdef~ftp", "é", "1" * 5000]
)
def test_what_is_no_cursor_is_refused(client: TestClient, cursor: str) -> None:
    response = client.get("/v1/proxies", params={"cursor": cursor})
    assert (response.status_code, response.json()["field"]) == (400, "cursor")


def test_a_pick_of_several_gives_different_ones(client: TestClient) -> None:
    picked = client.get("/v1/proxies/pick?n=3").json()
    assert len({row["id"] for row in picked}) == 3
    assert len(client.get("/v1/proxies/pick?n=100").json()) == 3
    assert len(client.get("/v1/proxies/pick?n=2&format=txt").text.splitlines()) == 2
    assert isinstance(client.get("/v1/proxies/pick?n=1").json(), list)
    assert client.get("/v1/proxies/pick?n=2&country=XX").json()["code"] == "no_proxy"


@pytest.mark.parametrize("n", ["0", "101", "x", "", "-1", "1.5"])
def test_a_strange_n_is_refused(client: TestClient, n: str) -> None:
    response = client.get("/v1/proxies/pick", params={"n": n})
    assert (response.status_code, response.json()["field"]) == (400, "n")
    assert client.get("/v1/proxies?n=1").status_code == 400


@pytest.mark.parametrize("format", list(Format))
def test_every_form_has_its_type(client: TestClient, format: Format) -> None:
    response = client.get(f"/v1/proxies?format={format.value}")
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == content_type(format)


def test_forms_hold_what_fits(client: TestClient, service: FakeService) -> None:
    provider = yaml.safe_load(client.get("/v1/proxies?format=clash&scheme=socks5").text)
    assert [one["server"] for one in provider["proxies"]] == ["127.0.0.3"]
    lines = client.get("/v1/proxies?format=jsonl").text.splitlines()
    assert len([json.loads(line) for line in lines]) == 3
    service.records = [make_record(1, paths=(working_path(),), credentials=Credentials("me", "hunter2"))]
    for format in Format:
        assert "hunter2" not in client.get(f"/v1/proxies?format={format.value}").text
    assert "hunter2" in client.get("/v1/proxies?format=curl&credentials=1").text
