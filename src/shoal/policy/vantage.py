"""Vantage points, and whether it is us: when proxies that nearly always work fail all at once, the fault is near."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shoal.domain import Blame, CheckResult

VANTAGES: Final = 8
"""Vantage points at most: a path keeps a memory for each, some 150 bytes, and each is sent checks."""
WINDOW: Final = 60.0
"""Seconds (literature 4.5, point 6: more than 60 % of those with a forecast above 0.9 within one minute)."""
SHARE: Final = 0.6
STRONG: Final = 0.9
"""Forecast from which a proxy's failure is news."""
MIN_PROXIES: Final = 8
"""With a forecast of 0.9 each, eight independent proxies of which five fail come about once in a thousand windows."""
MIN_NETS: Final = 4
"""Proxies of one /24 fail together for reasons of their own."""
LONGEST: Final = 600.0
"""Seconds after which what is seen is believed, and for which it then stays believed: a vendor may indeed be gone."""


class Sighting(Struct, frozen=True, gc=False):
    """The last result of one strong proxy. ``net`` names its neighbourhood, ``at`` is in epoch seconds."""

    key: str
    net: str
    at: float
    ok: bool


def all_at_once(sightings: Iterable[Sighting], now: float) -> bool:
    """Whether so many proxies failed within the window, on so many networks, that the cause must be near us."""
    recent = [seen for seen in sightings if now - seen.at <= WINDOW]
    failed = [seen for seen in recent if not seen.ok]
    return (
        len(recent) >= MIN_PROXIES
        and len(failed) > SHARE * len(recent)
        and len({seen.net for seen in failed}) >= MIN_NETS
    )


def may_go_on(tried: int, failed: int, frozen_at: float, now: float) -> bool:
    """Whether to go on after a round of trials with those that failed: most work again, or it has lasted too long."""
    return now - frozen_at >= LONGEST or (tried > 0 and failed <= SHARE * tried)


def net_of(host: str) -> str:
    """The neighbourhood of an address: its /24, or /48 for IPv6. A name stands for itself."""
    if ":" in host:
        return ":".join(host.split(":")[:3])
    head, _, last = host.rpartition(".")
    return head if last.isdigit() else host


def excused(result: CheckResult) -> CheckResult:
    """The same result with all blame on us: it changes nobody's health."""
    observations = tuple(
        [
            replace(seen, blame=Blame.LOCAL) if not seen.works and seen.blame is Blame.PROXY else seen
            for seen in result.observations
        ]
    )
    return replace(
        result, observations=observations, blame=Blame.LOCAL if result.blame is Blame.PROXY else result.blame
    )
