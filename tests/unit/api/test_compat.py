from __future__ import annotations

import re
import time

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from shoal.domain import Anonymity, Capability, Credentials, Scheme
from shoal.testing.builders import make_record
from shoal.testing.fake_service import NOW, FakeService, working_path


def test_get_answers_the_nine_keys_in_alphabetical_order(client: TestClient, service: FakeService) -> None:
    path = replace(
        working_path(Scheme.HTTP, Capability.FORWARD, Capability.TUNNEL, country="CN"), anonymity=Anonymity.ELITE
    )
    service.records = [
        replace(make_record(1, paths=(path,), sources=("docip", "ip3366"), checks=21), last_check=NOW, misses=2)
    ]
    last_time = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW))
    assert client.get("/get/").text == (
        '{"anonymous":"elite","check_count":21,"fail_count":2,"https":true,"last_status":true,'
        f'"last_time":"{last_time}","proxy":"127.0.0.1:8080","region":"CN","source":"docip/ip3366"}}'
    )


@pytest.mark.parametrize("path", ["/get", "/pop", "/all", "/count", "/refresh"])
def test_both_slash_forms_answer_200_without_redirect(client: TestClient, path: str) -> None:
    for form in (path, path + "/"):
        response = client.get(form, follow_redirects=False)
        assert response.status_code == 200
        kind = "text/plain; charset=utf-8" if path == "/refresh" else "application/json"
        assert response.headers["content-type"] == kind


def test_an_empty_pool_has_its_old_answers_with_status_200(client: TestClient, service: FakeService) -> None:
    service.records = []
    assert client.get("/get/").text == '{"code":0,"src":"no proxy"}'
    assert client.get("/pop/").text == '{"code":0,"src":"no proxy"}'
    assert client.get("/all/").text == "[]"
    assert client.get("/count/").text == '{"count":0,"http_type":{},"source":{}}'


@pytest.mark.parametrize(
    ("kind", "proxies"),
    [
        ("", {"127.0.0.1:8080", "127.0.0.2:8080"}),
        ("http", {"127.0.0.1:8080", "127.0.0.2:8080"}),
        ("https", {"127.0.0.2:8080"}),
        ("HTTPS", {"127.0.0.2:8080"}),
        ("socks5", {"127.0.0.3:8080"}),
        ("socks4", set()),
    ],
)
def test_type_chooses_the_kind(client: TestClient, kind: str, proxies: set[str]) -> None:
    assert {found["proxy"] for found in client.get("/all/", params={"type": kind}).json()} == proxies


def test_an_unknown_type_is_refused_instead_of_answered_with_another_kind(client: TestClient) -> None:
    response = client.get("/get/?type=sock5")
    assert (response.status_code, response.json()["field"]) == (400, "type")


def test_filters_of_v1_work_and_strange_parameters_are_ignored(client: TestClient) -> None:
    assert [found["proxy"] for found in client.get("/all/?country=DE&_=123").json()] == ["127.0.0.1:8080"]
    assert client.get("/get/?scheme=socks5").json()["proxy"] == "127.0.0.3:8080"
    assert client.get("/get/?capability=tunnel").json()["proxy"] == "127.0.0.2:8080"
    assert len(client.get("/all/?limit=1").json()) == 1
    assert client.get("/get/?country=Germany").status_code == 400


def test_count_counts_by_kind_and_source(client: TestClient) -> None:
    assert client.get("/count/").json() == {
        "http_type": {"http": 1, "https": 1},
        "source": {"alpha": 1, "beta": 1, "list": 1},
        "count": 2,
    }
    assert len(client.get("/all/?type=https").json()) == 1


def test_pop_takes_the_proxy_out(client: TestClient) -> None:
    popped = {client.get("/pop/").json().get("proxy") for _ in range(3)}
    assert popped == {"127.0.0.1:8080", "127.0.0.2:8080", None}


def test_delete_tells_how_many(client: TestClient) -> None:
    assert client.get("/delete/?proxy=127.0.0.1:8080").text == '{"code":0,"src":1}'
    assert client.get("/delete?proxy=127.0.0.1:8080").text == '{"code":0,"src":0}'


@pytest.mark.parametrize("query", ["", "?proxy=", "?proxy=" + "x" * 3000])
def test_delete_without_a_proxy_is_a_clear_400(client: TestClient, query: str) -> None:
    response = client.get("/delete/" + query)
    assert (response.status_code, response.json()["code"]) == (400, "proxy_missing")


def test_refresh_asks_the_sources(client: TestClient, service: FakeService) -> None:
    assert client.get("/refresh/").text == "success"
    assert service.refreshed == 1


def test_the_index_lists_five_routes(client: TestClient) -> None:
    routes = client.get("/").json()["url"]
    assert [route["url"] for route in routes] == ["/get", "/pop", "/delete", "/all", "/count"]
    assert all(route.keys() == {"url", "params", "desc"} for route in routes)


@pytest.mark.parametrize("path", ["/", "/get/", "/pop/", "/all/", "/count/", "/delete/", "/refresh/"])
def test_post_is_405(client: TestClient, path: str) -> None:
    response = client.post(path)
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/pop/", "/pop", "/delete/?proxy=127.0.0.1:8080", "/refresh/"])
def test_head_changes_nothing(client: TestClient, service: FakeService, path: str) -> None:
    assert client.head(path).status_code == 405
    assert (len(service.records), service.refreshed) == (4, 0)


def test_own_credentials_are_in_the_proxy_so_that_it_can_be_used(client: TestClient, service: FakeService) -> None:
    service.records = [
        make_record(1, paths=(working_path(Scheme.HTTP, Capability.FORWARD),), credentials=Credentials("me", "p@ss"))
    ]
    assert client.get("/get/").json()["proxy"] == "me:p%40ss@127.0.0.1:8080"


def test_a_proxy_never_checked_has_empty_fields_of_the_right_type(client: TestClient) -> None:
    found = client.get("/get/").json()
    assert (found["last_time"], found["anonymous"]) == ("", "")
    assert re.fullmatch(r"\S+:\d+", found["proxy"])
