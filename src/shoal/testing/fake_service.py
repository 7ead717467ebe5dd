"""A pool service without an engine: records in a list, for tests of whatever talks to one."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from shoal.domain import (
    Candidate,
    Capability,
    Feedback,
    Forecast,
    Health,
    Kind,
    Lease,
    Observation,
    Path,
    Pick,
    Query,
    Record,
    Scheme,
    Target,
    Timing,
    Trust,
)
from shoal.domain.candidate import BANNED
from shoal.domain.source import ListedSource, SourceTrial
from shoal.domain.stats import Stats
from shoal.domain.tally import Tallies
from shoal.engine.events import Events
from shoal.engine.history import History
from shoal.engine.listing import Listing, Page
from shoal.engine.on_request import Asked
from shoal.engine.past import PastResult
from shoal.engine.ranking import Entry
from shoal.engine.source_report import SourceReport, off_report
from shoal.engine.target_trial import TargetTry
from shoal.engine.targets import TargetReport
from shoal.errors import RefusedTargetError, SourceChangeError
from shoal.options import OwnSource, OwnTarget, PoolOptions, TargetOptions
from shoal.policy.selection import fits, ordered
from shoal.policy.source_use import SourceUse
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import read_target
from shoal.ports import Added, Store
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_path, make_record

NOW = 1_800_000_000.0


class FakeBook:
    """Implements ``api.service.SourceChanges`` over a fake's reports."""

    def __init__(self, service: FakeService) -> None:
        self._service = service

    def _report(self, name: str) -> SourceReport:
        for report in self._service.reports:
            if report.name == name:
                if not report.editable:
                    raise SourceChangeError("read_only", f"The settings say what becomes of {name}.")
                return report
        raise SourceChangeError("unknown", f"There is no source named {name}.")

    async def add(self, own: OwnSource, /) -> None:
        if any(report.name == own.name for report in self._service.reports):
            raise SourceChangeError("taken", f"There is a source named {own.name} already; choose another name.")
        kind = own.kinds[0]
        listed = ListedSource(own.name, kind, kind, own.trust, own.enabled, own.interval, own.scheme)
        self._service.reports.append(replace(off_report(listed), origin="api", editable=True, tier=own.tier))

    async def remove(self, name: str, /) -> None:
        self._service.reports.remove(self._report(name))

    async def switch(self, name: str, enabled: bool, /) -> None:
        report = self._report(name)
        self._service.reports[self._service.reports.index(report)] = replace(report, enabled=enabled)

    async def preview(self, wanted: OwnSource | str, first: int, timeout: float, /) -> SourceTrial:
        if isinstance(wanted, str) and all(report.name != wanted for report in self._service.reports):
            raise SourceChangeError("unknown", f"There is no source named {wanted}.")
        name = wanted if isinstance(wanted, str) else wanted.name
        entries = ("http://192.0.2.1:80", "http://192.0.2.2:80")
        return SourceTrial(name, "lists.example", 40, "text", 2, {"bad_port": 1}, entries[:first], 0.25)


