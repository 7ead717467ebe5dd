"""Builders of domain values for tests: every argument has a default, so that a test names only what it is about."""

from __future__ import annotations

from shoal.domain import (
    Candidate,
    Capability,
    Credentials,
    Endpoint,
    Health,
    Path,
    Record,
    Scheme,
    Timing,
    Trust,
    record_id,
    record_key,
)
from shoal.ports.store import Admitted

SECRET = b"a secret for tests"


def make_endpoint(number: int = 1, port: int = 8080) -> Endpoint:
    """A distinct loopback endpoint for each ``number`` below 2 ** 24."""
    return Endpoint(f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", port)


def make_admitted(
    number: int = 1,
    *,
    scheme: Scheme | None = Scheme.HTTP,
    credentials: Credentials | None = None,
    source: str = "list",
    trust: Trust = Trust.PUBLIC,
    tags: tuple[str, ...] = (),
    country: str | None = None,
) -> Admitted:
    """What admission hands to ``Store.add`` for ``make_endpoint(number)``."""
    endpoint = make_endpoint(number)
    key = record_key(endpoint, credentials, SECRET)
    return Admitted(record_id(key), key, Candidate(endpoint, scheme, credentials, country), source, trust, tags)


def make_path(
    scheme: Scheme = Scheme.HTTP,
    *,
    last_ok: float = 1000.0,
    capabilities: frozenset[Capability] = frozenset({Capability.FORWARD}),
    latency: float = 0.2,
) -> Path:
    """A path that worked at ``last_ok`` (0: never)."""
    health = Health.of(ok=(1.0,) * 5, last_ok=last_ok, oks=int(last_ok > 0.0), streak=int(last_ok > 0.0))
    return Path(scheme, health, capabilities, timing=Timing(latency / 4, latency / 2, latency, latency))


def change_health(health: Health, **changes: float) -> Health:
    """The same health but for some of the numbers that ``Health.of`` takes."""
    names = ("ok", "bad", "last_ok", "last_bad", "oks", "bads", "streak", "stayed", "after_ok")
    return Health.of(**{name: getattr(health, name) for name in names} | changes)


def make_record(
    number: int = 1,
    *,
    credentials: Credentials | None = None,
    paths: tuple[Path, ...] = (),
    trust: Trust = Trust.PUBLIC,
    sources: tuple[str, ...] = ("list",),
    tags: tuple[str, ...] = (),
    first_seen: float = 1000.0,
    last_seen: float = 1000.0,
    checks: int = 0,
    next_check: float = 1000.0,
) -> Record:
    """The record of ``make_endpoint(number)``; with ``paths`` from ``make_path`` it is a verified one."""
    endpoint = make_endpoint(number)
    key = record_key(endpoint, credentials, SECRET)
    return Record(
        key=key,
        endpoint=endpoint,
        credentials=credentials,
        claims=tuple(path.scheme for path in paths) or (Scheme.HTTP,),
        sources=sources,
        trust=trust,
        tags=tags,
        first_seen=first_seen,
        last_seen=last_seen,
        checks=checks,
        next_check=next_check,
        paths=paths,
    )
