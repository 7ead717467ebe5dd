"""Rows as JSON, made once for each state of a proxy: only its forecast is new in every answer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import msgspec

from shoal.api.recent import Recent, place_of
from shoal.api.views import forecast_view, proxy_view
from shoal.domain import Path, Pick, Record

_KEPT: Final = 4_096
"""Rows: some three megabytes. The records they are of are in the pool as well."""
_FORECAST: Final = b'"forecast":'
_encode: Final = msgspec.json.Encoder().encode


class RowText:
    """The texts of rows shown lately, with and without passwords."""

    def __init__(self) -> None:
        self._kept: dict[bool, Recent[Hashable, tuple[Record, Path, bytes, bytes]]] = {
            credentials: Recent(_KEPT) for credentials in (False, True)
        }

    def one(self, pick: Pick, credentials: bool) -> bytes:
        """``proxy_view`` as JSON."""
        record, path = pick.record, pick.path
        forecast = _encode(forecast_view(pick.forecast))
        place = place_of(record, path)
        known = self._kept[credentials].get(place)
        # A path may be part of several states of a record.
        if known is not None and known[0] is record and known[1] is path:
            return known[2] + forecast + known[3]
        text = _encode(proxy_view(pick, credentials=credentials))
        # Quotes within texts are escaped, so this is the name of the field.
        head, _, tail = text.partition(_FORECAST + forecast)
        self._kept[credentials].put(place, (record, path, head + _FORECAST, tail))
        return text

    def many(self, picks: Sequence[Pick], credentials: bool) -> bytes:
        """A list of them."""
        return b"[" + b",".join([self.one(pick, credentials) for pick in picks]) + b"]"
