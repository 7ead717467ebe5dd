"""What a pool and the processes of its gateway tell each other, through the pipes between them."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from shoal.domain import Feedback, Proxy
from shoal.domain.gateway import GatewayStatus, LiveConnection, SessionInfo
from shoal.domain.tally import GatewayTally
from shoal.options import Options


class Hello(Struct, frozen=True, array_like=True):
    """The first thing that a child is told. ``folder`` is where the store is served."""

    options: Options
    host: str
    port: int
    folder: str


class Elsewhere(Struct, frozen=True, array_like=True):
    """What a user has and had in all other processes of this gateway."""

    connections: int
    requests: int
    bytes: int


class ToChild(Struct, frozen=True, array_like=True):
    """A question, or with number 0 the news of the other processes."""

    number: int = 0
    call: str = ""
    limit: int = 0
    user: str = ""
    session: str = ""
    avoid: frozenset[str] = frozenset()
    elsewhere: dict[str, Elsewhere] = {}


class TallyView(Struct, frozen=True, array_like=True):
    refusals: dict[str, int]
    attempt_failures: dict[str, int]
    first_byte: list[int]
    first_byte_total: float

    @classmethod
    def of(cls, tally: GatewayTally) -> TallyView:
        first = tally.first_byte
        return cls(dict(tally.refusals), dict(tally.attempt_failures), list(first.counts), first.total)


class FromChild(Struct, frozen=True, array_like=True):
    """News, feedback, or the answer to the question of that number."""

    ready: bool = False
    error: str | None = None
    reports: tuple[tuple[str, Proxy, Feedback], ...] = ()
    status: GatewayStatus | None = None
    tally: TallyView | None = None
    number: int = 0
    sessions: tuple[SessionInfo, ...] = ()
    connections: tuple[LiveConnection, ...] = ()
    left: frozenset[str] = frozenset()


encode: Final = msgspec.msgpack.Encoder().encode
decode_hello: Final = msgspec.msgpack.Decoder(Hello).decode
decode_to_child: Final = msgspec.msgpack.Decoder(ToChild).decode
decode_from_child: Final = msgspec.msgpack.Decoder(FromChild).decode
