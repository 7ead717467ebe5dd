"""Which list names which proxy at which time: overlapping, late to notice deaths, 95 % the same after an update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from shoal.lab.population import LabProxy
from shoal.lab.presets import DAY, Preset
from shoal.lab.timeline import uniform

UPDATE_INTERVAL: Final = 1800.0
"""Seconds of lab time between two updates of a list."""
_KEEP_UPDATES: Final = 20
"""An entry that is not at home in a list is drawn anew every 20 updates: 95 % stay from one to the next."""
_OVERLAP: Final = 0.25
_STALE: Final = 7 * DAY
"""How long lists go on naming what has died."""


class ListSpec(Struct, frozen=True):
    """One list page: its path, and the form it is written in."""

    number: int
    path: str
    form: str
    carries_passwords: bool = False
    scheme: str | None = None
    """A list of one claimed scheme, as many are; None for mixed lists."""


LISTS: Final = (
    ListSpec(0, "/lists/plain.txt", "plain"),
    ListSpec(1, "/lists/http.txt", "plain", scheme="http"),
    ListSpec(2, "/lists/socks4.txt", "plain", scheme="socks4"),
    ListSpec(3, "/lists/socks5.txt", "plain", scheme="socks5"),
    ListSpec(4, "/lists/annotated.txt", "annotated"),
    ListSpec(5, "/lists/urls.txt", "urls", carries_passwords=True),
    ListSpec(6, "/lists/proxies.json", "json", carries_passwords=True),
    ListSpec(7, "/lists/proxies.jsonl", "jsonl", carries_passwords=True),
    ListSpec(8, "/lists/proxies.csv", "csv"),
    ListSpec(9, "/lists/table.html", "table"),
    ListSpec(10, "/lists/encoded.html", "encoded"),
    ListSpec(11, "/lists/proxies.xml", "xml"),
)


def update_of(t: float) -> int:
    """The number of the update that is current at ``t``."""
    return int(t // UPDATE_INTERVAL)


def homes(population: tuple[LabProxy, ...], seed: int) -> tuple[int, ...]:
    """For each proxy the number of the list that always names it."""
    found = []
    for proxy in population:
        fitting = [spec.number for spec in LISTS if _fits(spec, proxy)]
        found.append(fitting[int(uniform(seed, b"home", proxy.index, 0) * len(fitting))])
    return tuple(found)


def members(
    spec: ListSpec, population: tuple[LabProxy, ...], at_home: Sequence[int], seed: int, update: int
) -> tuple[LabProxy, ...]:
    """The proxies that ``spec`` names in this update, in a stable order. ``at_home``: what ``homes`` said."""
    now = update * UPDATE_INTERVAL
    return tuple(
        proxy
        for proxy, home in zip(population, at_home, strict=True)
        if proxy.born <= now < proxy.dies + _STALE
        and (home == spec.number or (_fits(spec, proxy) and _visits(spec, proxy, seed, update)))
    )


def _fits(spec: ListSpec, proxy: LabProxy) -> bool:
    if proxy.credentials is not None and not spec.carries_passwords:
        return False
    return spec.scheme is None or proxy.claimed.value.startswith(spec.scheme)


def _visits(spec: ListSpec, proxy: LabProxy, seed: int, update: int) -> bool:
    if proxy.preset is Preset.ALIVE:
        return False
    epoch = (update + proxy.index * 7 + spec.number * 3) // _KEEP_UPDATES
    return uniform(seed, b"listed %d" % spec.number, proxy.index, epoch) < _OVERLAP
