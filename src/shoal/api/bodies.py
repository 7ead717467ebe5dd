"""Bodies of requests: read within a bound, decoded strictly, every mistake told with the field's name."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request

from shoal.api.compat import DELETE_PATTERN
from shoal.api.query import PICK_FIELDS
from shoal.domain import Failure, Feedback, Query, Reason, Scheme, Stage
from shoal.errors import InvalidQueryError
from shoal.links import ALIAS_PATTERN, URL_LIMIT
from shoal.options import Expect, OwnTarget
from shoal.policy.query_text import NAME_PATTERN, TARGET_PATTERN, parse_query
from shoal.policy.target_table import NAME_PATTERN as TARGET_NAME_PATTERN

_T = TypeVar("_T")

BODY_LIMIT_BYTES: Final = 65_536
"""Far above any feedback; a lease's filters reach a few thousand bytes at most."""
LEASE_ID_PATTERN: Final = "[0-9a-f]{24}"
ID_PATTERN: Final = "[0-9a-f]{16}"
LEASE_LIMIT: Final = 86_400.0
"""Seconds that a lease may last: who needs a proxy for longer has one of their own."""
_LATENCY_LIMIT_MS: Final = 3_600_000.0
_BYTES_LIMIT: Final = 1_000_000_000_000


class FailureBody(Struct, frozen=True, forbid_unknown_fields=True):
    """At which stage it failed and for what reason; ``detail`` is for people."""

    stage: Stage
    reason: Reason
    detail: Annotated[str, Meta(max_length=200)] = ""


class OutcomeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user of a proxy saw. ``scheme`` says how the proxy was spoken to, ``target`` what was asked through it,
    ``bytes`` how many went both ways, for the byte budget of its source.

    ``status`` is that of the target's answer, ``banned`` says that it was a ban (a captcha, say). With a target, 403,
    429 and ``banned`` keep the proxy from that target for a while, and from no other."""

    ok: bool
    scheme: Scheme | UnsetType = UNSET
    latency_ms: Annotated[float, Meta(ge=0, le=_LATENCY_LIMIT_MS)] | UnsetType = UNSET
    failure: FailureBody | UnsetType = UNSET
    target: Annotated[str, Meta(pattern=f"^{TARGET_PATTERN}$")] | UnsetType = UNSET
    bytes: Annotated[float, Meta(ge=0, le=_BYTES_LIMIT, multiple_of=1)] | UnsetType = UNSET
    status: Annotated[float, Meta(ge=100, le=599, multiple_of=1)] | UnsetType = UNSET
    banned: bool = False

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
            bytes_used=0 if self.bytes is UNSET else int(self.bytes),
            status=None if self.status is UNSET else int(self.status),
            banned=self.banned,
        )


class FeedbackBody(OutcomeBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``id`` or ``proxy`` (HOST:PORT or URL) says of which one."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")] | UnsetType = UNSET
    proxy: Annotated[str, Meta(pattern=f"^{DELETE_PATTERN}$")] | UnsetType = UNSET

    @property
    def named(self) -> str:
        return self.id if self.id is not UNSET else str(self.proxy)


class RenewBody(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the lease shall last from now, in seconds; left out: the time of the settings."""

    seconds: Annotated[float, Meta(gt=0, le=LEASE_LIMIT)] | UnsetType = UNSET


_Tag = Annotated[str, Meta(pattern=f"^{NAME_PATTERN}$")]
_Name = Annotated[str, Meta(pattern=f"^{DELETE_PATTERN}$")]


class TagBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Tags to give and to take; ``banned`` keeps a proxy out of the pool."""

    add: Annotated[list[_Tag], Meta(max_length=50)] = []
    remove: Annotated[list[_Tag], Meta(max_length=50)] = []


class BanBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Ids, HOST:PORTs or URLs."""

    proxies: Annotated[list[_Name], Meta(min_length=1, max_length=1000)]


class TokenBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A token to make. ``seconds`` is how long it lasts, left out: for ever; ``rate`` is in requests a second."""

    name: Annotated[str, Meta(pattern=f"^{NAME_PATTERN}$")]
    scope: Literal["read", "use", "write", "admin"] = "use"
    seconds: Annotated[float, Meta(gt=0, le=1e9)] | UnsetType = UNSET
    rate: Annotated[float, Meta(ge=0.001, le=1e6)] | UnsetType = UNSET


_Status = Annotated[float, Meta(ge=100, le=599, multiple_of=1)]


class ExpectBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a right answer looks like: one of ``status`` (left out: 200 to 399), ``regex`` found in it and
    ``not_regex`` not."""

    status: _Status | Annotated[list[_Status], Meta(max_length=50)] = []
    regex: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    not_regex: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


class TargetBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A site that matters. ``name`` left out: its host; ``interval`` and ``cool_down`` in seconds, ``rate`` in requests
    a second; left out: those of the settings."""

    url: Annotated[str, Meta(pattern="^https?://[!-~]{1,2000}$")]
    name: Annotated[str, Meta(pattern=f"^{TARGET_NAME_PATTERN}$")] | UnsetType = UNSET
    expect: ExpectBody = ExpectBody()
    interval: Annotated[float, Meta(gt=0, le=1e9)] | UnsetType = UNSET
    cool_down: Annotated[float, Meta(gt=0, le=1e9)] | UnsetType = UNSET
    rate: Annotated[float, Meta(ge=0.001, le=1e6)] | UnsetType = UNSET
    user_agent: Annotated[str, Meta(pattern="^[ -~]{0,300}$")] = ""

    @property
    def own(self) -> OwnTarget:
        status = self.expect.status
        return OwnTarget(
            url=self.url,
            name="" if self.name is UNSET else self.name,
            expect=Expect(
                tuple(map(int, status)) if isinstance(status, list) else int(status),
                self.expect.regex,
                self.expect.not_regex,
            ),
            interval=None if self.interval is UNSET else self.interval,
            cool_down=None if self.cool_down is UNSET else self.cool_down,
            rate=None if self.rate is UNSET else self.rate,
            user_agent=self.user_agent,
        )


class LinkBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A link to make: to ``url``, or of the saved ``query``: its parameters by name, or ``/v1/proxies?…`` as a text.

    ``seconds`` is how long it lasts; ``fresh`` wants a link of one's own even where one to the same URL stands.
    """

    url: Annotated[str, Meta(min_length=1, max_length=URL_LIMIT)] | UnsetType = UNSET
    query: str | dict[str, Any] | UnsetType = UNSET
    alias: Annotated[str, Meta(pattern=f"^{ALIAS_PATTERN}$")] | UnsetType = UNSET
    permanent: bool = False
    preview: bool = False
    seconds: Annotated[float, Meta(gt=0, le=1e9)] | UnsetType = UNSET
    click_limit: Annotated[float, Meta(ge=1, le=1_000_000_000, multiple_of=1)] | UnsetType = UNSET
    fresh: bool = False


class LinkChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be different. ``seconds`` counts from now; null takes a bound away."""

    url: Annotated[str, Meta(min_length=1, max_length=URL_LIMIT)] | UnsetType = UNSET
    query: str | dict[str, Any] | UnsetType = UNSET
    permanent: bool | UnsetType = UNSET
    preview: bool | UnsetType = UNSET
    seconds: Annotated[float, Meta(gt=0, le=1000000000.0)] | UnsetType | None = UNSET
    click_limit: Annotated[float, Meta(ge=1, le=1_000_000_000, multiple_of=1)] | UnsetType | None = UNSET


class LeaseWish(Struct, frozen=True):
    """``seconds`` None: the time of the settings."""

    query: Query
    seconds: float | None = None
    exclusive: bool = False
    credentials: bool = False


_outcome: Final = msgspec.json.Decoder(OutcomeBody)
_feedback: Final = msgspec.json.Decoder(FeedbackBody)
_renew: Final = msgspec.json.Decoder(RenewBody)
_tags: Final = msgspec.json.Decoder(TagBody)
_ban: Final = msgspec.json.Decoder(BanBody)
_token: Final = msgspec.json.Decoder(TokenBody)
_target: Final = msgspec.json.Decoder(TargetBody)
_link: Final = msgspec.json.Decoder(LinkBody)
_link_change: Final = msgspec.json.Decoder(LinkChange)
_object: Final = msgspec.json.Decoder(dict[str, Any])


async def read_body(request: Request, limit: int = BODY_LIMIT_BYTES) -> bytes:
    """The whole body, the same when it is read again. Raises InvalidQueryError beyond ``limit`` bytes."""
    kept: bytes | None = request.scope.get("shoal.body")
    if kept is not None:
        if len(kept) > limit:
            raise _too_long(limit)
        return kept
    chunks = []
    size = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_long(limit)
    body: bytes = b"".join(chunks)
    request.scope["shoal.body"] = body
    return body


def _too_long(limit: int) -> InvalidQueryError:
    return InvalidQueryError("body", f"the body has {limit} bytes at most")


def read_renewal(body: bytes) -> RenewBody:
    """Raises InvalidQueryError."""
    return _decode(_renew, body) if body else RenewBody()


def read_tags(body: bytes) -> TagBody:
    """Raises InvalidQueryError."""
    return _decode(_tags, body)


def read_ban(body: bytes) -> BanBody:
    """Raises InvalidQueryError."""
    return _decode(_ban, body)


def read_token(body: bytes) -> TokenBody:
    """Raises InvalidQueryError."""
    return _decode(_token, body)


def read_target_body(body: bytes) -> TargetBody:
    """Raises InvalidQueryError."""
    return _decode(_target, body)


def read_link(body: bytes) -> LinkBody:
    """Raises InvalidQueryError."""
    wish = _decode(_link, body)
    if (wish.url is UNSET) is (wish.query is UNSET):
        raise InvalidQueryError("url", "say where it leads: either url, or query")
    return wish


def read_link_change(body: bytes) -> LinkChange:
    """Raises InvalidQueryError."""
    wish = _decode(_link_change, body)
    if wish.url is not UNSET and wish.query is not UNSET:
        raise InvalidQueryError("url", "a link leads to a url or to a query, not to both")
    return wish


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


def query_string(query: str | dict[str, Any]) -> str:
    """A saved query as it stands after the question mark. Raises InvalidQueryError; what it says is not looked at."""
    if isinstance(query, dict):
        pairs = []
        for name, value in query.items():
            if name != "credentials":
                pairs.append((name, _text(name, value)))
            elif isinstance(value, bool):
                pairs.append((name, str(int(value))))
            else:
                raise InvalidQueryError(name, f"{name} must be true or false")
        text = urlencode(pairs)
    else:
        path, _, text = query.partition("?")
        if path != "/v1/proxies" or not text.isascii():
            raise InvalidQueryError("query", "query must be an object of parameters, or /v1/proxies?… percent-encoded")
    if len(text) > URL_LIMIT:
        raise InvalidQueryError("query", f"query has {URL_LIMIT} characters at most")
    return text


_NUMBERS: Final = frozenset({"max_latency_ms", "min_forecast", "max_age", "limit"})
_WORDS_TOO: Final = frozenset({"max_age"})
"""Of these, those that may also be a text such as 5m."""


def _text(name: str, value: Any) -> str:
    if isinstance(value, str) and (name not in _NUMBERS or name in _WORDS_TOO):
        return value
    if name in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return str(int(value)) if name == "limit" and value == int(value) else str(value)
    if name in _NUMBERS:
        raise InvalidQueryError(name, f"{name} must be a number")
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ",".join(value)
    raise InvalidQueryError(name, f"{name} must be a text or a list of texts")


def _decode(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidQueryError("body", f"the body is not what is expected here: {error}") from error
