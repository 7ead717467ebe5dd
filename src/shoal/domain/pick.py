"""Pick: one path of one record, chosen for use."""

from __future__ import annotations

from msgspec import Struct

from shoal.domain.health import Forecast
from shoal.domain.proxy import Proxy
from shoal.domain.record import Path, Record


class Pick(Struct, frozen=True, gc=False):
    """``proxy`` is what to dial; ``forecast`` is as of the moment of the pick."""

    record: Record
    path: Path
    proxy: Proxy
    forecast: Forecast
