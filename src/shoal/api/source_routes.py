"""Routes of sources: add, switch, remove, and a look at what one yields."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from shoal.api.bodies import read_body
from shoal.api.guard import Access, is_admin
from shoal.api.query import params_of
from shoal.api.responses import NO_STORE, json_response, problem_response
from shoal.api.service import PoolService
from shoal.api.source_bodies import SOURCE_NAME_PATTERN
from shoal.api.source_views import source_view, trial_view
from shoal.config.source_tables import read_table
from shoal.domain.problem import Problem
from shoal.errors import ConfigError, InvalidQueryError, SourceChangeError
from shoal.options import SOURCE_KINDS, OwnSource

_STATUS: Final = {"unknown": 404, "read_only": 409, "taken": 409}
_CODES: Final = {"unknown": "unknown_source", "read_only": "read_only", "taken": "name_taken"}
_ADMIN_KINDS: Final = ("file", "folder", "python")
_ADMIN_FIELDS: Final = ("credentials_env", "credentials_file", "headers_env", "headers_file")
_TEST: Final = "test"
_NAME: Final = re.compile(SOURCE_NAME_PATTERN)
_FIRST: Final = 10
_FIRST_LIMIT: Final = 1000
_WAIT: Final = 60.0
_WAIT_LIMIT: Final = 300.0
SOURCE_BODY_BYTES: Final = 1_048_576
"""A list may stand in the body, as ``inline``; longer ones are imports."""


class SourceRoutes:
    """Endpoints over one service."""

    def __init__(self, service: PoolService, access: Access) -> None:
        self._service = service
        self._access = access

    async def all(self, request: Request) -> Response:
        every = False
        for name, value in params_of(request.scope["query_string"]):
            if name != "all" or value not in ("0", "1"):
                raise InvalidQueryError(name, "sources take all=1, which shows those that are off, too")
            every = value == "1"
        return json_response([source_view(report) for report in self._service.sources(every=every)])

    async def one(self, request: Request) -> Response:
        return self._shown(request.path_params["name"])

    def _shown(self, name: str, status: int = 200) -> Response:
        for report in self._service.sources(every=True):
            if report.name == name:
                return json_response(source_view(report), status=status)
        return problem_response(_unknown())

    async def add(self, request: Request) -> Response:
        own = _table(await read_body(request, SOURCE_BODY_BYTES))
        problem = self._refusal(own, request)
        if problem is None:
            try:
                await self._service.source_book.add(own)
            except SourceChangeError as error:
                problem = _problem(error)
            except ConfigError as error:
                problem = _wrong(error)
        return self._shown(own.name, 201) if problem is None else problem_response(problem)

    async def remove(self, request: Request) -> Response:
        try:
            await self._service.source_book.remove(request.path_params["name"])
        except SourceChangeError as error:
            return problem_response(_problem(error))
        return Response(status_code=204, headers=NO_STORE)

    async def change(self, request: Request) -> Response:
        name = request.path_params["name"]
        body = _decoded(await read_body(request))
        if list(body) != ["enabled"] or not isinstance(body["enabled"], bool):
            raise InvalidQueryError("body", 'a source can be switched: send {"enabled": true} or {"enabled": false}')
        try:
            await self._service.source_book.switch(name, body["enabled"])
        except SourceChangeError as error:
            return problem_response(_problem(error))
        except ConfigError as error:
            return problem_response(_wrong(error))
        return self._shown(name)

    async def test(self, request: Request) -> Response:
        body = _decoded(await read_body(request, SOURCE_BODY_BYTES))
        first = _number(body, "first", _FIRST, 0, _FIRST_LIMIT)
        wait = _number(body, "wait", _WAIT, 0.1, _WAIT_LIMIT)
        wanted: OwnSource | str
        if any(kind in body for kind in SOURCE_KINDS):
            wanted = _table(msgspec.json.encode({"name": "preview"} | body))
            problem = self._refusal(wanted, request)
            if problem is not None:
                return problem_response(problem)
        else:
            if list(body) != ["name"] or not isinstance(body["name"], str):
                raise InvalidQueryError(
                    "body", "send the name of a source, or what a new one would be (url, inline, ...)"
                )
            wanted = body["name"]
        try:
            trial = await self._service.source_book.preview(wanted, int(first), wait)
        except SourceChangeError as error:
            return problem_response(_problem(error))
        except ConfigError as error:
            return problem_response(_wrong(error))
        return json_response(trial_view(trial))

    def _refusal(self, own: OwnSource, request: Request) -> Problem | None:
        """What code and files of this machine a source may reach is for its administrator to say."""
        if own.stdin:
            return Problem(400, "invalid_source", "A pool that runs has no standard input to read; send it as inline.")
        asked = [name for name in (*_ADMIN_KINDS, *_ADMIN_FIELDS) if getattr(own, name)]
        asked += [name for name in ("url", "api", "proxy") if "${" in (getattr(own, name) or "")]
        if not asked or is_admin(self._access, request.scope):
            return None
        return Problem(
            403,
            "admin_needed",
            f"{asked[0]} lets a source run code, read files or see the environment of the pool's machine: that takes a "
            "token with the scope admin, also on loopback. Or write it into the settings file.",
            asked[0],
        )


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError):
        found = None
    if not isinstance(found, dict):
        raise InvalidQueryError("body", "the body must be a JSON object")
    return found


def _table(body: bytes) -> OwnSource:
    table = _decoded(body)
    for name in ("file", "folder", "credentials_file"):
        path = table.get(name)
        if isinstance(path, str) and not path.startswith("/"):
            raise InvalidQueryError(name, f"{name} must be an absolute path on the pool's machine")
    # To JSON Schema 5.0 is an integer.
    whole = {name: int(value) for name, value in table.items() if isinstance(value, float) and value % 1.0 == 0.0}
    own, wrong = read_table(table | whole, Path("/"))
    if own is None or wrong:
        raise InvalidQueryError("body", "; ".join(f"the source {problem}" for problem in wrong))
    if _NAME.fullmatch(own.name) is None:
        raise InvalidQueryError("name", "a name takes ASCII letters, digits, spaces and _ . : + - (64 at most)")
    if own.name == _TEST:
        raise InvalidQueryError("name", "test is the address of a look at a source; choose another name")
    return own


def _number(body: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = body.pop(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidQueryError(name, f"{name} is a number from {least:g} to {most:g}")
    return float(value)


def _problem(error: SourceChangeError) -> Problem:
    return Problem(_STATUS[error.reason], _CODES[error.reason], str(error))


def _wrong(error: ConfigError) -> Problem:
    return Problem(409, "invalid_source", "; ".join(error.problems))


def _unknown() -> Problem:
    return Problem(404, "unknown_source", "There is no source of this name; /v1/sources?all=1 lists them.")
