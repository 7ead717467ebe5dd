from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

LONG = "www.example.com/p/233.html"


def make(client: TestClient, **body: Any) -> Any:
    response = client.post("/v1/links", json=body)
    assert response.status_code in (200, 201), response.text
    return response.json()


def follow(client: TestClient, link: Any) -> Any:
    return client.get(f"/s/{link['code']}", follow_redirects=False)


def test_a_long_address_becomes_a_short_one_that_leads_there(client: TestClient) -> None:
    link = make(client, url=LONG)
    assert link["short_url"] == f"http://127.0.0.1:5010/s/{link['code']}"
    assert len(link["code"]) == 7
    response = follow(client, link)
    assert (response.status_code, response.headers["location"]) == (302, f"https://{LONG}")
    assert response.headers["cache-control"] == "no-store"
    assert client.get(f"/v1/links/{link['code']}").json()["clicks"] == 1


def test_the_same_address_gives_the_same_link(client: TestClient) -> None:
    first = client.post("/v1/links", json={"url": LONG})
    again = client.post("/v1/links", json={"url": f"https://{LONG}"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["code"] == first.json()["code"]
    assert first.headers["location"] == first.json()["short_url"]
    assert make(client, url=LONG, fresh=True)["code"] != first.json()["code"]


def test_ways_and_bounds(client: TestClient) -> None:
    link = make(client, url=LONG, permanent=True, alias="mine", click_limit=1)
    assert follow(client, link).status_code == 301
    assert client.head("/s/mine", follow_redirects=False).status_code == 301
    over = follow(client, link)
    assert (over.status_code, over.json()["code"]) == (410, "link_over")
    taken = client.post("/v1/links", json={"url": LONG, "alias": "mine"})
    assert (taken.status_code, taken.json()["code"]) == (409, "alias_taken")
    assert client.get("/s/none").json()["code"] == "unknown_link"


def test_a_preview_shows_where_it_leads(client: TestClient) -> None:
    page = follow(client, make(client, url="https://example.com/?a=1&b='x'", preview=True))
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "https://example.com/?a=1&amp;b=&#x27;x&#x27;" in page.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": LONG, "query": {}},
        {"url": LONG, "alias": "a/b"},
        {"url": LONG, "click_limit": 0},
        {"url": LONG, "click_limit": 1.5},
        {"url": LONG, "seconds": -1},
        {"url": LONG, "more": 1},
        {"query": "/v1/proxies?x=1"},
        {"query": "/v1/proxies?country=ü"},
        {"query": "limit=1"},
        {"query": {"country": {}}},
        {"query": {"credentials": 1}},
        {"query": {"limit": "1"}},
        {"query": {"limit": 5}, "alias": "guess"},
    ],
)
def test_what_is_no_link_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    response = client.post("/v1/links", json=body)
    assert (response.status_code, response.json()["status"]) == (400, 400)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://127.0.0.1:5010/s/x", "https://a:b@example.com/", "a b"])
def test_where_no_link_may_lead_is_refused(client: TestClient, url: str) -> None:
    make(client, url=LONG, alias="mine")
    for response in (client.post("/v1/links", json={"url": url}), client.patch("/v1/links/mine", json={"url": url})):
        assert (response.status_code, response.json()["code"]) == (403, "target_refused")
    assert client.get("/v1/links/mine").json()["target"] == f"https://{LONG}"


def test_a_saved_query_answers_what_it_finds(client: TestClient) -> None:
    link = make(client, query="/v1/proxies?scheme=socks5&format=txt")
    assert link["target"] == "scheme=socks5&format=txt"
    assert len(link["code"]) == 22
    assert follow(client, link).text == "socks5://127.0.0.3:8080\n"
    named = make(client, query={"scheme": ["socks5", "http"], "format": "plain", "limit": 2, "credentials": True})
    assert named["target"] == "scheme=socks5%2Chttp&format=plain&limit=2&credentials=1"
    assert len(follow(client, named).text.splitlines()) == 2


def test_links_are_listed_changed_and_deleted(client: TestClient) -> None:
    for number in range(5):
        make(client, url=LONG, alias=f"l{number}")
    first = client.get("/v1/links?limit=3")
    rest = client.get(f"/v1/links?limit=3&cursor={first.headers['x-next-cursor']}")
    assert [link["code"] for link in first.json() + rest.json()] == ["l0", "l1", "l2", "l3", "l4"]
    assert "x-next-cursor" not in rest.headers
    changed = client.patch("/v1/links/l0", json={"url": "https://example.org/", "permanent": True, "click_limit": 9})
    assert (changed.json()["target"], changed.json()["click_limit"]) == ("https://example.org/", 9)
    assert client.patch("/v1/links/l0", json={"click_limit": None}).json()["click_limit"] is None
    assert client.patch("/v1/links/l0", json={"query": {"limit": 1}}).status_code == 400
    assert client.patch("/v1/links/none", json={}).status_code == 404
    assert client.delete("/v1/links/l0").status_code == 204
    assert client.delete("/v1/links/l0").status_code == 404
    assert client.get("/v1/links/l0").status_code == 404
    assert client.get("/v1/links?limit=x").status_code == 400


def test_links_need_no_token_to_be_followed_and_one_to_be_made(make_client: Callable[..., TestClient]) -> None:
    client = make_client(token="secret", link_hosts=("example.com",), public_url="https://pool.example/")
    assert client.post("/v1/links", json={"url": LONG}).status_code == 401
    headers = {"Authorization": "Bearer secret"}
    link = client.post("/v1/links", json={"url": LONG}, headers=headers).json()
    assert link["short_url"].startswith("https://pool.example/s/")
    assert follow(client, link).status_code == 302
    for url in ("https://example.org/", "https://pool.example/s/x"):
        assert client.post("/v1/links", json={"url": url}, headers=headers).status_code == 403


def test_a_strange_host_is_not_repeated(make_client: Callable[..., TestClient]) -> None:
    client = make_client(token="secret")
    headers = {"Authorization": "Bearer secret", "Host": 'x"><script>'}
    assert client.post("/v1/links", json={"url": LONG}, headers=headers).json()["short_url"].startswith("/s/")


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("http://localhost:5010/s/a", True),
        ("http://127.0.0.2:5010/s/a", True),
        ("http://[::1]:5010/", True),
        ("http://pool.example/s/a", True),
        ("https://pool.example:8443/s/a", True),
        ("http://asked.localhost:7777/s/a", False),
        ("http://127.0.0.1:7777/s/a", False),
    ],
)
def test_no_link_leads_back_to_this_service(make_client: Callable[..., TestClient], url: str, refused: bool) -> None:
    client = make_client(public_url="https://pool.example")
    response = client.post("/v1/links", json={"url": url})
    assert (response.status_code == 403) is refused
    assert not refused or response.json()["code"] == "target_refused"


def test_the_name_under_which_we_are_asked_is_ours(make_client: Callable[..., TestClient]) -> None:
    client = make_client(listen="0.0.0.0:5010", token="t", base_url="http://pool.lan:9000")
    headers = {"Authorization": "Bearer t"}
    for url in ("http://pool.lan:9000/s/a", "pool.lan/s/a", "http://localhost:9000/s/a", "http://127.0.0.1:5010/"):
        assert client.post("/v1/links", json={"url": url}, headers=headers).status_code == 403
    assert client.post("/v1/links", json={"url": "http://other.lan:9000/"}, headers=headers).status_code == 201
