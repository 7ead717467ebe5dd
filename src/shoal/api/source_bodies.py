"""Bodies of the routes of sources, for the OpenAPI document: one shape for each kind of source."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shoal.options import OwnSource

Json = dict[str, Any]

SOURCE_NAME_PATTERN: Final = "(?!test$)[A-Za-z0-9_][A-Za-z0-9_ .:+-]{0,63}"
_NAME: Final[Json] = {
    "type": "string",
    "pattern": f"^{SOURCE_NAME_PATTERN}$",
    "description": "Its name, unique; shown beside every proxy that came from it.",
}
_TEXT: Final[Json] = {"type": "string", "minLength": 1}
_PATH: Final[Json] = {"type": "string", "pattern": "^/"}
_KINDS: Final[dict[str, Json]] = {
    "url": _TEXT,
    "api": _TEXT,
    "inline": {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": {"type": "string"}}]},
    "file": _PATH,
    "folder": _PATH,
    "python": _TEXT,
}
_EVERY: Final = (
    "enabled", "scheme", "trust", "tier", "interval", "max_in_flight", "min_interval", "check_interval", "byte_budget",
    "fetch_budget_bytes", "tags",
)  # fmt: skip
_WEB: Final = ("headers", "headers_env", "headers_file", "proxy")
_CALLS: Final = ("calls", "call_interval")
_ABOVE_ZERO: Final = ("interval", "max_in_flight", "check_interval", "byte_budget", "fetch_budget_bytes")


def source_bodies() -> Json:
    """Components by name."""
    fields = _fields()
    shapes = [_shape(fields, kind, named=True) for kind in _KINDS]
    looks = [_shape(fields, kind, named=False) for kind in _KINDS]
    named: Json = {"type": "object", "properties": {"name": _NAME, **_LOOK}, "required": ["name"]}
    named["additionalProperties"] = False
    return {
        "SourceBody": {
            "title": "SourceBody",
            "description": "A source to add: as a [[source]] table of the settings file. file, folder, python and what "
            "reads the environment take a token with the scope admin.",
            "oneOf": shapes,
        },
        "SourceTestBody": {
            "title": "SourceTestBody",
            "description": "The name of a source that is there, or what a new one would be; the first so many entries "
            "are shown, and it has wait seconds.",
            "oneOf": [named, *looks],
        },
        "SourceChange": {
            "title": "SourceChange",
            "type": "object",
            "properties": {"enabled": {"type": "boolean"}},
            "required": ["enabled"],
            "additionalProperties": False,
        },
    }


_LOOK: Final[Json] = {
    "first": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 10},
    "wait": {"type": "number", "minimum": 0.1, "maximum": 300, "default": 60},
}


def _shape(fields: Json, kind: str, *, named: bool) -> Json:
    names = (*_EVERY, *(_WEB if kind in ("url", "api") else ()), *(_CALLS if kind == "api" else ()))
    properties = {"name": _NAME, kind: _KINDS[kind], **{name: fields[name] for name in names}}
    if not named:
        properties |= _LOOK
    required = ["name", kind] if named else [kind]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _fields() -> Json:
    _, components = msgspec.json.schema_components([OwnSource], ref_template="#/components/schemas/{name}")
    fields: Json = components["OwnSource"]["properties"]
    for name in _ABOVE_ZERO:
        fields[name] = {**fields[name], "exclusiveMinimum": 0}
    return fields
