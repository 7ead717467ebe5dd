"""Selection: does a path fit a query, and which of those that fit is handed out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Protocol, TypeVar

from shoal.domain import Honesty, Order, Path, Pick, Query, Record, Strategy
from shoal.domain.record import MOST_COMPARED
from shoal.options import PoolOptions
from shoal.policy.rendezvous import score, session_seed

_UNPROVEN = 0.8
"""How much of the forecast of a path counts whose honesty nobody could test, beside one that is known to be clean."""
_DOUBT = tuple([1.0 - 0.05 * 0.95 ** (24 * (compared // 24)) for compared in range(MOST_COMPARED + 1)])
"""How surely a path is honest that was found clean on so many documents: one in twenty changes each tenth answer only,
and of the documents that checks ask for half are of the kind that it changes (``policy.discovery``). In steps of 24,
some three checks: a document more or less must not weigh more than forecast and latency."""
_USUAL_LATENCY = 2.0
"""Seconds: half the weight is lost at this latency. Half of the proven public proxies answer within two."""
_SLOWER_FAILS = 0.25
"""The odds of failing grow with this power of the latency. In the history of a list (1.03 million checks, 2026), of
proxies with sixteen successes or more in a row 0.974 of the fast and 0.956 of the slow ones worked at the next check:
odds of 1 to 1.7, over a factor of some eight in time. After one success it is rather the power 0.5."""
_ALIKE = 0.01
"""Forecasts that differ by less are taken as equal, and latency decides: they come true to a hundredth
(docs/forecast.md), and what answers fast seldom is what flaps."""


class Candidate(Protocol):
    """What is chosen from. ``uses`` counts its picks so far, ``latest`` is the number of its latest one."""

    @property
    def record(self) -> Record: ...
    @property
    def path(self) -> Path: ...
    @property
    def chance(self) -> float: ...
    @property
    def uses(self) -> int: ...
    @property
    def latest(self) -> int: ...


_C = TypeVar("_C", bound=Candidate)


def fits(query: Query, record: Record, path: Path) -> bool:
    """True when the path answers every timeless filter of the query (all but forecast and age)."""
    if query.vantage is not None and path.health_from(query.vantage) is path.health:
        return False
    if query.schemes and path.scheme not in query.schemes:
        return False
    if path.scheme in query.not_schemes:
        return False
    if path.honesty in query.not_honesties and path.honesty not in query.honesties:
        return False
    if query.honesties and path.honesty not in query.honesties:
        return False
    if query.capabilities and not query.capabilities <= path.capabilities:
        return False
    if query.not_capabilities and query.not_capabilities & path.capabilities:
        return False
    if query.anonymities and path.anonymity not in query.anonymities:
        return False
    if path.anonymity in query.not_anonymities:
        return False
    if query.countries or query.not_countries:
        country = path.country or record.country or ""
        if (query.countries and country not in query.countries) or country in query.not_countries:
            return False
    if query.asns and path.asn not in query.asns:
        return False
    if path.asn is not None and path.asn in query.not_asns:
        return False
    if query.trusts and record.trust not in query.trusts:
        return False
    if query.sources and not query.sources.intersection(record.sources):
        return False
    if query.not_sources and query.not_sources.intersection(record.sources):
        return False
    if query.tags and not query.tags.intersection(record.tags):
        return False
    if query.not_tags and query.not_tags.intersection(record.tags):
        return False
    if query.max_latency_ms is not None and path.timing.total * 1000.0 > query.max_latency_ms:
        return False
    return not (query.exclude and excluded(query.exclude, record))


def excluded(exclude: frozenset[str], record: Record) -> bool:
    """Whether a query leaves a record out by its host, endpoint or id, or by the address of an exit."""
    if record.endpoint.host in exclude:
        return True
    has_ids, has_endpoints = _kinds(exclude)
    if has_endpoints and str(record.endpoint) in exclude:
        return True
    if has_ids and record.id in exclude:
        return True
    for path in record.paths:  # noqa: SIM110 - asked of a dozen records at each pick: a generator costs more
        if path.exit in exclude:
            return True
    return False


@lru_cache(maxsize=64)
def _kinds(exclude: frozenset[str]) -> tuple[bool, bool]:
    """Whether anything in it may be an id, or an endpoint: to spell those of a record takes a microsecond each."""
    return any(":" not in text and "." not in text for text in exclude), any(":" in text for text in exclude)


def bounds(query: Query, now: float, options: PoolOptions) -> tuple[float, float]:
    """The lowest forecast and the earliest last success (epoch seconds) with which a path is handed out at ``now``."""
    floor = options.min_forecast if query.min_forecast is None else query.min_forecast
    max_age = options.max_age if query.max_age is None else query.max_age
    return floor, now - max_age


def timely(query: Query, path: Path, chance: float, now: float, options: PoolOptions) -> bool:
    """True when forecast and age are good enough to hand the path out at ``now``."""
    floor, oldest = bounds(query, now, options)
    return chance >= floor and path.health_from(query.vantage).last_ok >= oldest


def choose(candidates: Sequence[_C], query: Query, rng: Random) -> _C:
    """The one of the candidates (at least one, all of which fit) that the query's strategy hands out."""
    strategy = query.strategy
    if strategy is Strategy.STICKY:
        seed = session_seed("", query.session)
        return max(candidates, key=lambda candidate: score(seed, candidate.record.id))
    if strategy is Strategy.FASTEST:
        return min(candidates, key=lambda candidate: candidate.path.timing.total or _USUAL_LATENCY)
    if strategy is Strategy.LEAST_USED:
        return min(candidates, key=lambda candidate: candidate.uses)
    if strategy is Strategy.ROUND_ROBIN:
        return min(candidates, key=lambda candidate: candidate.latest)
    if strategy is Strategy.RANDOM:
        return candidates[rng.randrange(len(candidates))]
    return choose_best(candidates, worths(candidates), rng)


