"""Routes that tell of the gateway: sessions, users, targets, what is under way."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from shoal.api.query import params_of
from shoal.api.responses import NO_STORE, json_response, problem_response
from shoal.api.views import Time, rfc3339
from shoal.domain.gateway import GatewayStatus, LiveConnection, SessionInfo, TargetUse, UserUse
from shoal.domain.problem import Problem
from shoal.errors import InvalidQueryError
from shoal.ports.gateway import GatewayDoor

SESSION_ID_PATTERN: Final = "[A-Za-z0-9_-]{2,800}"
_LIMIT: Final = 1000
_DEFAULT_LIMIT: Final = 200
_UNKNOWN: Final = Problem(404, "unknown_session", "There is no such session; it may have been forgotten meanwhile.")


class SessionView(Struct, frozen=True):
    """One session. ``proxy`` is its upstream without the password, ``proxy_id`` its record. After ``expires_at`` it is
    forgotten unless it was used again, or gets the next proxy of its lifetime."""

    id: str
    user: str
    session: str
    proxy: str
    proxy_id: str
    exit: str | None
    country: str | None
    since: Time | None
    last_used: Time | None
    expires_at: Time | None
    switches: int


class UserView(Struct, frozen=True):
    """One user of the gateway; ``name`` is empty for those who gave none."""

    name: str
    connections: int
    requests: int
    ok: int
    failed: int
    refused: int
    bytes_up: int
    bytes_down: int


class TargetUseView(Struct, frozen=True):
    """How requests to one target went. ``success`` is the share that was answered, null before the first;
    ``attempts_failed`` counts proxies that were replaced on the way."""

    target: str
    requests: int
    ok: int
    failed: int
    attempts_failed: int
    success: float | None
    last_at: Time | None


class GatewayView(Struct, frozen=True):
    """The gateway as a whole since its start; ``open`` (connections) and ``sessions`` are of now, ``connections`` are
    some that are under way. ``listening`` is false, and all counts 0, where it does not run."""

    listening: bool
    url: str | None
    processes: int
    open: int
    sessions: int
    clients: int
    requests: int
    ok: int
    failed: int
    retries: int
    dials: int
    hedges: int
    failures: int
    replays: int
    refused: int
    bytes_up: int
    bytes_down: int
    users: list[UserView]
    targets: list[TargetUseView]
    connections: list[ConnectionView]


class ConnectionView(Struct, frozen=True):
    """One tunnel or request under way; ``proxy`` is null while none has been found."""

    user: str
    target: str
    kind: str
    proxy: str | None
    since: Time | None
    bytes_up: int
    bytes_down: int


class GatewayRoutes:
    """Endpoints over whatever gateway stands behind the door."""

    def __init__(self, door: GatewayDoor) -> None:
        self._door = door

    async def gateway(self, request: Request) -> Response:
        watch = self._door.watch
        if watch is None:
            return json_response(gateway_view(None, None, ()))
        return json_response(gateway_view(watch.status(), self._door.url, await watch.connections(_DEFAULT_LIMIT)))

    async def connections(self, request: Request) -> Response:
        limit = _DEFAULT_LIMIT
        for name, value in params_of(request.scope["query_string"]):
            limit = _read_limit(name, value, "limit")
        watch = self._door.watch
        rows = [] if watch is None else await watch.connections(limit)
        return json_response([_connection_view(row) for row in rows])

    async def sessions(self, request: Request) -> Response:
        limit, wanted = _DEFAULT_LIMIT, dict[str, str]()
        for name, value in params_of(request.scope["query_string"]):
            if name in ("user", "session"):
                wanted[name] = value
            else:
                limit = _read_limit(name, value, "user, session and limit")
        watch = self._door.watch
        found = [] if watch is None else await watch.sessions()
        rows = [
            info
            for info in found
            if info.user == wanted.get("user", info.user) and info.session == wanted.get("session", info.session)
        ]
        rows.sort(key=lambda info: -info.last_used)
        headers = {"X-Total-Count": str(len(rows))}
        return json_response([session_view(info) for info in rows[:limit]], headers=headers)

    async def session(self, request: Request) -> Response:
        key = _read_id(request.path_params["id"])
        watch = self._door.watch
        found = [] if watch is None or key is None else await watch.sessions()
        one = next((info for info in found if (info.user, info.session) == key), None)
        return problem_response(_UNKNOWN) if one is None else json_response(session_view(one))

    async def rotate(self, request: Request) -> Response:
        key = _read_id(request.path_params["id"])
        watch = self._door.watch
        if watch is None or key is None or not await watch.rotate(*key):
            return problem_response(_UNKNOWN)
        return Response(status_code=204, headers=NO_STORE)


def gateway_view(status: GatewayStatus | None, url: str | None, live: Sequence[LiveConnection]) -> GatewayView:
    shown = status or GatewayStatus(processes=0)
    stats = shown.stats
    return GatewayView(
        status is not None,
        url,
        shown.processes,
        stats.connections,
        stats.sessions,
        stats.clients,
        stats.requests,
        stats.ok,
        stats.failed,
        stats.retries,
        stats.dials,
        stats.hedges,
        stats.failures,
        stats.replays,
        stats.refused,
        stats.bytes_up,
        stats.bytes_down,
        [_user_view(use) for use in shown.users],
        [_target_view(use) for use in shown.targets],
        [_connection_view(row) for row in live],
    )


def _user_view(use: UserUse) -> UserView:
    return UserView(*msgspec.structs.astuple(use))


def _target_view(use: TargetUse) -> TargetUseView:
    asked = use.ok + use.failed
    success = use.ok / asked if asked else None
    return TargetUseView(use.target, asked, use.ok, use.failed, use.attempts_failed, success, rfc3339(use.last_used))


def _connection_view(row: LiveConnection) -> ConnectionView:
    return ConnectionView(row.user, row.target, row.kind, row.proxy, rfc3339(row.since), row.bytes_up, row.bytes_down)


def session_view(info: SessionInfo) -> SessionView:
    return SessionView(
        session_id(info.user, info.session), info.user, info.session, info.proxy, info.record_id, info.exit,
        info.country, rfc3339(info.since), rfc3339(info.last_used), rfc3339(info.expires_at), info.switches,
    )  # fmt: skip


def session_id(user: str, session: str) -> str:
    """A session in an address: every replica gives it the same id, and finds it without a table."""
    return base64.urlsafe_b64encode(f"{session}\0{user}".encode("utf-8", "surrogatepass")).decode("ascii").rstrip("=")


def _read_id(id: str) -> tuple[str, str] | None:
    if re.fullmatch(SESSION_ID_PATTERN, id, re.ASCII) is None:
        return None
    try:
        text = base64.urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode("utf-8", "surrogatepass")
    except ValueError:
        return None
    session, nul, user = text.partition("\0")
    return (user, session) if nul else None


def _read_limit(name: str, value: str, known: str) -> int:
    if name != "limit" or re.fullmatch("[1-9][0-9]{0,3}", value, re.ASCII) is None or int(value) > _LIMIT:
        raise InvalidQueryError(name, f"this address takes {known}; limit is 1 to {_LIMIT}")
    return int(value)
