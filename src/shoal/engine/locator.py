"""Locator: adds country and network of the exit to what a check has learned."""

from __future__ import annotations

from msgspec.structs import replace

from shoal.domain import CheckResult, Observation, Record
from shoal.ports import Prober
from shoal.ports.geo import Geo


class Locator:
    """A Prober around another one."""

    def __init__(self, prober: Prober, geo: Geo) -> None:
        self._prober = prober
        self._geo = geo

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        return self._located(await self._prober.check(record, full=full))

    def _located(self, result: CheckResult) -> CheckResult:
        if not result.works:
            return result
        observations = tuple([self._with_place(seen) for seen in result.observations])
        place = None if result.exit is None else self._geo.locate(result.exit)
        return replace(result, observations=observations, country=result.country or (place and place.country))

    def _with_place(self, seen: Observation) -> Observation:
        facts = seen.facts
        if facts is None or facts.exit is None:
            return seen
        place = self._geo.locate(facts.exit)
        if place is None:
            return seen
        told = replace(facts, country=place.country, asn=place.asn, located_by=place.origin)
        return replace(seen, facts=told)
