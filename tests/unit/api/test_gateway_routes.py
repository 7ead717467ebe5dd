"""What the API tells of the gateway."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from shoal.api import build_app
from shoal.api.gateway_routes import _read_id, session_id
from shoal.domain.gateway import GatewayStats, GatewayStatus, LiveConnection, SessionInfo, TargetUse, UserUse
from shoal.options import ApiOptions
from shoal.ports.gateway import GatewayDoor

SESSIONS = [
    SessionInfo("me", "a", "00000000000000aa", "http://9.9.9.9:80", "8.8.8.8", "US", 1e9, 1e9 + 5, 1e9 + 605, 1),
    SessionInfo("", "b", "00000000000000bb", "socks5://9.9.8.8:1080", None, None, 1e9, 1e9 + 7, 1e9 + 607, 0),
]


class Gateway:
    """Implements ``ports.gateway.GatewayWatch``."""

    def __init__(self):
        self.rotated = []
        self.limit = 0

    def status(self):
        stats = GatewayStats(connections=2, sessions=2, requests=9, bytes_down=1234)
        users = (UserUse("me", 1, 8, 6, 1, 0, 10, 20),)
        targets = (TargetUse("example.com:443", 3, 1, 5, 1e9), TargetUse("a.example:80"))
        return GatewayStatus(stats, users, targets, processes=2)

    async def sessions(self):
        return list(SESSIONS)

    async def rotate(self, user, session):
        self.rotated.append((user, session))
        return (user, session) == ("me", "a")

    async def connections(self, limit):
        self.limit = limit
        return [LiveConnection("me", "example.com:443", "tunnel", "http://9.9.9.9:80", 1e9, 5, 6)]


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def client(service, gateway):
    door = GatewayDoor()
    door.watch, door.url = gateway, "http://127.0.0.1:5011"
    app = build_app(service, ApiOptions(), version="1", gateway=door)
    return TestClient(app, base_url="http://127.0.0.1:5010", client=("127.0.0.1", 4))


@pytest.fixture
def alone(service):
    app = build_app(service, ApiOptions(), version="1")
    return TestClient(app, base_url="http://127.0.0.1:5010", client=("127.0.0.1", 4))


def test_the_gateway_tells_users_targets_and_counts(client):
    told = client.get("/v1/gateway").json()
    assert (told["listening"], told["url"], told["processes"]) == (True, "http://127.0.0.1:5011", 2)
    assert (told["open"], told["requests"], told["bytes_down"]) == (2, 9, 1234)
    assert told["users"] == [
        {
            "name": "me", "connections": 1, "requests": 8, "ok": 6, "failed": 1, "refused": 0, "bytes_up": 10,
            "bytes_down": 20,
        }
    ]  # fmt: skip
    assert [row["target"] for row in told["connections"]] == ["example.com:443"]
    one, never = told["targets"]
    assert one == {
        "target": "example.com:443", "requests": 4, "ok": 3, "failed": 1, "attempts_failed": 5, "success": 0.75,
        "last_at": "2001-09-09T01:46:40.000Z",
    }  # fmt: skip
    assert (never["success"], never["last_at"]) == (None, None)


def test_where_no_gateway_listens_all_is_empty(alone):
    told = alone.get("/v1/gateway").json()
    assert (told["listening"], told["url"], told["requests"], told["users"]) == (False, None, 0, [])
    assert alone.get("/v1/sessions").json() == []
    assert alone.get("/v1/gateway/connections").json() == []
    assert alone.delete(f"/v1/sessions/{session_id('me', 'a')}").status_code == 404


def test_what_is_under_way(client, gateway):
    assert client.get("/v1/gateway/connections?limit=7").json() == [
        {
            "user": "me", "target": "example.com:443", "kind": "tunnel", "proxy": "http://9.9.9.9:80",
            "since": "2001-09-09T01:46:40.000Z", "bytes_up": 5, "bytes_down": 6,
        }
    ]  # fmt: skip
    assert gateway.limit == 7


def test_sessions_come_last_used_first_and_can_be_narrowed(client):
    answer = client.get("/v1/sessions")
    assert [row["session"] for row in answer.json()] == ["b", "a"]
    assert answer.headers["x-total-count"] == "2"
    assert answer.json()[1] == {
        "id": session_id("me", "a"), "user": "me", "session": "a", "proxy": "http://9.9.9.9:80",
        "proxy_id": "00000000000000aa", "exit": "8.8.8.8", "country": "US", "since": "2001-09-09T01:46:40.000Z",
        "last_used": "2001-09-09T01:46:45.000Z", "expires_at": "2001-09-09T01:56:45.000Z", "switches": 1,
    }  # fmt: skip
    assert [row["session"] for row in client.get("/v1/sessions?user=me").json()] == ["a"]
    assert [row["session"] for row in client.get("/v1/sessions?user=&session=b").json()] == ["b"]
    limited = client.get("/v1/sessions?limit=1")
    assert (len(limited.json()), limited.headers["x-total-count"]) == (1, "2")


def test_one_session_and_its_end(client, gateway):
    path = f"/v1/sessions/{session_id('me', 'a')}"
    assert client.get(path).json()["session"] == "a"
    assert client.delete(path).status_code == 204
    assert client.delete(f"/v1/sessions/{session_id('you', 'a')}").status_code == 404
    assert gateway.rotated == [("me", "a"), ("you", "a")]
    assert client.get("/v1/sessions/nosuch").json()["code"] == "unknown_session"


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "colour=red"])
@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/gateway/connections"])
def test_wrong_parameters_are_refused(client, path, query):
    assert client.get(f"{path}?{query}").status_code == 400


@given(st.text(max_size=60), st.from_regex("[A-Za-z0-9._]{1,64}", fullmatch=True))
def test_an_id_leads_back_to_its_session(user, session):
    assert _read_id(session_id(user, session)) == (user, session)


@given(st.text(max_size=60))
def test_no_id_is_a_fault(text):
    _read_id(text)
