"""Which ports the lab uses: usual ones of the trade, unprivileged, and below the ephemeral range (32768)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from shoal.domain import Scheme

_EPHEMERAL: Final = 32768

_HTTP: Final = (8080, 3128, 8888, 8000, 8118, 9999)
_SOCKS5: Final = (1080, 10808, 9050, 7891)
_SOCKS4: Final = (4145, 5678, 4153)
_HOLES: Final = (8081, 3129, 1085, 4146)
_REFUSED: Final = (8082, 3130, 1086, 4147)
_FLOOD: Final = tuple(range(8444, 8452))


class PortPlan(Struct, frozen=True):
    """Ports by what a client finds there."""

    http: tuple[int, ...] = _HTTP
    socks5: tuple[int, ...] = _SOCKS5
    socks4: tuple[int, ...] = _SOCKS4
    holes: tuple[int, ...] = _HOLES
    refused: tuple[int, ...] = _REFUSED
    flood: tuple[int, ...] = ()

    @property
    def live(self) -> tuple[int, ...]:
        """Every port with a listener that answers."""
        return (*self.http, *self.socks5, *self.socks4, *self.flood)

    def for_scheme(self, scheme: Scheme) -> tuple[int, ...]:
        """Usual ports of a scheme, commonest first."""
        if scheme is Scheme.SOCKS5:
            return self.socks5
        return self.socks4 if scheme.is_socks else self.http


def plan_ports(
    take: Callable[[int], bool], *, shut: Callable[[int], bool] | None = None, flood: bool = False
) -> PortPlan:
    """The plan with every port that ``take`` refuses (somebody else has it) replaced by the next that it takes.

    ``shut`` takes the ports that refuse connections (default: ``take``). Raises OSError when nothing below the
    ephemeral range is left.
    """

    def settle(wanted: tuple[int, ...], how: Callable[[int], bool] = take) -> tuple[int, ...]:
        return tuple(_next(port, how) for port in wanted)

    return PortPlan(
        http=settle(_HTTP),
        socks5=settle(_SOCKS5),
        socks4=settle(_SOCKS4),
        holes=settle(_HOLES),
        refused=settle(_REFUSED, shut or take),
        flood=settle(_FLOOD) if flood else (),
    )


def _next(wanted: int, take: Callable[[int], bool]) -> int:
    # 100 apart: a second lab beside this one finds all its ports in one step.
    for step in range(100):
        for port in range(wanted + step, _EPHEMERAL, 100):
            if take(port):
                return port
    raise OSError(f"no free port between {wanted} and {_EPHEMERAL} for the lab")
