"""What the OpenAPI document says of each parameter and answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Any, Final

import msgspec

from shoal.api.bodies import (
    LEASE_LIMIT,
    BanBody,
    FeedbackBody,
    LinkBody,
    LinkChange,
    OutcomeBody,
    RenewBody,
    TagBody,
    TargetBody,
    TokenBody,
)
from shoal.api.compat import DELETE_PATTERN
from shoal.api.gateway_routes import ConnectionView, GatewayView, SessionView
from shoal.api.paging import CURSOR_PATTERN
from shoal.api.query import PICK_FIELDS, PICK_LIMIT
from shoal.api.source_bodies import source_bodies
from shoal.api.source_views import SourceView, TrialView
from shoal.api.target_views import TargetTrialView, TargetView
from shoal.api.views import (
    LeaseView,
    LinkView,
    PastView,
    ProxyView,
    RecordView,
    RenewalView,
    TokenView,
)
from shoal.domain import Anonymity, Capability, Honesty, Order, Scheme, Trust
from shoal.domain.problem import PROBLEM_TYPE
from shoal.export import Format, content_type
from shoal.links import ALIAS_PATTERN
from shoal.policy.query_text import (
    AGE_PATTERN,
    ASN_PATTERN,
    COUNTRY_PATTERN,
    EXCLUDE_LIMIT,
    EXCLUDE_PATTERN,
    FIELDS,
    LIST_LIMIT,
    NAME_PATTERN,
    TARGET_PATTERN,
    VANTAGE_PATTERN,
)

Json = dict[str, Any]

_PROBLEM_SCHEMA: Final[Json] = {
    "title": "Problem",
    "description": "RFC 9457. `code` is for programs and keeps its meaning; `detail` says what to do.",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string", "description": "The parameter at fault."},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
_COMPAT_KEYS: Final[Json] = {
    "anonymous": {"type": "string"},
    "check_count": {"type": "integer"},
    "fail_count": {"type": "integer"},
    "https": {"type": "boolean"},
    "last_status": {"type": "boolean"},
    "last_time": {"type": "string"},
    "proxy": {"type": "string"},
    "region": {"type": "string"},
    "source": {"type": "string"},
}
COMPAT_PROXY: Final[Json] = {
    "title": "CompatProxy",
    "type": "object",
    "properties": _COMPAT_KEYS,
    "required": list(_COMPAT_KEYS),
    "additionalProperties": False,
}


def schemas(limit: int) -> Json:
    """The components of the document; ``limit`` bounds the rows of an answer."""
    kinds = [
        ProxyView,
        RecordView,
        PastView,
        LeaseView,
        RenewalView,
        SourceView,
        TrialView,
        TargetView,
        TargetTrialView,
        LinkView,
        TokenView,
    ]
    kinds += [GatewayView, ConnectionView, SessionView]
    kinds += [OutcomeBody, FeedbackBody, RenewBody, TagBody, BanBody, LinkBody, LinkChange, TokenBody, TargetBody]
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    components["FeedbackBody"]["oneOf"] = [{"required": ["id"]}, {"required": ["proxy"]}]
    for name in ("LinkBody", "LinkChange"):
        components[name]["properties"]["query"] = _saved_query(limit)
    components["LinkChange"]["not"] = {"required": ["url", "query"]}
    components["LinkBody"]["oneOf"] = [
        {"required": ["url"], "not": {"required": ["query"]}},
        {"required": ["query"], "not": {"anyOf": [{"required": ["url"]}, {"required": ["alias"]}]}},
    ]
    return {
        **components,
        **source_bodies(),
        "LeaseBody": _lease_body(),
        "Problem": _PROBLEM_SCHEMA,
        "CompatProxy": COMPAT_PROXY,
    }


def _words(kind: type[StrEnum], *more: str) -> Json:
    words = [word.value for word in kind]
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": LIST_LIMIT,
        "items": {"enum": [*words, *(f"!{word}" for word in words), *more]},
    }


def _patterns(pattern: str, example: str) -> Json:
    items = {"type": "string", "pattern": f"^!?{pattern}$", "examples": [example]}
    return {"type": "array", "minItems": 1, "maxItems": LIST_LIMIT, "items": items}


_TARGET_TEXT: Final = (
    "What it is wanted for: HOST, HOST:PORT or a URL, whose bans are minded; of a target of `/v1/targets`, also by "
    "name, only what reaches it."
)
_PARAMETERS: Final[dict[str, tuple[Json, str]]] = {
    "scheme": (_words(Scheme), "How one speaks to the proxy."),
    "capability": (_words(Capability), "What it was measured to do; all of them must be there."),
    "country": (_patterns(COUNTRY_PATTERN, "US"), "ISO 3166 code of the exit."),
    "asn": (_patterns(ASN_PATTERN, "AS64500"), "Autonomous system of the exit."),
    "anonymity": (_words(Anonymity), "What a target can tell."),
    "honesty": (_words(Honesty), "tampers, intercepts and fakes are left out unless named; `any` alone takes all."),
    "source": (_patterns(NAME_PATTERN, "mylist"), "Names of sources."),
    "tag": (_patterns(NAME_PATTERN, "fast"), "Tags."),
    "trust": (_words(Trust)["items"], "The user's own proxies or public ones."),
    "target": (
        {"type": "string", "pattern": f"^{TARGET_PATTERN}$"},
        _TARGET_TEXT,
    ),
    "vantage": (
        {"type": "string", "pattern": f"^{VANTAGE_PATTERN}$"},
        "Name of a vantage point of a cluster: only what was seen from there, with the forecast as seen from there.",
    ),
    "max_latency_ms": ({"type": "number", "exclusiveMinimum": 0}, "Milliseconds."),
    "min_forecast": ({"type": "number", "minimum": 0, "maximum": 1}, "Probability that it works now."),
    "max_age": (
        {"type": "string", "pattern": f"^{AGE_PATTERN}$"},
        "Since it last worked: seconds, or 30s, 5m, 2h, 1d.",
    ),
    "exclude": (
        {
            "type": "array",
            "minItems": 1,
            "maxItems": EXCLUDE_LIMIT,
            "items": {"type": "string", "pattern": f"^{EXCLUDE_PATTERN}$"},
        },
        "Ids, HOST:PORT or hosts that are not wanted.",
    ),
    "limit": ({"type": "integer", "minimum": 1}, "Rows at most."),
    "order": ({"enum": [order.value for order in Order]}, "Best first."),
    "format": ({"enum": [format.value for format in Format]}, "txt: one proxy URL a line; plain: HOST:PORT."),
    "n": ({"type": "integer", "minimum": 1, "maximum": PICK_LIMIT}, "So many different proxies, as a list."),
    "cursor": (
        {"type": "string", "pattern": f"^{CURSOR_PATTERN}$"},
        "X-Next-Cursor of the page before, with the same filters and order.",
    ),
    "link_cursor": ({"type": "string", "pattern": f"^{ALIAS_PATTERN}$"}, "X-Next-Cursor of the page before."),
    "session_user": ({"type": "string"}, "Sessions of this user only."),
    "session_name": ({"type": "string"}, "Sessions of this name only."),
    "gateway_limit": ({"type": "integer", "minimum": 1, "maximum": 1000}, "Rows at most; default 200."),
    "history_seconds": ({"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?$"}, "How far back; default a day."),
    "import_scheme": ({"enum": [scheme.value for scheme in Scheme]}, "What entries are that do not say."),
    "import_trust": ({"enum": [trust.value for trust in Trust]}, "own (the default): never capped, never expires."),
    "import_tag": (
        {"type": "array", "minItems": 1, "maxItems": 50, "items": {"type": "string", "pattern": f"^{NAME_PATTERN}$"}},
        "Tags that the imported get.",
    ),
    "source_all": ({"enum": ["0", "1"]}, "1 shows rows of the catalogue that are off, too."),
    "credentials": ({"enum": ["0", "1", "false", "true"]}, "1 shows passwords of proxies that need one."),
    "type": (
        {"enum": ["http", "https", "socks4", "socks4a", "socks5"]},
        "http: forwards plain requests; https: an http proxy with a verified tunnel.",
    ),
    "proxy": ({"type": "string", "pattern": f"^{DELETE_PATTERN}$"}, "HOST:PORT, URL or id."),
}


_ALIASES: Final = {
    "link_cursor": "cursor",
    "session_user": "user",
    "session_name": "session",
    "gateway_limit": "limit",
    "history_seconds": "seconds",
    "import_scheme": "scheme",
    "import_trust": "trust",
    "import_tag": "tag",
    "source_all": "all",
}
"""Names of parameters that mean something else on another route."""
IDEMPOTENCY_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Sent again with the same key, a request is done once and answered the same.",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
LAST_EVENT_ID: Final[Json] = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The last event that was seen: the stream goes on after it.",
    "required": False,
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}


def parameters(names: Collection[str], *, required: Collection[str] = (), limit: int) -> list[Json]:
    """Query parameters by name; lists are written with commas."""
    described = []
    for name in names:
        schema, text = _PARAMETERS[name]
        if name == "limit":
            schema = {**schema, "maximum": limit}
        entry: Json = {
            "name": _ALIASES.get(name, name),
            "in": "query",
            "description": text,
            "required": name in required,
            "schema": schema,
        }
        if schema.get("type") == "array":
            entry |= {"style": "form", "explode": False}
        described.append(entry)
    return described


def _lease_body() -> Json:
    filters = _filters(PICK_FIELDS)
    switch = {"type": "boolean", "default": False}
    return {
        "type": "object",
        "properties": {
            **filters,
            "seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": LEASE_LIMIT},
            "exclusive": {**switch, "description": "Shared with nobody."},
            "credentials": {**switch, "description": "Show the password of a proxy that needs one."},
        },
        "additionalProperties": False,
    }


_AGE_OR_SECONDS: Final[Json] = {
    "description": "Since it last worked: seconds, or 30s, 5m, 2h, 1d.",
    "anyOf": [_PARAMETERS["max_age"][0], {"type": "integer", "minimum": 0, "maximum": 999_999_999}],
}


def _filters(names: Collection[str]) -> Json:
    """Filters as fields of a body: a list, or its one entry."""
    fields = {}
    for name in names:
        schema, text = _PARAMETERS[name]
        if schema.get("type") == "array":
            schema = {"anyOf": [schema, schema["items"]]}
        fields[name] = {**schema, "description": text}
    return fields | {"max_age": _AGE_OR_SECONDS}


def _saved_query(limit: int) -> Json:
    properties = _filters(FIELDS)
    properties["format"] = _PARAMETERS["format"][0]
    properties["credentials"] = {"type": "boolean"}
    properties["limit"] = {"type": "integer", "minimum": 1, "maximum": limit}
    return {
        "description": "The parameters of /v1/proxies by name; its address from /v1/proxies? on will do, too.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def body(name: str, *, required: bool = True) -> Json:
    """A JSON body, as an operation has it."""
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": reference(name)}}}}


def any_body() -> Json:
    """A list in any form, or a form with files."""
    text = {"schema": {"type": "string", "minLength": 1}}
    file = {"type": "string", "format": "binary"}
    form = {"schema": {"type": "object", "properties": {"file": file}, "required": ["file"]}}
    content = {"text/plain": text, "application/json": {"schema": {}}, "multipart/form-data": form}
    return {"requestBody": {"required": True, "content": content}}


def formats(schema: Json) -> Json:
    """Answers by content type of a list of proxies; ``schema`` is that of JSON."""
    kinds: Json = {content_type(format): {"type": "string"} for format in Format}
    # What is YAML to the letter is an object to whoever parses it.
    return kinds | {"application/yaml": {}} | {"application/json": {"anyOf": [schema, {"type": "object"}]}}


def with_problems(answers: dict[int | str, Json], *problems: int) -> dict[int | str, Json]:
    """The answers of a route with further problems."""
    return dict.fromkeys(problems, _PROBLEM) | answers


def in_path(name: str, pattern: str) -> Json:
    """A part of a path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": f"^{pattern}$"}}


def reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def responses(
    content: dict[str, Json], *problems: int, description: str = "As asked", status: int = 200
) -> dict[int | str, Json]:
    """The good answer of a route by content type, and the problems it may answer besides those of every route."""
    good: Json = {"description": description}
    if content:
        good["content"] = {kind: {"schema": schema} for kind, schema in content.items()}
    told: dict[int | str, Json] = {status: good}
    return told | dict.fromkeys(_each((*problems, 400, 401, 403, 421, 429)), _PROBLEM)


def _each(statuses: Iterable[int]) -> list[int | str]:
    return sorted(set(statuses))


_PROBLEM: Final[Json] = {"description": "Problem", "content": {PROBLEM_TYPE: {"schema": reference("Problem")}}}
SECURITY_SCHEMES: Final[Json] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "Any user name, the token as password."},
}
