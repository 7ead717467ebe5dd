"""A record as one string of the server: what scripts read of it stands in the head. ``_common.lua`` has the same."""

from __future__ import annotations

from struct import Struct as Layout
from struct import error as LayoutError
from typing import Final

from shoal.domain import Record, Trust
from shoal.errors import StoreError
from shoal.stores.codec import decode_record

HEAD: Final = Layout("<BdddIHH")
OWN, VERIFIED, CHECKED = 1, 2, 4


def kept_key(record: Record) -> bytes:
    """The record's key where it cannot be made from the body: that of one without credentials is ``host:port``."""
    return b"" if record.credentials is None and record.key == str(record.endpoint) else record.key.encode()


def flags_of(record: Record) -> int:
    """Without OWN: that belongs to the sources."""
    return (VERIFIED if record.is_verified else 0) | (CHECKED if record.checks else 0)


def read_blob(blob: bytes) -> Record:
    """Raises ``StoreError`` for damaged bytes or those of a newer version."""
    try:
        flags, next_check, last_seen, _, _, key_size, origin_size = HEAD.unpack_from(blob)
        start = HEAD.size + key_size
        key = blob[HEAD.size : start].decode() if key_size else None
    except (LayoutError, UnicodeError) as error:
        raise StoreError("a stored record is damaged; restore a backup of the server") from error
    origin = blob[start : start + origin_size]
    trust = Trust.OWN if flags & OWN else Trust.PUBLIC
    return decode_record(key, trust, next_check, last_seen, origin, blob[start + origin_size :])
