"""What the core needs from outside, as Protocol classes."""

from shoal.ports.clock import Clock
from shoal.ports.geo import Geo, Place
from shoal.ports.prober import Prober
from shoal.ports.resolver import ResolveError, Resolver
from shoal.ports.source import Harvest, Source, SourceError, WayOut
from shoal.ports.source_shop import SourceShop
from shoal.ports.store import Added, Admitted, Change, ChangeKind, Counts, SourceState, Store
from shoal.ports.vantage import JudgeStatus, Vantage
from shoal.ports.visitor import Visitor

__all__ = [
    "Added",
    "Admitted",
    "Change",
    "ChangeKind",
    "Clock",
    "Counts",
    "Geo",
    "Harvest",
    "JudgeStatus",
    "Place",
    "Prober",
    "ResolveError",
    "Resolver",
    "Source",
    "SourceError",
    "SourceShop",
    "SourceState",
    "Store",
    "Vantage",
    "Visitor",
    "WayOut",
]
