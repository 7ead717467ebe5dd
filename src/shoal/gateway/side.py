"""The upstream's end of one exchange."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shoal.gateway.attempt import Attempt

if TYPE_CHECKING:
    from shoal.gateway.exchange import Exchange


class Side(asyncio.Protocol):
    """Tells the exchange, which knows by it which of its attempts speaks."""

    __slots__ = ("_exchange", "attempt")

    def __init__(self, exchange: Exchange, attempt: Attempt) -> None:
        self._exchange = exchange
        self.attempt = attempt

    def data_received(self, data: bytes) -> None:
        self._exchange.answer_data(self, data)

    def eof_received(self) -> None:
        self._exchange.answer_ended(self, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._exchange.answer_ended(self, exc)

    def pause_writing(self) -> None:
        self._exchange.upstream_slow(True)

    def resume_writing(self) -> None:
        self._exchange.upstream_slow(False)
