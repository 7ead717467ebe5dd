"""Bodies of requests: read within a bound, decoded strictly, every mistake told with the field's name."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request

from shoal.api.compat import DELETE_PATTERN
from shoal.api.query import PICK_FIELDS
from shoal.domain import Failure, Feedback, Query, Reason, Scheme, Stage
from shoal.errors import InvalidQueryError
from shoal.policy.query_text import TARGET_PATTERN, parse_query

_T = TypeVar("_T")

BODY_LIMIT_BYTES: Final = 65_536
"""Far above any feedback; a lease's filters reach a few thousand bytes at most."""
LEASE_ID_PATTERN: Final = "[0-9a-f]{24}"
LEASE_LIMIT: Final = 86_400.0
"""Seconds that a lease may last: who needs a proxy for longer has one of their own."""
_LATENCY_LIMIT_MS: Final = 3_600_000.0


class FailureBody(Struct, frozen=True, forbid_unknown_fields=True):
    """At which stage it failed and for what reason; ``detail`` is for people."""

    stage: Stage
    reason: Reason
    detail: Annotated[str, Meta(max_length=200)] = ""


class OutcomeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user of a proxy saw. ``scheme`` says how the proxy was spoken to, ``target`` what was asked through it."""

    ok: bool
    scheme: Scheme | UnsetType = UNSET
    latency_ms: Annotated[float, Meta(ge=0, le=_LATENCY_LIMIT_MS)] | UnsetType = UNSET
    failure: FailureBody | UnsetType = UNSET
    target: Annotated[str, Meta(pattern=f"^{TARGET_PATTERN}$")] | UnsetType = UNSET

    @property
    def used_as(self) -> Scheme | None:
        return None if self.scheme is UNSET else self.scheme

    @property
    def feedback(self) -> Feedback:
        failure = self.failure
        return Feedback(
            ok=self.ok,
            latency=None if self.latency_ms is UNSET else self.latency_ms / 1000.0,
            failure=None
            if failure is UNSET or self.ok
            else Failure(failure.stage, failure.reason, "".join(c if c.isprintable() else "?" for c in failure.detail)),
            target=None if self.target is UNSET else self.target,
        )


class FeedbackBody(OutcomeBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``id`` or ``proxy`` (HOST:PORT or URL) says of which one."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")] | UnsetType = UNSET
    proxy: Annotated[str, Meta(pattern=f"^{DELETE_PATTERN}$")] | UnsetType = UNSET

    @property
    def named(self) -> str:
        return self.id if self.id is not UNSET else str(self.proxy)


class LeaseWish(Struct, frozen=True):
    """``seconds`` None: the time of the settings."""

    query: Query
    seconds: float | None = None
    exclusive: bool = False
    credentials: bool = False


_outcome: Final = msgspec.json.Decoder(OutcomeBody)
_feedback: Final = msgspec.json.Decoder(FeedbackBody)
_object: Final = msgspec.json.Decoder(dict[str, Any])


async def read_body(request: Request) -> bytes:
    """The whole body. Raises InvalidQueryError beyond ``BODY_LIMIT_BYTES``."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise InvalidQueryError("body", f"the body has {BODY_LIMIT_BYTES} bytes at most")
    return body


def read_outcome(body: bytes) -> OutcomeBody:
    """Raises InvalidQueryError."""
    return _decode(_outcome, body)


def read_feedback(body: bytes) -> FeedbackBody:
    """Raises InvalidQueryError."""
    told = _decode(_feedback, body)
    if (told.id is UNSET) is (told.proxy is UNSET):
        raise InvalidQueryError("id", "say which proxy: either its id, or proxy as HOST:PORT or URL")
    return told


def read_lease(body: bytes) -> LeaseWish:
    """``seconds``, ``exclusive``, ``credentials`` and the filters of pick as one object. Raises InvalidQueryError."""
    fields = _decode(_object, body) if body else {}
    seconds = fields.pop("seconds", None)
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float)):
        raise InvalidQueryError("seconds", "seconds must be a number")
    if seconds is not None and not 0 < seconds <= LEASE_LIMIT:
        raise InvalidQueryError("seconds", f"seconds must be above 0 and at most {LEASE_LIMIT:.0f}")
    switches = {name: fields.pop(name, False) for name in ("exclusive", "credentials")}
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise InvalidQueryError(name, f"{name} must be true or false")
    query = parse_query([(name, _text(name, value)) for name, value in fields.items()], fields=PICK_FIELDS)
    return LeaseWish(query, seconds, switches["exclusive"], switches["credentials"])


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InvalidQueryError(name, f"{name} must be a text, a number or a list of texts")


def _decode(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidQueryError("body", f"the body is not what is expected here: {error}") from error
