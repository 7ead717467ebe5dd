"""Answers of the API: msgspec-encoded, never cached, problems as RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from shoal.domain.problem import PROBLEM_TYPE, Problem

NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

JSON_FIELDS: Final = [(name.lower().encode(), value.encode()) for name, value in NO_STORE.items()]
JSON_FIELDS.append((b"content-type", b"application/json"))

_encode: Final = msgspec.json.Encoder().encode
_encode_sorted: Final = msgspec.json.Encoder(order="sorted").encode


def json_response(value: Any, *, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """``value`` as JSON, keys in the order of its definition."""
    return Response(_encode(value), status, headers={**NO_STORE, **(headers or {})}, media_type="application/json")


def encoded_response(body: bytes, *, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that is encoded already."""
    return Response(body, headers={**NO_STORE, **(headers or {})}, media_type="application/json")


def sorted_json(value: Any) -> bytes:
    """``value`` as JSON, keys in alphabetical order."""
    return _encode_sorted(value)


def sorted_json_response(value: Any) -> Response:
    return Response(_encode_sorted(value), headers=NO_STORE, media_type="application/json")


def text_response(text: str, *, headers: Mapping[str, str] | None = None, media_type: str = "text/plain") -> Response:
    return Response(text, headers={**NO_STORE, **(headers or {})}, media_type=media_type)


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(problem.to_json(), problem.status, headers={**NO_STORE, **(headers or {})}, media_type=PROBLEM_TYPE)
