from __future__ import annotations

from starlette.testclient import TestClient

from shoal.testing.fake_service import FakeService


def test_a_write_that_is_sent_again_is_done_once(client: TestClient, service: FakeService) -> None:
    headers = {"Idempotency-Key": "k1"}
    answers = [client.post("/v1/leases", json={"seconds": 5}, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(service.leases) == 1
    other = client.post("/v1/leases", json={"seconds": 5}, headers={"Idempotency-Key": "k2"})
    assert other.json()["id"] != answers[0].json()["id"]


def test_a_key_stands_for_one_request(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert client.post("/v1/leases", json={"seconds": 5}, headers=headers).status_code == 201
    reused = client.post("/v1/leases", json={"seconds": 6}, headers=headers)
    assert (reused.status_code, reused.json()["code"]) == (409, "key_reused")
    assert client.post("/v1/links", json={"url": "https://example.com/"}, headers=headers).status_code == 201


def test_a_failure_of_ours_is_not_kept(client: TestClient, service: FakeService) -> None:
    headers = {"Idempotency-Key": "k1"}
    service.error = RuntimeError("a fault")
    assert client.post("/v1/leases", headers=headers).status_code == 500
    service.error = None
    assert client.post("/v1/leases", headers=headers).status_code == 201


def test_a_deletion_that_is_sent_again_is_answered_the_same(client: TestClient, service: FakeService) -> None:
    id = service.records[0].id
    answers = [client.delete(f"/v1/proxies/{id}", headers={"Idempotency-Key": "k"}).status_code for _ in range(2)]
    assert answers == [204, 204]
    assert client.delete(f"/v1/proxies/{id}").status_code == 404


def test_a_strange_key_is_refused(client: TestClient) -> None:
    for key in ("", "a b", "x" * 256):
        response = client.post("/v1/leases", headers={"Idempotency-Key": key})
        assert (response.status_code, response.json()["code"]) == (400, "invalid_key")
