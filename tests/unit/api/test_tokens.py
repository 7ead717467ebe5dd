from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from shoal.api.scopes import needed
from shoal.api.tokens import Scope, TokenBook
from shoal.errors import StoreError
from shoal.net.clock import SystemClock
from shoal.stores.memory import MemoryStore
from shoal.testing import fake_service
from shoal.testing.fake_service import FakeService

ADMIN = {"Authorization": "Bearer the-configured-one"}


@pytest.fixture
def closed(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client(listen="0.0.0.0:5010", token="the-configured-one")


def make(client: TestClient, scope: str = "use", **body: Any) -> dict[str, str]:
    response = client.post("/v1/tokens", json={"name": "mine", "scope": scope, **body}, headers=ADMIN)
    assert response.status_code == 201, response.text
    return {"Authorization": f"Bearer {response.json()['token']}"}


def test_a_token_is_shown_once_and_kept_as_its_hash(closed: TestClient, service: FakeService) -> None:
    response = closed.post("/v1/tokens", json={"name": "mine"}, headers=ADMIN)
    made = response.json()
    assert (made["name"], made["scope"], made["token"][:6]) == ("mine", "use", "shoal_")
    listed = closed.get("/v1/tokens", headers=ADMIN)
    assert [row["id"] for row in listed.json()] == [made["id"]]
    assert made["token"] not in listed.text
    assert made["token"].encode() not in (service.store._meta["api-tokens"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("read", 1), ("use", 2), ("write", 3), ("admin", 4)],
)
def test_a_scope_opens_what_it_says_and_no_more(closed: TestClient, scope: str, allowed: int) -> None:
    headers = make(closed, scope)
    asked = [
        closed.get("/v1/proxies", headers=headers),
        closed.get("/get/", headers=headers),
        closed.post("/v1/links", json={"url": "https://example.com/"}, headers=headers),
        closed.get("/v1/settings", headers=headers),
    ]
    assert [response.status_code < 300 for response in asked] == [number < allowed for number in range(4)]
    assert all(response.json()["code"] == "scope_missing" for response in asked[allowed:])


@pytest.mark.parametrize(
    ("method", "path", "query", "scope"),
    [
        ("GET", "/v1/proxies", b"", Scope.READ),
        ("GET", "/v1/proxies", b"credentials=1", Scope.USE),
        ("GET", "/v1/proxies", b"%63redentials=1", Scope.USE),
        ("GET", "/all/", b"", Scope.USE),
        ("GET", "/pop", b"", Scope.WRITE),
        ("DELETE", "/v1/leases/a", b"", Scope.USE),
        ("POST", "/v1/proxies", b"", Scope.WRITE),
        ("GET", "/v1/links", b"", Scope.USE),
        ("POST", "/v1/links", b"", Scope.WRITE),
        ("DELETE", "/v1/tokens/a", b"", Scope.ADMIN),
        ("POST", "/v1/anything/new", b"", Scope.WRITE),
        ("GET", "/metrics", b"", Scope.READ),
    ],
)
def test_what_is_needed(method: str, path: str, query: bytes, scope: Scope) -> None:
    assert needed(method, path, query) is scope


def test_a_revoked_token_opens_nothing(closed: TestClient) -> None:
    headers = make(closed)
    assert closed.get("/get/", headers=headers).status_code == 200
    (row,) = closed.get("/v1/tokens", headers=ADMIN).json()
    assert closed.delete(f"/v1/tokens/{row['id']}", headers=ADMIN).status_code == 204
    assert closed.get("/get/", headers=headers).status_code == 401
    assert closed.delete(f"/v1/tokens/{row['id']}", headers=ADMIN).status_code == 404


def test_a_token_ends_at_its_time(closed: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = make(closed, seconds=60)
    assert closed.get("/get/", headers=headers).status_code == 200
    monkeypatch.setattr(fake_service, "NOW", fake_service.NOW + 60)
    assert closed.get("/get/", headers=headers).status_code == 401


def test_a_token_has_a_pace_of_its_own(
    closed: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = make(closed, rate=1)
    other = make(closed)
    answers = [closed.get("/get/", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert (answers[2].json()["code"], answers[2].headers["retry-after"]) == ("too_many_requests", "1")
    assert closed.get("/get/", headers=other).status_code == 200
    monkeypatch.setattr(fake_service, "NOW", fake_service.NOW + 1)
    assert closed.get("/get/", headers=headers).status_code == 200


def test_the_setting_paces_who_shows_no_token(make_client: Callable[..., TestClient]) -> None:
    client = make_client(rate=1)
    assert [client.get("/get/").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a", "scope": "root"}, {"name": "a", "seconds": 0}])
def test_what_is_no_token_is_refused(closed: TestClient, body: dict[str, Any]) -> None:
    assert closed.post("/v1/tokens", json=body, headers=ADMIN).status_code == 400


async def test_tokens_made_at_once_by_several_processes_are_all_kept() -> None:
    store, clock = MemoryStore(), SystemClock()
    await store.open()
    texts = (f"text-{number}" for number in range(100))
    books = [TokenBook(store, clock, lambda _: next(texts)) for _ in range(3)]
    made = await asyncio.gather(*(book.make("mine", Scope.READ, 0.0, None) for book in books for _ in range(5)))
    assert len({token.id for token, _ in filter(None, made)}) == 15
    assert len(await books[0].all()) == 15
    ids = [token.id for token in await books[0].all()]
    gone = await asyncio.gather(*(books[number % 3].revoke(id) for number, id in enumerate(ids)))
    assert all(gone)
    assert await books[1].all() == []


async def test_a_store_that_is_away_takes_no_token_that_was_known_from_its_owner() -> None:
    clock = Clock()
    store = AwayStore()
    await store.open()
    book = TokenBook(store, clock, lambda size: "x" * size)
    store.is_away = True
    with pytest.raises(StoreError):
        await book.refresh()
    store.is_away = False
    made = await book.make("ours", Scope.READ, 0.0, None)
    assert made is not None
    for away in (True, None):
        store.is_away = away
        clock.at += 100.0
        # None: it does not answer at all.
        async with asyncio.timeout(20):
            await book.refresh()
        assert book.find(made[1]) == made[0]


class AwayStore(MemoryStore):
    """Fails while ``is_away``, and hangs while that is None."""

    is_away: bool | None = False

    async def get_meta(self, name: str) -> bytes | None:
        if self.is_away is None:
            await asyncio.Event().wait()
        if self.is_away:
            raise StoreError("away")
        return await super().get_meta(name)


class Clock:
    at = 1_000_000.0

    def now(self) -> float:
        return self.at
