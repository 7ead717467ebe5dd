"""PoolService: the one object that API, gateway and command line hold."""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from shoal.domain import Candidate, Feedback, Forecast, Lease, Path, Pick, Proxy, Query, Record, Scheme, Trust
from shoal.domain.stats import GatewayFigures, Stats
from shoal.domain.tally import Tallies
from shoal.engine.checking import Checking, Tally
from shoal.engine.collector import Collector
from shoal.engine.events import Events
from shoal.engine.history import History
from shoal.engine.judge_report import judge_stats
from shoal.engine.leasing import Leasing
from shoal.engine.listing import Page
from shoal.engine.on_request import Asked, OnRequest
from shoal.engine.past import PastResult
from shoal.engine.pool import Pool
from shoal.engine.rates import Growth, success
from shoal.engine.recorder import Recorder
from shoal.engine.source_book import SourceBook
from shoal.engine.source_face import SourceFace
from shoal.engine.source_orders import SourceOrders
from shoal.engine.target_face import TargetFace
from shoal.engine.targets import Targets
from shoal.errors import StoreError
from shoal.policy.health_report import problems
from shoal.policy.source_use import SourceUse
from shoal.ports import Added, Clock, Counts, Store, Vantage

IMPORT_SOURCE = "import"
"""Under which name records stand that a user imported."""
_HISTORY = "stats-history"
_HISTORY_SAVED = 300.0
"""Seconds between two saves of the history: what a crash may cost of it."""
_PULSE = 5.0
"""Seconds between two events that tell the pool's sizes."""
_SUCCESS_WINDOW = 600.0
"""Seconds over which the shares of picks and uses that went well are taken."""
_RATE_WINDOW = 10.0
"""Seconds over which checks per second are averaged."""


