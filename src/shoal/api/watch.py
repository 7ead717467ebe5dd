"""Routes that tell how the pool is: history, events, settings, metrics."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec
from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shoal.api.metrics import registry_of
from shoal.api.query import params_of
from shoal.api.responses import NO_STORE, json_response, problem_response
from shoal.api.service import PoolService
from shoal.api.views import rfc3339
from shoal.config import SETTINGS
from shoal.domain.problem import Problem
from shoal.errors import InvalidQueryError
from shoal.options import Options
from shoal.telemetry.redact import redacted

_STREAMS: Final = 200
"""Event streams at once."""
_KEEP_ALIVE: Final = 15.0
"""Seconds of silence after which a comment is sent: middle boxes end streams in which nothing moves."""
_SPAN_LIMIT: Final = 1e9


class Watch:
    """Endpoints over one service. ``origins`` says of settings where they were set."""

    def __init__(self, service: PoolService, settings: Options, origins: Mapping[str, str], version: str) -> None:
        self._service = service
        self._settings = settings
        self._origins = origins
        self._streams = 0
        self._registry = registry_of(service, version)

    async def history(self, request: Request) -> Response:
        span = 86_400.0
        for name, value in params_of(request.scope["query_string"]):
            if name != "seconds" or re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", value, re.ASCII) is None:
                raise InvalidQueryError("seconds", "seconds is how far back to look: a number")
            span = min(float(value), _SPAN_LIMIT)
        samples = self._service.history.since(self._service.now() - span)
        return json_response([{**_fields(sample), "at": rfc3339(sample.at)} for sample in samples])

    async def events(self, request: Request) -> Response:
        if self._streams >= _STREAMS:
            detail = f"{_STREAMS} clients follow the events already; close one, or poll /v1/stats."
            return problem_response(Problem(503, "too_many_streams", detail), {"Retry-After": "5"})
        since = request.headers.get("last-event-id", "")
        start = int(since) if re.fullmatch("[0-9]{1,18}", since, re.ASCII) else self._service.events.last_id
        return StreamingResponse(
            self._stream(start), headers={**NO_STORE, "X-Accel-Buffering": "no"}, media_type="text/event-stream"
        )

    async def _stream(self, since: int) -> AsyncIterator[bytes]:
        self._streams += 1
        events = self._service.events
        try:
            yield b"retry: 3000\n\n"
            feed = events.follow(since)
            coming = asyncio.ensure_future(anext(feed))  # noqa: TID251 - owned here: cancelled below
            try:
                while True:
                    done, _ = await asyncio.wait({coming}, timeout=_KEEP_ALIVE)
                    if not done:
                        yield b": still here\n\n"
                        continue
                    event = coming.result()
                    data = msgspec.json.encode({"at": rfc3339(event.at), **event.data})
                    yield b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), data)
                    coming = asyncio.ensure_future(anext(feed))  # noqa: TID251 - as above
            finally:
                coming.cancel()
        finally:
            self._streams -= 1

    async def settings(self, request: Request) -> Response:
        return json_response([self._setting(setting) for setting in SETTINGS])

    def _setting(self, setting: Any) -> dict[str, Any]:
        value = getattr(getattr(self._settings, setting.group), setting.name)
        origin = self._origins.get(setting.key) or ("default" if value == setting.default else "set")
        return {
            "key": setting.key,
            "value": _shown(value, hidden=setting.is_hidden),
            "default": _shown(setting.default, hidden=False),
            "origin": origin,
            "help": setting.help,
            "environment": setting.environment,
            "flag": setting.flag,
        }

    async def metrics(self, request: Request) -> Response:
        return Response(generate_latest(self._registry), headers=NO_STORE, media_type="text/plain; version=0.0.4")


def _fields(sample: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in sample.__struct_fields__}


def _shown(value: Any, *, hidden: bool) -> Any:
    if hidden and value:
        return "***"
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, tuple):
        return [_shown(item, hidden=False) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
