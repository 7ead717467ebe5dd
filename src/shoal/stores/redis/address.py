"""Which server a URL names."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shoal.errors import ConfigError

_PLAIN: Final = {"redis": "redis", "valkey": "redis", "rediss": "rediss", "valkeys": "rediss", "unix": "unix"}
_SENTINEL: Final = {
    "redis+sentinel": False,
    "rediss+sentinel": True,
    "valkey+sentinel": False,
    "valkeys+sentinel": True,
}
_CONNECT_TIMEOUT: Final = 3.0
_TIMEOUT: Final = 5.0
"""Seconds without an answer after which the server counts as lost: everything that it is asked takes milliseconds."""
_SENTINEL_PORT: Final = 26379

FORMS: Final = "redis://HOST:PORT/DB, rediss:// (TLS), unix:///PATH or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE"


class Server(Struct, frozen=True):
    """A client that is not connected yet, and how the server is called in messages: never with its password."""

    client: Redis
    name: str


def is_redis_url(scheme: str) -> bool:
    """True for the schemes that ``server_of`` understands."""
    return scheme in _PLAIN or scheme in _SENTINEL


def server_of(url: str, password: str | None = None) -> Server:
    """The server that ``url`` names; ``password`` is for a URL that holds none.

    Raises ``ConfigError``, whose text does not repeat the URL: it may hold a password.

    ``rediss://`` takes redis-py's parameters: ``?ssl_ca_certs=/path/ca.pem``. Sentinels may have credentials of their
    own: ``redis+sentinel://user:password@a:26379,b:26379/SERVICE/0?sentinel_password=…``.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme in _SENTINEL:
            return _by_sentinel(parts, password, tls=_SENTINEL[parts.scheme])
        plain = parts._replace(scheme=_PLAIN[parts.scheme]).geturl()
        if parts.scheme == "unix" and not parts.path:
            raise ConfigError("store.url: unix: needs three slashes and a path, as in unix:///run/valkey.sock")
        name = parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
        secrets: dict[str, Any] = {} if password is None or parts.password else {"password": password}
        client = Redis.from_url(
            plain,
            **secrets,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_CONNECT_TIMEOUT,
            # Whoever asks decides whether to ask again: a lease taken twice is worse than an error.
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
    except ConfigError:
        raise
    except (ValueError, KeyError, TypeError, OSError, RedisError):
        raise ConfigError(f"store.url cannot be read; write {FORMS}") from None
    return Server(client, name)


def _by_sentinel(parts: SplitResult, given: str | None, *, tls: bool) -> Server:
    userinfo, _, hosts = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    service, _, db = parts.path.strip("/").partition("/")
    if not hosts or not service:
        raise ConfigError("store.url: write redis+sentinel://HOST:PORT,HOST:PORT/SERVICE")
    parameters = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    sentinels = [_host_port(text) for text in hosts.split(",")]
    secured: dict[str, Any] = {"ssl": True} if tls else {}
    if tls and "ssl_ca_certs" in parameters:
        secured["ssl_ca_certs"] = parameters["ssl_ca_certs"]
    own = {
        "username": parameters.get("sentinel_username"),
        "password": parameters.get("sentinel_password"),
        "socket_timeout": _CONNECT_TIMEOUT,
        "socket_connect_timeout": _CONNECT_TIMEOUT,
        **secured,
    }
    guard = Sentinel(  # type: ignore[no-untyped-call]
        sentinels,
        sentinel_kwargs={name: value for name, value in own.items() if value is not None},
        username=unquote(username) or None,
        password=unquote(password) or given,
        db=int(db or 0),
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_CONNECT_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **secured,
    )
    return Server(guard.master_for(unquote(service)), f"{unquote(service)} (sentinels {hosts})")


def _host_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ConfigError("store.url: a sentinel has no host")
    return parts.hostname, parts.port or _SENTINEL_PORT