class FakeService:
    """Implements ``api.service.PoolService``. ``pick`` takes the best, so that tests know what to expect."""

    def __init__(self, *records: Record) -> None:
        self.records = list(records)
        self.why = (True, "at least one proxy can be handed out")
        self.refreshed = 0
        self.asked = Asked.CHECKED
        self.error: Exception | None = None
        self.leases: dict[str, Lease] = {}
        self.imported: builtins.list[Candidate] = []
        self.reports: builtins.list[SourceReport] = []
        self.runs: builtins.list[str] = []
        self.pasts: dict[str, builtins.list[PastResult]] = {}
        self.kept: dict[str, Target] = {}
        self.store: Store = MemoryStore()
        with contextlib.suppress(StopIteration):
            self.store.open().__await__().__next__()  # it waits for nothing, and there is no loop here
        self.uses = SourceUse()
        self.events = Events(self)
        self.history = History()
        self.tallies = Tallies()
        self.told: builtins.list[tuple[str, Scheme | None, Feedback]] = []

    def now(self) -> float:
        return NOW

    def pick(self, query: Query) -> Pick | None:
        found = self.list(query)
        return found[0] if found else None

    def advance(self, query: Query) -> bool:
        return True

    def advance_listing(self, query: Query) -> bool:
        return True

    async def pop(self, query: Query) -> Pick | None:
        pick = self.pick(query)
        if pick is not None:
            self.records.remove(pick.record)
        return pick

    def list(self, query: Query) -> builtins.list[Pick]:
        if self.error is not None:
            raise self.error
        picks = [
            Pick(record, path, record.proxy(path.scheme), self.forecast(path))
            for record in self.records
            for path in record.paths
            if path.is_verified and fits(query, record, path)
        ]
        return ordered(picks, query.order)[: query.limit]

    def page(self, query: Query, after: int | None = None) -> Page:
        if self.error is not None:
            raise self.error
        entries = [Entry(record, path) for record in self.records for path in record.paths if path.is_verified]
        options = PoolOptions(min_forecast=0.0, max_age=1e12)
        return Listing(lambda: entries, lambda entry, now, vantage: self.forecast(entry.path), _anywhere, options).page(
            query, NOW, after
        )

    def count(self, query: Query) -> int:
        return len(self.list(replace(query, limit=None)))

    async def delete(self, text: str, /) -> int:
        gone = [record for record in self.records if text in (record.id, str(record.endpoint), *_urls(record))]
        self.records = [record for record in self.records if record not in gone]
        return len(gone)

    async def take(self, query: Query, *, seconds: float | None = None, exclusive: bool = False) -> Lease | None:
        pick = self.pick(query)
        if pick is None:
            return None
        record, path = pick.record, pick.path
        lease = Lease(
            f"{len(self.leases):024x}", record.id, record.key, pick.proxy, pick.forecast.probability, NOW,
            NOW + (60.0 if seconds is None else seconds), exclusive, record.trust, path.capabilities,
        )  # fmt: skip
        self.leases[lease.id] = lease
        return lease

    async def renew(self, id: str, seconds: float | None = None) -> float | None:
        return None if id not in self.leases else NOW + (60.0 if seconds is None else seconds)

    async def retag(self, text: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> int:
        changed = 0
        for number, record in enumerate(self.records):
            if text in (record.id, str(record.endpoint), *_urls(record)):
                tags = tuple(tag for tag in dict.fromkeys((*record.tags, *add)) if tag not in remove)
                self.records[number] = replace(record, tags=tags)
                changed += 1
        return changed

    def banned(self) -> builtins.list[Record]:
        return [record for record in self.records if BANNED in record.tags]

    async def admit(
        self,
        candidates: Sequence[Candidate],
        *,
        trust: Trust,
        tags: tuple[str, ...] = (),
        refused: Mapping[str, int] | None = None,
    ) -> tuple[Added, Mapping[str, int]]:
        self.imported += candidates
        return Added(new=len(candidates)), dict(refused or {})

    def sources(self, *, every: bool = False) -> builtins.list[SourceReport]:
        return [report for report in self.reports if every or report.enabled]

    @property
    def source_book(self) -> FakeBook:
        return FakeBook(self)

    async def run_source(self, name: str, /) -> bool:
        self.runs.append(name)
        return any(report.name == name for report in self.reports)

    async def pause_source(self, name: str, paused: bool, /) -> bool:
        self.reports = [replace(one, paused=paused) if one.name == name else one for one in self.reports]
        return any(report.name == name for report in self.reports)

    def targets(self) -> builtins.list[TargetReport]:
        return [TargetReport(target, 1, 2, 1, 3, 0.25, NOW, is_down=False) for target in self.kept.values()]

    async def add_target(self, own: OwnTarget, /) -> TargetReport | None:
        target, wrong = read_target(own, TargetOptions(), TargetRules().judge)
        if target is None:
            raise RefusedTargetError(f"the target {'; '.join(wrong)}")
        if target.name in self.kept:
            return None
        self.kept[target.name] = target
        return self.targets()[-1]

    async def try_target(self, own: OwnTarget, /) -> builtins.list[TargetTry]:
        target, wrong = read_target(own, TargetOptions(), TargetRules().judge)
        if target is None:
            raise RefusedTargetError(f"the target {'; '.join(wrong)}")
        seen = Observation("", Kind.PROBE, NOW, True, Scheme.HTTP, timing=Timing(total=0.2), target=target.name)
        ban = replace(seen, works=False, ban="status 403")
        return [TargetTry(pick, ban if place else seen) for place, pick in enumerate(self.list(Query(limit=2)))]

    async def delete_target(self, name: str, /) -> bool:
        return self.kept.pop(name, None) is not None

    def minds(self, target: str) -> bool:
        return False

    def is_kept_from(self, key: str, scheme: Scheme, target: str) -> bool:
        return False

    async def release(self, id: str, scheme: Scheme | None = None, feedback: Feedback | None = None) -> bool:
        lease = self.leases.pop(id, None)
        if lease is not None and feedback is not None:
            self.told.append((lease.record_id, scheme, feedback))
        return lease is not None

    async def feedback(self, text: str, scheme: Scheme | None, feedback: Feedback) -> bool:
        for record in self.records:
            if text in (record.id, str(record.endpoint), *_urls(record)):
                self.told.append((record.id, scheme, feedback))
                return True
        return False

    async def get(self, id: str, /) -> Record | None:
        if self.error is not None:
            raise self.error
        return next((record for record in self.records if record.id == id), None)

    async def check(self, id: str, /) -> tuple[Asked, Record] | None:
        record = await self.get(id)
        return None if record is None else (self.asked, record)

    def past(self, key: str, /) -> builtins.list[PastResult]:
        return self.pasts.get(key, [])

    def forecast(self, path: Path) -> Forecast:
        return Forecast(0.9 if path.health.last_ok >= path.health.last_bad else 0.1, 0.5)

    def stats(self) -> Stats:
        return Stats(known=len(self.records), started_at=NOW - 60.0)

    def ready(self) -> tuple[bool, str]:
        return self.why

    async def refresh(self) -> None:
        self.refreshed += 1


def _anywhere(target: str, path: Path, now: float) -> bool:
    return True


def _urls(record: Record) -> builtins.list[str]:
    return [record.proxy(path.scheme).url(secrets=True) for path in record.paths]


def working_path(
    scheme: Scheme = Scheme.HTTP, *capabilities: Capability, latency: float = 0.25, country: str | None = None
) -> Path:
    """A path that worked a second ago."""
    health = Health.of(last_ok=NOW - 1.0, oks=1, streak=1)
    return Path(scheme, health, frozenset(capabilities), country=country, timing=Timing(total=latency))


def typical_records() -> builtins.list[Record]:
    """One forwarding http proxy, one that tunnels too, one socks5, and one that never worked."""
    return [
        make_record(1, paths=(working_path(Scheme.HTTP, Capability.FORWARD, country="DE"),), sources=("alpha", "beta")),
        make_record(2, paths=(working_path(Scheme.HTTP, Capability.FORWARD, Capability.TUNNEL),)),
        make_record(3, paths=(working_path(Scheme.SOCKS5, Capability.FORWARD, Capability.TUNNEL),)),
        make_record(4, paths=(make_path(last_ok=0.0),)),
    ]