class PoolService(TargetFace, SourceFace):
    """Reads are answered from memory; only ``get``, ``pop`` and ``delete`` touch the store."""

    def __init__(
        self,
        *,
        store: Store,
        pool: Pool,
        recorder: Recorder,
        leasing: Leasing,
        clock: Clock,
        scheduler: Checking | None = None,
        collector: Collector | None = None,
        vantage: Vantage | None = None,
        on_request: OnRequest | None = None,
        book: SourceBook | None = None,
        importer: Collector | None = None,
        targets: Targets | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._book = book
        self._importer = importer or collector
        self._store = store
        self._pool = pool
        self._recorder = recorder
        self._tally = recorder if tally is None else tally
        self._leasing = leasing
        self._clock = clock
        self._scheduler = scheduler
        self._collector = collector
        self._orders = SourceOrders(store, collector, clock)
        self._vantage = vantage
        self._on_request = on_request
        self.gateway_figures: Callable[[], GatewayFigures] | None = None
        """What went through the gateway, set by whoever opens one."""
        self.workers_trouble: Callable[[], str | None] | None = None
        """Why nothing can be sent to the workers of a cluster, set by whoever sends."""
        self._targets = targets
        self._started_at = clock.now()
        self._counts = Counts()
        self._store_error: str | None = None
        self._rates: deque[tuple[float, int]] = deque()
        self._picks, self._uses = Growth(_SUCCESS_WINDOW), Growth(_SUCCESS_WINDOW)
        self._events = Events(clock)
        if book is not None:
            book.events = self._events
            book.orders = self._orders
        self._history = History()
        self._recalled = False
        self._saved_at = self._pulse_at = clock.now()
        self._told: tuple[str, ...] = ()
        self._source_runs: dict[str, float] = {}

    @property
    def tallies(self) -> Tallies:
        """What was counted and timed since the start."""
        return self._recorder.tallies

    @property
    def events(self) -> Events:
        """What happens, for those who follow."""
        return self._events

    @property
    def store(self) -> Store:
        """For what else the API keeps there: links and tokens."""
        return self._store

    def now(self) -> float:
        """Epoch seconds."""
        return self._clock.now()

    def pick(self, query: Query) -> Pick | None:
        """One path for use; None when nothing fits, which counts as a failed pick."""
        return self._leasing.pick(query)

    def advance(self, query: Query) -> bool:
        """Do a part of what the first pick by this query would do in one go; True when nothing is left to do."""
        return self._pool.advance(query)

    def advance_listing(self, query: Query) -> bool:
        """The same for its first page, list or count."""
        return self._pool.advance_listing(query, self._clock.now())

    def draw(self, query: Query) -> Pick | None:
        """As ``pick``, for a caller that tells ``uses`` when its use begins and ends."""
        return self._leasing.draw(query, self._clock.now())

    @property
    def uses(self) -> SourceUse:
        """What is in use of each source, held against its limits."""
        return self._pool.uses

    async def pop(self, query: Query) -> Pick | None:
        """One path, removed from the pool and kept out by a tombstone; never the same for two callers."""
        return await self._leasing.pop(query)

    def list(self, query: Query) -> list[Pick]:
        """Every path that fits, in the query's order, at most its limit."""
        return self._pool.list(query, self._clock.now())

    def page(self, query: Query, after: int | None = None) -> Page:
        """As ``list``, behind the place where an earlier page ended, with how many fit on all pages."""
        return self._pool.page(query, self._clock.now(), after)

    def count(self, query: Query) -> int:
        """How many paths fit, whatever the query's limit."""
        return self._pool.count(query, self._clock.now())

    async def delete(self, text: str) -> int:
        """Remove what an id, ``host:port``, ``user:password@host:port`` or URL names; how many records there were."""
        gone = await self._leasing.delete(text)
        self._events.publish("deleted", {"records": gone})
        return gone

    async def take(self, query: Query, *, seconds: float | None = None, exclusive: bool = False) -> Lease | None:
        """A pick held for ``seconds`` (default: the settings' time); None when nothing fits or all of it is held."""
        return await self._leasing.take(query, seconds=seconds, exclusive=exclusive)

    async def renew(self, id: str, seconds: float | None = None) -> float | None:
        """Let a standing lease last ``seconds`` from now; when it ends then, None when it was over."""
        return await self._leasing.renew(id, seconds)

    async def retag(self, text: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> int:
        """Give tags to what ``text`` names and take others; how many records there were. The tag ``banned`` keeps a
        record out of the pool."""
        changed = await self._leasing.retag(text, add, remove)
        if changed:
            self._events.publish("tagged", {"records": changed, "added": list(add), "removed": list(remove)})
        return changed

    def banned(self) -> builtins.list[Record]:
        """Records that worked once and are kept out by the user."""
        return [*self._pool.banned.values()]

    async def admit(
        self,
        candidates: Sequence[Candidate],
        *,
        trust: Trust,
        tags: tuple[str, ...] = (),
        refused: Mapping[str, int] | None = None,
    ) -> tuple[Added, Mapping[str, int]]:
        """Import, on disk when this returns: what was added, what was refused by reason. Raises ``StoreError``."""
        if self._importer is None:
            raise StoreError("this process only reads the pool; import where it is checked")
        added, reasons, _ = await self._importer.admit(
            candidates, source=IMPORT_SOURCE, trust=trust, tags=tags, refused=refused, imported=True
        )
        self._events.publish("imported", {"new": added.new, "known": added.known, "refused": sum(reasons.values())})
        return added, reasons

    @property
    def history(self) -> History:
        """The pool minute by minute."""
        return self._history

    def minds(self, target: str) -> bool:
        """Whether anything is known of this target by which proxies differ."""
        return self._pool.minds(target, self._clock.now())

    def is_kept_from(self, key: str, scheme: Scheme, target: str) -> bool:
        """Whether a ban of this target stands against a path."""
        return self._pool.is_kept_from(key, scheme, target, self._clock.now())

    async def release(self, id: str, scheme: Scheme | None = None, feedback: Feedback | None = None) -> bool:
        """End a lease and learn from it; False when it had run out or never was."""
        return await self._leasing.release_id(id, scheme, feedback)

    async def feedback(self, text: str, scheme: Scheme | None, feedback: Feedback) -> bool:
        """What a user saw of the proxy that ``text`` names; False when there is no such proxy."""
        return await self._leasing.feedback_on(text, scheme, feedback)

    async def get(self, id: str) -> Record | None:
        """A record by id, dead ones included, in its newest state."""
        record = await self._store.get(id)
        return None if record is None else self._recorder.newest(record)

    async def check(self, id: str) -> tuple[Asked, Record] | None:
        """Check a proxy now and wait for the result, or let the process that checks do it; with its state then."""
        record = await self.get(id)
        if record is None:
            return None
        if self._on_request is None:
            self._recorder.hasten(record)
            return Asked.PLANNED, record
        asked = await self._on_request.check(record)
        return asked, self._recorder.newest(record)

    def past(self, key: str) -> builtins.list[PastResult]:
        """The last results of a record since this process started, oldest first."""
        return self._pool.past.of(key)

    def report(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        """What a use of a proxy showed, as the gateway tells it: nothing is waited for."""
        self._leasing.used(key, proxy, feedback)

    def forecast(self, path: Path) -> Forecast:
        return self._pool.forecast(path, self._clock.now())

    async def update_counts(self) -> None:
        """Ask the store for its sizes; called once a second by the owner. While it fails the last ones stand."""
        try:
            self._counts = await self._store.counts(self._clock.now())
            # A full disk is read as well as any other.
            self._store_error = self._recorder.trouble
        except StoreError as error:
            self._store_error = str(error)
        if self._book is not None:
            try:
                await self._book.follow()
            except StoreError as error:
                self._store_error = str(error)
        self._rates.append((self._clock.now(), self._tally.checked))
        while len(self._rates) > 1 and self._rates[0][0] < self._clock.now() - _RATE_WINDOW:
            self._rates.popleft()
        self._picks.note(self._clock.now(), self._leasing.picks, self._leasing.picks_failed)
        self._uses.note(self._clock.now(), self._leasing.uses, self._leasing.uses_failed)
        await self._keep_records()

    async def _keep_records(self) -> None:
        """History, events, and what an earlier run left of them. A store that fails is asked again a second later."""
        now = self._clock.now()
        try:
            if not self._recalled:
                self._history.recall(await self._store.get_meta(_HISTORY))
                self._recalled = True
            await self._orders.follow()
            if self._history.is_due(now):
                self._history.note(self.stats(), now)
            if now - self._saved_at >= _HISTORY_SAVED:
                await self.save_history()
        except StoreError as error:
            self._store_error = str(error)
        self._publish(now)

    async def save_history(self) -> None:
        """Write the history down, where this process is the one that keeps it. Raises ``StoreError``."""
        if self._collector is not None and self._recalled:
            self._saved_at = self._clock.now()
            await self._store.set_meta(_HISTORY, self._history.encode())

    def _publish(self, now: float) -> None:
        if now - self._pulse_at >= _PULSE:
            self._pulse_at = now
            self._events.publish(
                "stats",
                {
                    "known": self._counts.known,
                    "verified": len(self._pool),
                    "due": self._counts.due,
                    "working_paths": self._pool.working,
                    "working": self._pool.summary()["working"]["records"],
                    "expected": round(self._pool.expected(now), 1),
                    "uses_total": self._leasing.uses,
                    "uses_failed": self._leasing.uses_failed,
                    "in_check": self._scheduler.in_flight if self._scheduler else 0,
                    "checks_per_second": round(self._rate(), 1),
                    "picks_total": self._leasing.picks,
                    "picks_failed": self._leasing.picks_failed,
                },
            )
        for name, state in list(self._collector.states.items()) if self._collector else ():
            if self._source_runs.setdefault(name, state.last_run) != state.last_run:
                self._source_runs[name] = state.last_run
                self._events.publish(
                    "source", {"name": name, "found": state.found, "new": state.new, "error": state.error}
                )

    def stats(self) -> Stats:
        summary = self._pool.summary()
        states = self._collector.states.values() if self._collector else ()
        refused: dict[str, int] = {}
        for state in states:
            for reason, count in state.refused.items():
                refused[reason] = refused.get(reason, 0) + count
        stats = Stats(
            known=self._counts.known,
            verified=len(self._pool),
            working=summary["working"]["records"],
            expected=round(self._pool.expected(self._clock.now()), 1),
            due=self._counts.due,
            unchecked=self._counts.unchecked,
            in_check=self._scheduler.in_flight if self._scheduler else 0,
            checked_total=self._tally.checked,
            worked_total=self._tally.working,
            checks_per_second=self._rate(),
            picks_total=self._leasing.picks,
            picks_failed=self._leasing.picks_failed,
            pick_success=success(self._picks.grown()),
            uses_total=self._leasing.uses,
            uses_failed=self._leasing.uses_failed,
            use_success=success(self._uses.grown()),
            by_scheme=dict(summary["scheme"]),
            by_anonymity=dict(summary["anonymity"]),
            by_honesty=dict(summary["honesty"]),
            by_country=dict(summary["country"]),
            by_source=dict(summary["source"]),
            failures=dict(self._tally.failures),
            refused=refused,
            judges=judge_stats(self._vantage),
            sources_ok=sum(self._collector.reachable.values()) if self._collector else 0,
            sources_total=len(self._collector.sources) if self._collector else 0,
            vantage_healthy=self._vantage.healthy if self._vantage else True,
            gateway=None if self.gateway_figures is None else self.gateway_figures(),
            started_at=self._started_at,
            store_error=self._store_error,
        )
        asked = self._collector is None or self._collector.first_round.is_set()
        judged = self._vantage is not None and all(judge.checked_at for judge in self._vantage.judges)
        unsent = None if self.workers_trouble is None else self.workers_trouble()
        found = problems(stats, sources_asked=asked, judges_asked=judged, unsent=unsent)
        if found != self._told:
            self._told = found
            self._events.publish("problems", {"problems": list(found)})
        return replace(stats, problems=found)

    def ready(self) -> tuple[bool, str]:
        """Whether a default pick would find something, and if not, why."""
        if self._pool.peek(Query(), self._clock.now()):
            return True, "at least one proxy can be handed out"
        found = self.stats().problems
        return False, found[0] if found else "no proxy has passed a check yet; checks are running"

    def _rate(self) -> float:
        if len(self._rates) < 2:
            return 0.0
        (first_at, first), (last_at, last) = self._rates[0], self._rates[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else 0.0
