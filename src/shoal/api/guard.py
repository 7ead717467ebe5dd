"""Who may ask: token, client network, Host and origin are looked at before any route."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from shoal.api.auth import matches, shown_token, token_hash
from shoal.api.dashboard import ASSETS, wants_page
from shoal.api.scopes import needed
from shoal.api.tokens import Scope, Token, TokenBook
from shoal.domain.address import special_use
from shoal.domain.problem import Problem
from shoal.options import ApiOptions
from shoal.policy.bind import Network, is_loopback, parse_listen, parse_networks
from shoal.policy.pacing import TokenBucket
from shoal.ports import Clock

CHANGING_PATHS: Final = frozenset(
    path + slash for path in ("/pop", "/delete", "/refresh") for slash in ("", "/")
)  # GETs that change state, as old scripts use them
OPEN_PATHS: Final = frozenset({"/healthz", "/check", "/check/", "/headers", "/echo"})
OPEN_UNPACED: Final = ASSETS
OPEN_PREFIXES: Final = ("/nonce/", "/doc/", "/s/", ASSETS)
_READ_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_NO_TOKEN: Final = Problem(
    401,
    "token_needed",
    "This API needs its token: send 'Authorization: Bearer TOKEN', or put it into the address: http://:TOKEN@HOST:PORT/.",
)
_BAD_TOKEN: Final = Problem(401, "token_wrong", "That is not the token of this API.")
_BAD_HOST: Final = Problem(
    421,
    "host_refused",
    "This API is asked under a name that is not its own, as a web page does that points its name here; "
    "use its address, or a token.",
)
_CROSS_SITE: Final = Problem(
    403, "cross_site", "A page of another site made a browser ask for this; only the API's own page or a script may."
)


class Access(Struct, frozen=True):
    """The rules, made once from the options. ``token`` is a hash."""

    host: str
    loopback: bool
    token: bytes | None
    networks: tuple[Network, ...]

    @property
    def needs_token(self) -> bool:
        return self.token is not None or not self.loopback


def access_of(options: ApiOptions) -> Access:
    """Raises ConfigError for options that ``check_bind`` would refuse by their form."""
    host, _ = parse_listen(options.listen)
    token = None if options.token is None else token_hash(options.token)
    return Access(host.lower(), is_loopback(host), token, parse_networks(options.allow_from))


def decide(
    access: Access,
    method: str,
    path: str,
    headers: Iterable[tuple[bytes, bytes]],
    client: str | None,
    *,
    query_string: bytes = b"",
    tokens: TokenBook | None = None,
) -> Problem | Token | None:
    """Why a request is refused, or the token of a list that opens to it, or None.

    Header names are in lower case, as ASGI has them.
    """
    if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
        return None
    fields: dict[bytes, str] = {}
    for name, value in headers:
        # Twice the same field is an attempt to show two of us different things.
        if name in (b"host", b"authorization") and name in fields:
            return Problem(400, "repeated_field", f"The field {name.decode()} is there twice.")
        fields[name] = value.decode("latin-1")
    # The page holds no secret, and it must be there to ask for the token.
    if path == "/" and wants_page(fields.get(b"accept", "")):
        return None
    told = _identify(access, fields, client, tokens)
    if isinstance(told, Problem):
        return told
    if (method not in _READ_METHODS or path in CHANGING_PATHS) and _is_cross_site(fields):
        return _CROSS_SITE
    if told is not None and told.scope < (scope := needed(method, path, query_string)):
        detail = f"This token may only {told.scope.word}; this needs one with the scope {scope.word}."
        return Problem(403, "scope_missing", detail)
    return told


def _identify(
    access: Access, fields: dict[bytes, str], client: str | None, tokens: TokenBook | None
) -> Problem | Token | None:
    shown = shown_token(fields[b"authorization"]) if b"authorization" in fields else None
    # Whoever knows the token is no page that rebound its name to us, so the Host does not matter then.
    if access.token is not None and shown is not None and matches(shown, access.token):
        return None
    if tokens is not None and shown is not None and (token := tokens.find(shown)) is not None:
        return token
    if access.needs_token and not _is_allowed(access, client):
        return _NO_TOKEN if shown is None else _BAD_TOKEN
    return None if is_own_host(access, fields.get(b"host")) else _BAD_HOST


def is_admin(access: Access, scope: Mapping[str, Any]) -> bool:
    """Whether a request that was let in showed a token that may do everything: without one nobody is trusted so far."""
    token = scope.get("shoal.token")
    if token is not None:
        return bool(token.scope >= Scope.ADMIN)
    shown = [value for name, value in scope["headers"] if name == b"authorization"]
    text = shown_token(shown[0].decode("latin-1")) if shown else None
    return access.token is not None and text is not None and matches(text, access.token)


def _is_allowed(access: Access, client: str | None) -> bool:
    if not access.networks or client is None:
        return False
    try:
        address = ip_address(client)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in access.networks)


def is_own_host(access: Access, host: str | None) -> bool:
    """Without a token, only names that no stranger can point at us (DNS rebinding)."""
    if host is None:
        return True  # HTTP/1.0; browsers always send one
    name = _without_port(host).lower().rstrip(".")
    if name in ("localhost", access.host) or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return not access.loopback and bool(name) and ":" not in name and special_use(name) is not None
    return address.is_loopback or not access.loopback


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_cross_site(fields: dict[bytes, str]) -> bool:
    site = fields.get(b"sec-fetch-site")
    if site is not None:
        return site.strip().lower() not in ("same-origin", "none")
    origin = fields.get(b"origin", fields.get(b"referer"))
    if origin is None:
        return False
    try:
        netloc = urlsplit(origin.strip()).netloc.rpartition("@")[2]
    except ValueError:
        return True
    return netloc.lower() != fields.get(b"host", "").strip().lower()


_BUCKETS: Final = 10_000
"""Clients whose pace is remembered; who was not seen for longest is forgotten first."""
_BURST: Final = 2.0
"""Seconds of requests that may come at once."""


class Paces:
    """How fast each token, or each address without one, may ask."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._rate = rate
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    @property
    def is_bounded(self) -> bool:
        """Whether those without a token have a pace."""
        return self._rate > 0.0

    def wait(self, token: Token | None, client: str | None) -> float:
        """Seconds until this client may ask again, 0 for now."""
        rate = self._rate if token is None or token.rate is None else token.rate
        if rate <= 0.0:
            return 0.0
        name = f"address {client}" if token is None else f"token {token.id}"
        bucket = self._buckets.pop(name, None) or TokenBucket(rate, rate * _BURST)
        self._buckets[name] = bucket
        if len(self._buckets) > _BUCKETS:
            self._buckets.popitem(last=False)
        return bucket.take(self._clock.now())
