"""Damaged strings of a Redis server are told as such."""

from __future__ import annotations

import pytest

from shoal.errors import StoreError
from shoal.stores.redis.blob import HEAD, read_blob


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\0" * (HEAD.size - 1),
        HEAD.pack(3, 1.0, 2.0, 0.0, 0, 2, 0) + b"\xff\xfe",
        HEAD.pack(3, 1.0, 2.0, 0.0, 0, 0, 0),
    ],
    ids=["empty", "cut off", "a key that is no text", "no body"],
)
def test_damage_is_a_store_error(blob: bytes) -> None:
    with pytest.raises(StoreError):
        read_blob(blob)