def choose_best(candidates: Sequence[_C], worths: Sequence[float], rng: Random) -> _C:
    """The one with the highest worth; among those that are worth nearly as much a fast one, by chance."""
    floor = max(worths) - _ALIKE
    alike = [candidate for candidate, value in zip(candidates, worths, strict=True) if value >= floor]
    if len(alike) == 1:
        return alike[0]
    return alike[draw([1.0 / (1.0 + candidate.path.timing.total / _USUAL_LATENCY) for candidate in alike], rng)]


def worths(candidates: Sequence[Candidate]) -> list[float]:
    """Of each, how likely it works, times how surely it is honest."""
    found = []
    for candidate in candidates:
        # ``likely`` and ``surely_honest``, written out: each pick asks for ten of these.
        path, chance = candidate.path, candidate.chance
        total = path.timing.total
        if total and chance:
            chance /= chance + (1.0 - chance) * (total / _USUAL_LATENCY) ** _SLOWER_FAILS
        sure = _DOUBT[path.compared]
        found.append(chance * sure if path.honesty is Honesty.CLEAN else chance * sure * _UNPROVEN)
    return found


def likely(path: Path, chance: float) -> float:
    """A forecast beside which the latency was seen, which no forecast knows: for comparing paths with each other. It
    stays as it is at two seconds, and where no latency was measured."""
    total = path.timing.total
    if not total:
        return chance
    failing: float = (1.0 - chance) * (total / _USUAL_LATENCY) ** _SLOWER_FAILS
    return chance / (chance + failing) if chance else 0.0


def surely_honest(path: Path) -> float:
    """The probability that a path changes nothing, four fifths of that where nobody could tell."""
    sure = _DOUBT[path.compared]
    return sure if path.honesty is Honesty.CLEAN else sure * _UNPROVEN


def draw(weights: Sequence[float], rng: Random) -> int:
    """Index drawn in proportion to its weight; the last one when all weigh nothing."""
    point = rng.random() * sum(weights)
    for index, value in enumerate(weights):
        point -= value
        if point < 0.0:
            return index
    return len(weights) - 1


def ordered(picks: list[Pick], order: Order) -> list[Pick]:
    """The list in the order asked for, best first; ties in the order of ids, so that pages are stable."""
    keys = {
        Order.FORECAST: lambda pick: (-pick.forecast.probability, pick.record.id),
        Order.LATENCY: lambda pick: (pick.path.timing.total or float("inf"), pick.record.id),
        Order.LAST_CHECK: lambda pick: (-pick.record.last_check, pick.record.id),
        Order.FIRST_SEEN: lambda pick: (-pick.record.first_seen, pick.record.id),
    }
    return sorted(picks, key=keys[order])
