from __future__ import annotations

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from shoal.domain import Reach
from shoal.domain.scheme import Scheme
from shoal.testing.builders import make_record
from shoal.testing.fake_service import NOW, FakeService, working_path


def test_a_target_is_added_shown_and_deleted(client: TestClient) -> None:
    made = client.post("/v1/targets", json={"url": "https://shop.example/", "expect": {"status": 200, "regex": "buy"}})
    assert made.status_code == 201, made.text
    told = made.json()
    assert told["name"] == "shop.example" and told["origin"] == "api"
    assert told["expect"] == {"status": [200], "regex": "buy"}
    assert (told["reached"], told["failed"], told["banned"], told["unknown"], told["success"]) == (1, 2, 1, 3, 0.25)
    assert client.get("/v1/targets").json() == [told] and client.get("/v1/targets/shop.example").json() == told
    assert client.delete("/v1/targets/shop.example").status_code == 204
    assert client.get("/v1/targets").json() == []
    assert client.delete("/v1/targets/shop.example").json()["code"] == "unknown_target"
    assert client.get("/v1/targets/shop.example").status_code == 404


def test_a_name_is_given_once(client: TestClient) -> None:
    assert client.post("/v1/targets", json={"url": "https://shop.example/"}).status_code == 201
    again = client.post("/v1/targets", json={"url": "https://shop.example/2"})
    assert (again.status_code, again.json()["code"]) == (409, "target_exists")


def test_what_the_file_defines_is_read_only(client: TestClient, service: FakeService) -> None:
    client.post("/v1/targets", json={"url": "https://shop.example/"})
    service.kept["shop.example"] = replace(service.kept["shop.example"], from_file=True)
    refused = client.delete("/v1/targets/shop.example")
    assert (refused.status_code, refused.json()["code"]) == (409, "defined_by_file")
    assert client.get("/v1/targets/shop.example").json()["origin"] == "file"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"url": "http://127.0.0.1:5010/"}, 403, "loopback"),
        ({"url": "file:///etc/passwd"}, 400, "url"),
        ({"url": "https://a.example", "expect": {"regex": "("}}, 403, "regular expression"),
        ({"url": "https://a.example", "interval": 0}, 400, "interval"),
        ({"url": "https://a.example", "every": 3}, 400, "every"),
        ({}, 400, "url"),
    ],
)
def test_what_cannot_be_a_target_is_refused_with_a_reason(
    client: TestClient, body: dict[str, object], status: int, says: str
) -> None:
    response = client.post("/v1/targets", json=body)
    assert response.status_code == status and says in response.json()["detail"]


def test_proxies_show_what_they_reach(client: TestClient, service: FakeService) -> None:
    reaches = (
        Reach("shop", NOW - 60, 0.0, 1),
        Reach("x.example", 0.0, NOW - 5, 0, 1, 1, NOW + 95, "the answer was 403"),
    )
    service.records = [make_record(1, paths=(replace(working_path(Scheme.HTTP), reaches=reaches),))]
    (shown,) = client.get("/v1/proxies?target=shop").json()
    shop, banned = shown["targets"]
    assert (shop["target"], shop["reaches"], shop["banned_until"], shop["why"]) == ("shop", True, None, None)
    assert (banned["reaches"], banned["why"]) == (False, "the answer was 403")
    assert banned["banned_until"] == "2027-01-15T08:01:35.000Z"
    assert client.get(f"/v1/proxies/{shown['id']}").json()["paths"][0]["targets"] == shown["targets"]


@pytest.mark.parametrize("text", ["shop", "shop.example:443", "https://shop.example/a?b=c"])
def test_a_target_may_be_asked_for_by_name_place_and_url(client: TestClient, text: str) -> None:
    assert client.get("/v1/proxies", params={"target": text}).status_code == 200
    assert client.get("/v1/proxies/pick", params={"target": text}).status_code == 200


def test_feedback_tells_a_ban(client: TestClient, service: FakeService) -> None:
    id = service.records[0].id
    body = {"id": id, "ok": False, "target": "shop.example", "status": 403, "banned": True}
    assert client.post("/v1/feedback", json=body).status_code == 204
    ((_, _, told),) = service.told
    assert (told.status, told.banned, told.target) == (403, True, "shop.example")


def test_a_target_is_tried_before_it_is_kept(client: TestClient) -> None:
    told = client.post("/v1/targets/test", json={"url": "https://shop.example/", "expect": {"status": 200}}).json()
    assert (told["reached"], told["tried"]) == (1, 2)
    assert [(one["ok"], one["banned"], one["why"]) for one in told["results"]] == [
        (True, False, None),
        (False, True, "status 403"),
    ]
    assert client.get("/v1/targets").json() == []
    refused = client.post("/v1/targets/test", json={"url": "http://127.0.0.1/"})
    assert (refused.status_code, refused.json()["code"]) == (403, "target_refused")
    assert client.post("/v1/targets/test", json={"url": "ftp://shop.example/"}).status_code == 400
