"""Bodies of records as they were written up to format 2, where a path's health was an array of ten values."""

from __future__ import annotations

from struct import Struct as Layout
from struct import error as LayoutError
from typing import Any, Final

import msgspec
from msgspec import Struct

from shoal.domain import Health
from shoal.domain.health import MOST, NOTHING, Masses

Packed = bytes | Masses
_MASSES: Final = Layout("<5d")
_PATHS: Final = "s"


class OldHealth(Struct, frozen=True, array_like=True):
    """As it stood in a body. Since format 2 its masses are packed as five doubles."""

    at: float = 0.0
    ok: Packed = NOTHING
    bad: Packed = NOTHING
    last_ok: float = 0.0
    last_bad: float = 0.0
    oks: int = 0
    bads: int = 0
    streak: int = 0
    stayed: float = 0.0
    after_ok: float = 0.0


def upgraded(body: bytes | memoryview) -> bytes:
    """The same body in the format of now, without its version. Raises ``msgspec.MsgspecError`` for damaged bytes."""
    value = msgspec.msgpack.decode(body, type=dict[str, Any])
    if _PATHS in value:
        value[_PATHS] = [_path(path) for path in msgspec.convert(value[_PATHS], list[dict[str, Any]])]
    return msgspec.msgpack.encode(value)


def _path(path: dict[str, Any]) -> dict[str, Any]:
    if "health" in path:
        path["health"] = _renewed(path["health"])
    if "views" in path:
        views = msgspec.convert(path["views"], list[tuple[str, OldHealth]])
        path["views"] = [(vantage, _renewed(health)) for vantage, health in views]
    return path


def _renewed(value: Any) -> Health:
    old = value if isinstance(value, OldHealth) else msgspec.convert(value, OldHealth)
    try:
        return Health.of(
            _masses(old.ok),
            _masses(old.bad),
            old.last_ok,
            old.last_bad,
            min(old.oks, MOST),
            min(old.bads, MOST),
            max(-MOST, min(old.streak, MOST)),
            old.stayed,
            old.after_ok,
        )
    except (LayoutError, OverflowError) as error:
        raise msgspec.ValidationError("numbers that no health can have") from error


def _masses(packed: Packed) -> Masses:
    return _MASSES.unpack(packed) if isinstance(packed, bytes) else packed
