"""Every route that the API describes, with every kind of token: who may do what.

The table is generated from the OpenAPI document, so that a new route cannot be forgotten; what each one needs is told
here once more, apart from the code that decides it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from starlette.testclient import TestClient

from shoal.api import build_app, logins
from shoal.options import ApiOptions
from shoal.testing.fake_service import FakeService, typical_records

ADMIN_TOKEN: Final = "the-configured-one"
ORDER: Final = ("read", "use", "write", "admin")
OPEN: Final = ("/healthz", "/check", "/headers", "/echo", "/nonce/", "/doc/", "/s/")
"""Asked by anybody: health, the judge, and what short links lead to."""
EXCEPTIONS: Final = {
    # Old scripts get passwords of proxies with these.
    ("get", "/get"): "use",
    ("get", "/all"): "use",
    # GETs that change state.
    ("get", "/pop"): "write",
    ("get", "/delete"): "write",
    ("get", "/refresh"): "write",
    # Whoever takes proxies tells what came of them, and holds what it takes.
    ("get", "/v1/proxies/pick"): "use",
    ("post", "/v1/feedback"): "use",
    ("post", "/v1/leases"): "use",
    ("post", "/v1/leases/{id}/renew"): "use",
    ("delete", "/v1/leases/{id}"): "use",
    # Whoever has a code may read what its query finds.
    ("get", "/v1/links"): "use",
    ("get", "/v1/links/{code}"): "use",
    # What all the rest hangs on.
    ("get", "/v1/settings"): "admin",
    ("get", "/v1/tokens"): "admin",
    ("post", "/v1/tokens"): "admin",
    ("delete", "/v1/tokens/{id}"): "admin",
}
METHODS: Final = ("get", "put", "post", "delete", "patch")


def app_client() -> TestClient:
    service = FakeService(*typical_records())
    app = build_app(service, ApiOptions(listen="0.0.0.0:5010", token=ADMIN_TOKEN), version="1")
    return TestClient(app, base_url="http://10.9.9.9:5010", client=("10.9.9.8", 4000), raise_server_exceptions=False)


def routes() -> Iterator[tuple[str, str]]:
    document = app_client().get("/openapi.json", headers=bearer(ADMIN_TOKEN)).json()
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                yield method, path


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def expected(method: str, path: str) -> str | None:
    """The least scope, None for what is open to all."""
    if path.startswith(OPEN):
        return None
    plain = path.rstrip("/") or path
    return EXCEPTIONS.get((method, plain), "read" if method == "get" else "write")


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """This table shows more wrong tokens than an address may: that bound has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logins, "_BURST", 1e9)
        yield


@pytest.fixture(scope="module")
def client() -> TestClient:
    return app_client()


@pytest.fixture(scope="module")
def tokens(client: TestClient) -> dict[str, str]:
    """One of each scope, and one that was revoked."""
    made = {}
    for name, scope in [*((scope, scope) for scope in ORDER), ("revoked", "admin")]:
        answer = client.post("/v1/tokens", json={"name": name, "scope": scope}, headers=bearer(ADMIN_TOKEN))
        made[name] = answer.json()["token"]
    assert client.delete(f"/v1/tokens/{answer.json()['id']}", headers=bearer(ADMIN_TOKEN)).status_code < 300
    return made


ROUTES = [one for one in routes() if one != ("get", "/v1/events")]
"""Without the stream, which answers until its client leaves: its scope is asked for below."""


def status(client: TestClient, method: str, path: str, token: str | None) -> int:
    # Nothing is found under these names, so that a route that lets us in changes nothing another row needs.
    filled = path
    for name in ("id", "code", "name", "number", "nonce", "target"):
        filled = filled.replace("{" + name + "}", "nothing00")
    filled = filled.replace("{length}", "10")
    headers = {} if token is None else bearer(token)
    return client.request(method.upper(), filled, headers=headers, json={} if method != "get" else None).status_code


def test_there_is_a_table() -> None:
    assert len(ROUTES) > 30
    assert {(method, path.rstrip("/")) for method, path in EXCEPTIONS} <= {
        (method, path.rstrip("/")) for method, path in ROUTES
    }


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_who_may_ask(client: TestClient, tokens: dict[str, str], method: str, path: str) -> None:
    least = expected(method, path)
    without = [status(client, method, path, token) for token in (None, "shoal_wrong", "", tokens["revoked"])]
    if least is None:
        assert 401 not in without and 403 not in without
        return
    assert without == [401] * 4
    for scope in ORDER:
        answered = status(client, method, path, tokens[scope])
        if ORDER.index(scope) < ORDER.index(least):
            assert answered == 403, scope
        else:
            assert answered not in (401, 403), scope


@pytest.mark.parametrize("name", [None, "wrong", "revoked"])
def test_the_stream_of_events_is_closed_to_strangers(client: TestClient, tokens: dict[str, str], name: str) -> None:
    token = tokens.get(name, name) if name else None
    assert status(client, "get", "/v1/events", token) == 401


@pytest.mark.parametrize("path", ["/v1/proxies", "/v1/proxies?format=txt", "/v1/proxies/pick"])
def test_passwords_need_more_than_reading(client: TestClient, tokens: dict[str, str], path: str) -> None:
    asked = path + ("&" if "?" in path else "?") + "credentials=1"
    assert client.get(asked, headers=bearer(tokens["read"])).status_code == 403
    assert client.get(asked, headers=bearer(tokens["use"])).status_code == 200
