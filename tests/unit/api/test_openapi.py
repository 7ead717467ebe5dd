from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from shoal.api.document import Document
from shoal.api.openapi import parameters
from shoal.policy.query_text import FIELDS

TOKEN = "a-token-for-tests"


def test_every_route_but_the_judges_is_described(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert sorted(document["paths"]) == sorted(
        [
            *("/", "/get/", "/pop/", "/all/", "/count/", "/delete/", "/refresh/", "/healthz", "/readyz"),
            *("/v1/proxies", "/v1/proxies/pick", "/v1/proxies/{id}", "/v1/stats"),
            *("/v1/feedback", "/v1/leases", "/v1/leases/{id}", "/v1/leases/{id}/renew"),
            *(
                "/v1/proxies/{id}/ban",
                "/v1/proxies/{id}/unban",
                "/v1/proxies/{id}/check",
                "/v1/proxies/{id}/history",
                "/v1/proxies/{id}/tags",
            ),
            *("/v1/bans", "/v1/bans/lift"),
            *(
                "/v1/sources",
                "/v1/sources/test",
                "/v1/sources/{name}",
                "/v1/sources/{name}/run",
                "/v1/sources/{name}/pause",
                "/v1/sources/{name}/resume",
            ),
            *("/v1/gateway", "/v1/gateway/connections", "/v1/sessions", "/v1/sessions/{id}"),
            *("/v1/targets", "/v1/targets/test", "/v1/targets/{name}"),
            *("/v1/links", "/v1/links/{code}", "/s/{code}", "/v1/tokens", "/v1/tokens/{id}"),
            *("/v1/stats/history", "/v1/events", "/v1/settings", "/metrics"),
        ]
    )
    assert "security" not in document


def test_a_needed_token_is_described(make_client: Callable[..., TestClient]) -> None:
    client = make_client(token=TOKEN)
    assert client.get("/openapi.json").status_code == 401
    document = client.get("/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert document["security"] == [{"bearer": []}, {"basic": []}]
    assert document["paths"]["/healthz"]["get"]["security"] == []


@pytest.mark.parametrize("name", FIELDS)
def test_every_filter_is_described(name: str) -> None:
    (described,) = parameters([name], limit=5)
    assert described["name"] == name
    assert described["description"]


def test_whatever_is_referred_to_is_there_and_names_are_unique(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    referred = set(re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(document)))
    assert referred and referred <= names
    operations = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(operations) == len(set(operations)) > 50
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in operations)


def test_a_document_holds_what_routes_say_and_frees_the_open_ones() -> None:
    document = Document("T", "1", "d")
    gone = {204: {"description": "gone"}, 100: {"description": "wait"}}
    document.add("/a/{id}", "DELETE", "Take it", "v1", gone, {"parameters": []})
    document.add("/a/{id}", "GET", "See it", "v1", {200: {"description": "there"}}, {})
    whole = document.whole({"A": {}}, {"key": {"type": "http"}}, ["/a/{id}"])
    assert whole["info"] == {"title": "T", "version": "1", "description": "d"}
    methods = whole["paths"]["/a/{id}"]
    assert methods["get"]["security"] == [] and "security" not in methods["delete"]
    assert list(methods["delete"]["responses"]) == ["100", "204"]
    assert methods["delete"]["operationId"] == "delete_a_id" and methods["delete"]["parameters"] == []
    assert whole["security"] == [{"key": []}] and whole["components"]["securitySchemes"] == {"key": {"type": "http"}}
    without = document.whole({"A": {}})
    assert "security" not in without and "security" not in without["paths"]["/a/{id}"]["get"]
