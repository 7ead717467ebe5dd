"""What is true about a proxy now: the yardstick for everything that claims to know."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from shoal.lab.population import LabProxy
from shoal.lab.world import World


class Truth(Struct, frozen=True):
    """One proxy at one moment. ``up``: in an up run; ``works``: this attempt is relayed, not failed and not faked."""

    proxy: str
    urls: tuple[str, ...]
    up: bool
    works: bool
    schemes: tuple[str, ...]
    claimed: str
    capabilities: tuple[str, ...]
    anonymity: str
    honesty: str
    exits: tuple[str, ...]
    life: str
    failure: str | None
    """How an attempt would fail now; None if it would not."""
    listed: bool
    """Born already, and not gone for good."""


def truth_of(world: World, proxy: LabProxy) -> Truth:
    """The truth about ``proxy`` at the world's present time."""
    now = world.clock.now()
    fate = world.timeline.fate(proxy, now)
    up = world.network_on and world.timeline.is_up(proxy, now)
    return Truth(
        proxy=str(proxy.endpoint),
        urls=tuple(proxy.url(scheme) for scheme in proxy.schemes),
        up=up,
        works=world.network_on and fate is None and not proxy.behaviour.fakes,
        schemes=tuple(scheme.value for scheme in proxy.schemes),
        claimed=proxy.claimed.value,
        capabilities=tuple(capability.value for capability in proxy.capabilities),
        anonymity=proxy.anonymity.value,
        honesty=proxy.honesty.value,
        exits=proxy.behaviour.exits,
        life=proxy.life.value,
        failure=None if fate is None else fate.value,
        listed=proxy.born <= now < proxy.dies,
    )


def counts(world: World) -> dict[str, int]:
    """How many there are, are up, work, and belong to each class of life."""
    found = Counter[str](total=0, up=0, works=0, works_and_clean=0)
    for proxy in world.population:
        truth = truth_of(world, proxy)
        found["total"] += 1
        found["up"] += truth.up
        found["works"] += truth.works
        found["works_and_clean"] += truth.works and truth.honesty == "clean"
        found[truth.life] += 1
    return dict(found)
