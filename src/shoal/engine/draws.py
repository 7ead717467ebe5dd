"""Draws: the pool as the gateway sees it, which tells by itself when the use of a pick begins and ends."""

from __future__ import annotations

import builtins

from shoal.domain import Feedback, Pick, Proxy, Query, Scheme
from shoal.engine.service import PoolService
from shoal.policy.source_use import SourceUse


class Draws:
    """One service, whose picks count as no use of their sources until ``uses`` is told so."""

    def __init__(self, service: PoolService) -> None:
        self.uses: SourceUse = service.uses
        self.now = service.now
        self._service = service

    def pick(self, query: Query) -> Pick | None:
        return self._service.draw(query)

    def list(self, query: Query) -> builtins.list[Pick]:
        return self._service.list(query)

    def report(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        self._service.report(key, proxy, feedback)

    def minds(self, target: str) -> bool:
        return self._service.minds(target)

    def is_kept_from(self, key: str, scheme: Scheme, target: str) -> bool:
        return self._service.is_kept_from(key, scheme, target)

    def ready(self) -> tuple[bool, str]:
        return self._service.ready()
