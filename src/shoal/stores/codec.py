"""Bytes in which adapters keep values: one version byte, then msgpack.

Fields may be added with a default under the same version; anything else raises the version and keeps the old decoder.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shoal.domain import Blame, Credentials, Endpoint, Failure, Path, Record, Timing, Trust
from shoal.domain.capability import shared
from shoal.domain.health import BLOCK_BYTES
from shoal.domain.record import MOST_COMPARED
from shoal.domain.sharing import share_failure, share_number, share_seconds, share_text
from shoal.errors import StoreError
from shoal.ports.store import SourceState
from shoal.stores.old_bodies import upgraded
from shoal.stores.origin import Origin

VERSION = 3
"""Bodies have been written in three formats: since 3 a path's health is one block; see ``old_bodies``."""
_BODY_PREFIX = bytes([VERSION])
_PREFIX = b"\x01"
_OLD_BODIES = (b"\x01", b"\x02")
_DAMAGED = "a stored record is damaged; move the store away or put a backup in its place"

T = TypeVar("T")


class _Body(
    Struct,
    frozen=True,
    omit_defaults=True,
    rename={
        "host": "h",
        "port": "p",
        "username": "u",
        "password": "w",
        "country": "c",
        "first_seen": "f",
        "checks": "n",
        "misses": "m",
        "last_check": "l",
        "failure": "e",
        "paths": "s",
        "version": "v",
        "blame": "b",
    },
):
    """What checks own of a record. Nine in ten records never worked: short names and no defaults keep them small."""

    host: str
    port: int
    username: str | None = None
    password: str = ""
    country: str | None = None
    first_seen: float = 0.0
    checks: int = 0
    misses: int = 0
    last_check: float = 0.0
    failure: Failure | None = None
    paths: tuple[Path, ...] = ()
    version: int = 0
    blame: Blame | None = None


_encode = msgspec.msgpack.Encoder().encode
_body_decoder = msgspec.msgpack.Decoder(_Body)
_origin_decoder = msgspec.msgpack.Decoder(Origin)
_source_decoder = msgspec.msgpack.Decoder(SourceState)


def encode_body(record: Record) -> bytes:
    """A record without its id, key, next check and what sources own. The password stands here and nowhere else."""
    credentials = record.credentials
    return _BODY_PREFIX + _encode(
        _Body(
            record.endpoint.host,
            record.endpoint.port,
            None if credentials is None else credentials.username,
            "" if credentials is None else credentials.password,
            record.country,
            record.first_seen,
            record.checks,
            record.misses,
            record.last_check,
            record.failure,
            record.paths,
            record.version,
            record.blame,
        )
    )


def decode_record(
    key: str | None, trust: Trust, next_check: float, last_seen: float, origin: bytes, body: bytes
) -> Record:
    """Put a record together again; ``key`` is None where it is plainly ``host:port``.

    Raises ``StoreError`` for bytes of a newer version or damaged ones.
    """
    kept = _decode_body(body)
    listed = decode_origin(origin)
    endpoint = Endpoint(kept.host, share_number(kept.port))
    return Record(
        str(endpoint) if key is None else key,
        endpoint,
        None if kept.username is None else Credentials(kept.username, kept.password),
        listed.claims,
        listed.sources,
        trust,
        listed.tags,
        kept.country,
        # One list brings many records at one moment.
        share_seconds(kept.first_seen),
        share_seconds(last_seen),
        share_number(kept.checks),
        kept.misses,
        share_seconds(kept.last_check),
        share_seconds(next_check),
        kept.failure,
        tuple([_lean(path, kept.host) for path in kept.paths]),
        share_number(kept.version),
        kept.blame,
    )


def _lean(path: Path, host: str) -> Path:
    """The same path, with what others have as well or the record has kept once."""
    for health in (path.health, *[view.health for view in path.views]):
        if len(health.block) != BLOCK_BYTES:
            raise StoreError(_DAMAGED)
    timing = path.timing
    return replace(
        path,
        capabilities=shared(path.capabilities),
        exit=host if path.exit == host else path.exit,
        country=None if path.country is None else share_text(path.country),
        asn=None if path.asn is None else share_number(path.asn),
        timing=Timing(
            share_seconds(timing.connect),
            share_seconds(timing.handshake),
            share_seconds(timing.first_byte),
            share_seconds(timing.total),
        ),
        failure=None if path.failure is None else share_failure(path.failure),
        located_by=None if path.located_by is None else share_text(path.located_by),
        profiled_at=share_seconds(path.profiled_at),
        compared=min(MOST_COMPARED, max(0, path.compared)),
    )


def encode_origin(origin: Origin) -> bytes:
    return _PREFIX + _encode(origin)


@lru_cache(maxsize=4096)
def decode_origin(data: bytes) -> Origin:
    """Remembered, since a pool has few combinations of claims, sources and tags and many records of each."""
    return _decode(_origin_decoder, data)


def encode_source_state(state: SourceState) -> bytes:
    return _PREFIX + _encode(state)


def decode_source_state(data: bytes) -> SourceState:
    return _decode(_source_decoder, data)


def _decode_body(data: bytes) -> _Body:
    if data[:1] not in _OLD_BODIES:
        return _decode(_body_decoder, data, VERSION)
    try:
        return _body_decoder.decode(upgraded(memoryview(data)[1:]))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise StoreError(_DAMAGED) from error


def _decode(decoder: msgspec.msgpack.Decoder[T], data: bytes, version: int = 1) -> T:
    if not data or data[0] != version:
        if data and data[0] > version:
            raise StoreError(
                f"the store holds data of a newer Shoal (format {data[0]}, this one reads {version}); upgrade Shoal"
            )
        raise StoreError(_DAMAGED)
    try:
        return decoder.decode(memoryview(data)[1:])
    # Text that is no UTF-8 is not among msgspec's own errors, nor is what is nested too deeply.
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise StoreError(_DAMAGED) from error
