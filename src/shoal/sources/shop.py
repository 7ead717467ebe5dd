"""Shop: opens sources that come while the pool runs, and knows which ones the settings name."""

from __future__ import annotations

import os
from collections.abc import Mapping

from shoal.domain.source import ListedSource, SourceTrial
from shoal.errors import ConfigError
from shoal.options import AdmissionOptions, OwnSource, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.source_choice import Choice
from shoal.ports import Resolver, Source, WayOut
from shoal.sources.catalog import load_aliases, load_catalog
from shoal.sources.fetch import Fetcher
from shoal.sources.listing import list_sources, listed_table
from shoal.sources.own import Workshop, open_own
from shoal.sources.registry import open_catalog
from shoal.sources.trial import try_source


class Shop:
    """Implements ``ports.SourceShop`` over the settings of one process."""

    def __init__(
        self,
        options: SourceOptions,
        admission: AdmissionOptions,
        resolver: Resolver,
        *,
        way_out: WayOut | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        rules = AddressRules.from_options(admission)
        fetcher = Fetcher(options, resolver, rules=rules)
        environ = os.environ if environ is None else environ
        self._workshop = Workshop(options, admission, rules, fetcher, way_out, environ)
        self._rows = {row.name: row for row in load_catalog()}
        choice = Choice(list(self._rows), load_aliases(), [own.name for own in options.own])
        named = [name for text in (*options.enable, *options.disable) for name in choice.names(text)]
        self._listed = list_sources(options)
        own = [one.name for one in self._listed if one.kind != "catalog"]
        self._fixed = frozenset((*named, *own))

    def open(self, own: OwnSource) -> Source:
        return open_own(own, self._workshop)

    def open_row(self, name: str) -> Source:
        try:
            (source,) = open_catalog([self._rows[name]], self._workshop)
        except ValueError as error:
            raise ConfigError(f"sources.proxy: {error}") from error
        return source

    def is_row(self, name: str) -> bool:
        return name in self._rows

    def is_fixed(self, name: str) -> bool:
        return name in self._fixed

    def listed(self) -> tuple[ListedSource, ...]:
        return self._listed

    def entry(self, own: OwnSource) -> ListedSource:
        return listed_table(own, own.enabled)

    async def preview(self, source: Source, first: int, timeout: float) -> SourceTrial:
        return await try_source(source, first=first, timeout=timeout)
