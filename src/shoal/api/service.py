"""What the API needs from the pool: one object, so that a fake of thirty lines can stand in for the engine."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Protocol

from shoal.domain import Candidate, Feedback, Forecast, Lease, Path, Pick, Query, Record, Scheme, Trust
from shoal.domain.source import SourceTrial
from shoal.domain.stats import Stats
from shoal.domain.tally import Tallies
from shoal.engine.events import Events
from shoal.engine.history import History
from shoal.engine.listing import Page
from shoal.engine.on_request import Asked
from shoal.engine.past import PastResult
from shoal.engine.source_report import SourceReport
from shoal.engine.target_trial import TargetTry
from shoal.engine.targets import TargetReport
from shoal.options import OwnSource, OwnTarget
from shoal.ports import Added, Store


class SourceChanges(Protocol):
    """What users change about sources: on disk when it returns. Raises StoreError, besides what each says."""

    async def add(self, own: OwnSource, /) -> None:
        """Read one more list, now and after restarts. Raises ConfigError and SourceChangeError."""
        ...

    async def remove(self, name: str, /) -> None:
        """Forget an added source. Raises SourceChangeError."""
        ...

    async def switch(self, name: str, enabled: bool, /) -> None:
        """Read an added source or a row of the catalogue, or no more. Raises ConfigError and SourceChangeError."""
        ...

    async def preview(self, wanted: OwnSource | str, first: int, timeout: float, /) -> SourceTrial:
        """What a source yields that is there, or that might be added. Raises ConfigError and SourceChangeError."""
        ...


class PoolService(Protocol):
    """Synchronous methods answer from memory and never wait."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def pick(self, query: Query) -> Pick | None:
        """One path for use, None when nothing fits."""
        ...

    def advance(self, query: Query) -> bool:
        """Do a part of what the first pick by this query would do in one go; True when nothing is left to do."""
        ...

    def advance_listing(self, query: Query) -> bool:
        """The same for its first page, list or count."""
        ...

    async def pop(self, query: Query) -> Pick | None:
        """One path, removed for good; never the same for two callers."""
        ...

    def list(self, query: Query) -> builtins.list[Pick]:
        """Paths that fit, in order, at most ``query.limit``."""
        ...

    def page(self, query: Query, after: int | None = None) -> Page:
        """As ``list``, behind the place where an earlier page ended, with how many fit on all pages."""
        ...

    def count(self, query: Query) -> int:
        """How many paths fit, whatever the limit."""
        ...

    async def delete(self, text: str, /) -> int:
        """Remove what an id, ``host:port`` or URL names; returns how many records that were."""
        ...

    async def take(self, query: Query, *, seconds: float | None = None, exclusive: bool = False) -> Lease | None:
        """A pick held for ``seconds``, None for the settings' time; None when nothing fits or all of it is held."""
        ...

    async def renew(self, id: str, seconds: float | None = None) -> float | None:
        """Let a standing lease last ``seconds`` from now; its new end, None when it was over."""
        ...

    async def retag(self, text: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> int:
        """Give tags to what ``text`` names and take others; how many records there were. Raises InvalidProxyError."""
        ...

    def banned(self) -> builtins.list[Record]:
        """Records that worked once and are kept out by the user."""
        ...

    async def admit(
        self,
        candidates: Sequence[Candidate],
        *,
        trust: Trust,
        tags: tuple[str, ...] = (),
        refused: Mapping[str, int] | None = None,
    ) -> tuple[Added, Mapping[str, int]]:
        """Import, on disk when this returns: what was added, what was refused by reason."""
        ...

    def sources(self, *, every: bool = False) -> builtins.list[SourceReport]:
        """Those that are read or were added; ``every`` shows rows of the catalogue that are off, too."""
        ...

    @property
    def source_book(self) -> SourceChanges:
        """Where sources are added, switched and removed. Raises StoreError in a process that may not."""
        ...

    async def run_source(self, name: str, /) -> bool:
        """Read one source now; False when there is none of that name. Raises StoreError."""
        ...

    async def pause_source(self, name: str, paused: bool, /) -> bool:
        """Read it no more, or again. False when there is none of that name."""
        ...

    def targets(self) -> builtins.list[TargetReport]:
        """Each target, and how many reach it now."""
        ...

    async def add_target(self, own: OwnTarget, /) -> TargetReport | None:
        """One more, on disk when this returns; None when the name is taken. Raises RefusedTargetError."""
        ...

    async def try_target(self, own: OwnTarget, /) -> builtins.list[TargetTry]:
        """What a site answers through a few proxies; nothing is kept. Raises RefusedTargetError."""
        ...

    async def delete_target(self, name: str, /) -> bool:
        """Forget one that was added; False when there is none of that name, or the settings file defines it."""
        ...

    @property
    def history(self) -> History:
        """The pool minute by minute."""
        ...

    @property
    def tallies(self) -> Tallies:
        """What was counted and timed since the start."""
        ...

    @property
    def events(self) -> Events: ...

    @property
    def store(self) -> Store:
        """Where links and tokens are kept."""
        ...

    async def release(self, id: str, scheme: Scheme | None = None, feedback: Feedback | None = None) -> bool:
        """End a lease and learn from it; False when it had run out or never was."""
        ...

    async def feedback(self, text: str, scheme: Scheme | None, feedback: Feedback) -> bool:
        """What a user saw of the proxy that an id, ``host:port`` or URL names; ``scheme`` says how it was spoken to,
        None for as the URL does, else its best. False when there is no such proxy. Raises InvalidProxyError."""
        ...

    async def get(self, id: str, /) -> Record | None:
        """One record, dead ones included."""
        ...

    async def check(self, id: str, /) -> tuple[Asked, Record] | None:
        """Check a proxy now; what became of that and its state then, None when there is no such proxy."""
        ...

    def past(self, key: str, /) -> builtins.list[PastResult]:
        """The last results of a record, oldest first."""
        ...

    def forecast(self, path: Path) -> Forecast:
        """The forecast of a path as of now."""
        ...

    def stats(self) -> Stats: ...

    def ready(self) -> tuple[bool, str]:
        """Whether there is something to hand out, and why or why not."""
        ...

    async def refresh(self) -> None:
        """Read all sources now; does not wait for them."""
        ...
