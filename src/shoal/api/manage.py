"""Routes that change what is in the pool: imports, deletions, bans, tags, sources."""

from __future__ import annotations

import asyncio
import re
from email import policy as email_policy
from email.parser import BytesParser
from functools import partial
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from shoal.api.bodies import BanBody, TagBody, read_ban, read_body, read_tags
from shoal.api.query import params_of
from shoal.api.responses import NO_STORE, json_response, problem_response
from shoal.api.service import PoolService
from shoal.api.views import record_view
from shoal.domain import Candidate, Scheme, Trust
from shoal.domain.candidate import BANNED
from shoal.domain.problem import Problem
from shoal.errors import InvalidQueryError
from shoal.policy.query_text import NAME_PATTERN
from shoal.sources.extract import Extraction, extract

_INLINE_BYTES: Final = 100_000
"""Longer imports are read in a thread."""
_TAG: Final = re.compile(NAME_PATTERN)
_UNKNOWN: Final = Problem(404, "unknown_proxy", "The pool has no such proxy (any more).")
_UNKNOWN_SOURCE: Final = Problem(404, "unknown_source", "There is no source of this name; /v1/sources lists them.")


class Manage:
    """Endpoints over one service. ``import_limit`` bounds the body of an import (bytes)."""

    def __init__(self, service: PoolService, *, import_limit: int) -> None:
        self._service = service
        self._import_limit = import_limit

    async def add(self, request: Request) -> Response:
        scheme, trust, tags = _import_params(request)
        body = await read_body(request, self._import_limit)
        if not body:
            raise InvalidQueryError("body", "the body is empty; send the list to import")
        content_type = request.headers.get("content-type", "")
        candidates: list[Candidate] = []
        refused: dict[str, int] = {}
        forms = []
        for data, kind, name in _documents(body, content_type):
            read = partial(extract, data, scheme=scheme, content_type=kind, name=name)
            found: Extraction = read() if len(data) <= _INLINE_BYTES else await asyncio.to_thread(read)
            candidates += found.candidates
            forms.append(found.form)
            for reason, count in found.refused.items():
                refused[reason] = refused.get(reason, 0) + count
        added, reasons = await self._service.admit(candidates, trust=trust, tags=tags, refused=refused)
        return json_response(
            {"read": len(candidates), "new": added.new, "known": added.known, "refused": dict(reasons), "forms": forms}
        )

    async def delete(self, request: Request) -> Response:
        if not await self._service.delete(request.path_params["id"]):
            return problem_response(_UNKNOWN)
        return Response(status_code=204, headers=NO_STORE)

    async def tag(self, request: Request) -> Response:
        wish: TagBody = read_tags(await read_body(request))
        return await self._retag(request.path_params["id"], wish.add, wish.remove)

    async def _retag(self, id: str, add: list[str], remove: list[str]) -> Response:
        if not await self._service.retag(id, add, remove):
            return problem_response(_UNKNOWN)
        record = await self._service.get(id)
        if record is None:
            return problem_response(_UNKNOWN)
        return json_response(record_view(record, self._service))

    async def ban_one(self, request: Request) -> Response:
        return await self._retag(request.path_params["id"], [BANNED], [])

    async def unban_one(self, request: Request) -> Response:
        return await self._retag(request.path_params["id"], [], [BANNED])

    async def ban(self, request: Request) -> Response:
        return await self._ban(request, [BANNED], [])

    async def unban(self, request: Request) -> Response:
        return await self._ban(request, [], [BANNED])

    async def _ban(self, request: Request, add: list[str], remove: list[str]) -> Response:
        wish: BanBody = read_ban(await read_body(request))
        changed = 0
        for name in wish.proxies:
            changed += await self._service.retag(name, add, remove)
        return json_response({"changed": changed})

    async def banned(self, request: Request) -> Response:
        records = sorted(self._service.banned(), key=lambda record: record.id)
        return json_response([record_view(record, self._service) for record in records])

    async def run_source(self, request: Request) -> Response:
        if not await self._service.run_source(request.path_params["name"]):
            return problem_response(_UNKNOWN_SOURCE)
        return json_response({"name": request.path_params["name"], "asked": True}, status=202)

    async def pause_source(self, request: Request) -> Response:
        return await self._pause(request, True)

    async def resume_source(self, request: Request) -> Response:
        return await self._pause(request, False)

    async def _pause(self, request: Request, paused: bool) -> Response:
        name = request.path_params["name"]
        if not await self._service.pause_source(name, paused):
            return problem_response(_UNKNOWN_SOURCE)
        return json_response({"name": name, "paused": paused})


def _import_params(request: Request) -> tuple[Scheme | None, Trust, tuple[str, ...]]:
    scheme, trust, tags = None, Trust.OWN, []
    for name, value in params_of(request.scope["query_string"]):
        if name == "scheme":
            scheme = _word(Scheme, name, value)
        elif name == "trust":
            trust = _word(Trust, name, value)
        elif name == "tag":
            tags += value.split(",")
        else:
            raise InvalidQueryError("query", "an import takes scheme, trust and tag")
    for tag in tags:
        if _TAG.fullmatch(tag) is None or len(tags) > 50:
            raise InvalidQueryError("tag", "tag takes up to 50 names, separated by commas")
    return scheme, trust, tuple(tags)


def _word(kind: Any, name: str, value: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise InvalidQueryError(name, f"{name} must be one of {', '.join(kind)}") from None


def _documents(body: bytes, content_type: str) -> list[tuple[bytes, str, str]]:
    """The documents of an import with their types and names: one, or the parts of a form."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _parts(body, content_type)
    if kind == "application/json" and body[:2] == b'["':
        # A list of texts is the JSON that people write; each is an entry.
        try:
            return [("\n".join(msgspec.json.decode(body, type=list[str])).encode(), "text/plain", "")]
        except (msgspec.MsgspecError, UnicodeError):
            return [(body, kind, "")]
    return [(body, "" if kind == "application/x-www-form-urlencoded" else content_type, "")]


def _parts(body: bytes, content_type: str) -> list[tuple[bytes, str, str]]:
    head = b"Content-Type: " + content_type.encode("latin-1", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
    # The message parser of the standard library takes anything; what is no form has no parts.
    message = BytesParser(policy=email_policy.HTTP).parsebytes(head + b"\r\n\r\n" + body)
    found = []
    for part in message.iter_parts() if message.is_multipart() else ():
        data = part.get_payload(decode=True)
        if isinstance(data, bytes) and part.get_param("name", header="content-disposition") == "file":
            found.append((data, part.get_content_type() if "content-type" in part else "", part.get_filename() or ""))
    if not found:
        raise InvalidQueryError("body", "the form has no part that is named file")
    return found
