"""Pool: the index in memory of every proxy that ever worked. ``apply`` and ``pick`` never wait."""

from __future__ import annotations

import builtins
from collections import Counter, deque
from collections.abc import Iterator
from math import ceil
from random import Random

from msgspec.structs import replace

from shoal.domain import Forecast, Path, Pick, Query, Record, Strategy
from shoal.domain.candidate import BANNED
from shoal.engine.census import Census
from shoal.engine.listing import Listing, Page
from shoal.engine.past import Past
from shoal.engine.ranking import Entry, Ranking, step_of
from shoal.engine.reaching import Reaching
from shoal.options import PoolOptions
from shoal.policy.forecast import BUILT_IN, confidence, forecast
from shoal.policy.learning import Model
from shoal.policy.selection import choose, fits, timely, worth
from shoal.policy.source_use import SourceUse
from shoal.policy.target_table import TargetTable

_ENOUGH = {Strategy.FASTEST: 32, Strategy.STICKY: 32}
"""Candidates that a pick compares, best first. Those behind the first few are hardly better."""
_FEW = 8
"""Candidates that the best strategy compares at least."""
_COMPARABLE = 0.95
"""Share of the best forecast from which on proxies take turns with the best."""
_TURNS_LIMIT = 32
"""Proxies among which the best strategy goes round, at most: as many as share all picks at ``max_share`` each."""
_SAMPLE = 8
"""Candidates that the other strategies compare, from anywhere among those that fit."""
_LOOK_LIMIT = 4_000
"""Paths that one pick looks at before it settles for what it found. While nothing is found it looks on: a proxy that
a list shows must not be denied to a pick."""
_FRESH = 5.0
"""Seconds for which a forecast that was made for a path is used again."""
WINDOW = 200
"""Picks over which a proxy's share is counted, more where the share is smaller than one of them."""
_RANKINGS = 16
_ROOM = 4.0
"""Filters whose own ranking is kept: so many, and all together with so many entries per path in the index."""


class Pool:
    """Index of verified records. All methods are synchronous and touch only memory.

    ``model`` holds the coefficients of all forecasts; whoever learns replaces it. Shares are counted over ``window``
    picks, more where ``max_share`` is less than one of them. ``uses`` says which proxies the limits of
    their sources allow now.
    """

    def __init__(
        self, options: PoolOptions, rng: Random, *, window: int = WINDOW, uses: SourceUse | None = None
    ) -> None:
        self.model: Model = BUILT_IN
        self._options = options
        self._rng = rng
        self.uses = SourceUse() if uses is None else uses
        self._limits = self.uses.limits
        self._is_limited = not self._limits.is_plain
        self.banned: dict[str, Record] = {}
        """Records that worked once and that the user keeps out; checks go on, so that they come back as they are."""
        self._reaching = Reaching()
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._all = Ranking(Query(not_honesties=frozenset()), of_all=True)
        self._rankings: dict[Query, Ranking] = {}
        window = max(window, ceil(1.0 / options.max_share))
        self._turns: deque[Entry] = deque()
        self._window = window
        self._most = max(1, int(options.max_share * window + 1e-9))
        self._round = min(_TURNS_LIMIT, ceil(1.0 / options.max_share))
        self._picks = 0
        self._census = Census()
        self._expected = (0.0, 0.0)
        self.past = Past()
        """The last results of each record."""
        self._listing = Listing(self._all.best_first, self._forecast_of, self._reaching.reaches, options)
        self.working = 0
        """Paths whose last check or use worked."""

    def __len__(self) -> int:
        return len(self._entries)

    def record(self, key: str) -> Record | None:
        """The newest state of a verified record, None when it is not in the index."""
        entries = self._entries.get(key)
        return entries[0].record if entries else None

    def records(self) -> Iterator[Record]:
        return (entries[0].record for entries in self._entries.values())

    def forecast(self, path: Path, now: float) -> Forecast:
        """The forecast of a path by what the pool has learned so far."""
        return forecast(path.health, now, model=self.model)

    def use_targets(self, targets: TargetTable) -> None:
        """From now on queries mean these targets."""
        self._reaching.table = targets
        self._rankings.clear()

    def minds(self, target: str, now: float) -> bool:
        """Whether anything is known of this target by which proxies differ."""
        return self._reaching.minds(target, now)

    def apply(self, record: Record, now: float) -> None:
        """Take in a record's new state; one that was never verified is left out."""
        if BANNED in record.tags and record.is_verified:
            self.remove(record.key)
            self.banned[record.key] = record
            return
        self.banned.pop(record.key, None)
        if not record.is_verified:
            self.remove(record.key)
            return
        known = self._entries.get(record.key, ())
        old = known[0].record if known else None
        self._census.change(old, record)
        self.past.change(old, record)
        entries = []
        for path in record.paths:
            if not path.is_verified:
                continue
            if path.reaches:
                self._reaching.note(path, now)
            entry = next((entry for entry in known if entry.path.scheme is path.scheme), None) or Entry(record, path)
            entry.record, entry.path = record, path
            self._rank(entry, now)
            self._listing.put(entry)
            works = path.health.is_up
            self.working += works - entry.works
            entry.works = works
            entries.append(entry)
        for entry in known:
            if entry not in entries:
                self._forget(entry)
        self._entries[record.key] = tuple(entries)

    def remove(self, key: str) -> bool:
        """Forget a record; True when it was there."""
        self.banned.pop(key, None)
        entries = self._entries.pop(key, ())
        for entry in entries:
            self._forget(entry)
        record = entries[0].record if entries else None
        self._census.change(record, None)
        self.past.forget(key)
        return record is not None

    def limits_changed(self) -> None:
        """The sources' limits are others now: every entry takes its place by them."""
        self._is_limited = not self._limits.is_plain
        for entries in self._entries.values():
            for entry in entries:
                entry.band = self._limits.band(entry.record)
                self._place(entry)

    def pick(self, query: Query, now: float) -> Pick | None:
        """One path that fits, by the query's strategy; None when nothing fits.

        No proxy gets more than ``max_share`` of the last picks while another fits.
        """
        ranking = self._ranking(query)
        found: builtins.list[Entry] = []
        # The best tier comes first, whatever a proxy's share; the user's own are in tier 0, public ones the fall-back.
        for band in range(ranking.top_band, -1, -1):
            found = self._found(ranking, query, now, self._most, band) or self._least(ranking, query, now, band)
            if found:
                break
        else:
            return None
        if query.strategy is Strategy.BEST:
            found = self._rested(found if query.vantage is None else self._best_from(found, query.vantage, now))
        entry = choose(found, query, self._rng)
        self._note_pick(entry)
        if query.vantage is not None:
            return _as_pick(entry, self._forecast_of(entry, now, query.vantage))
        return _as_pick(entry, Forecast(entry.chance, confidence(entry.path.health, now)))

    def _best_from(self, found: builtins.list[Entry], vantage: str, now: float) -> builtins.list[Entry]:
        """Those whose forecast as seen from there is nearly the best one."""
        chances = [self._forecast_of(entry, now, vantage).probability for entry in found]
        floor = max(chances) * _COMPARABLE
        return [entry for entry, chance in zip(found, chances, strict=True) if chance >= floor]

    def peek(self, query: Query, now: float) -> bool:
        """True when a pick would find something; counts as no pick."""
        ranking = self._ranking(query)
        bands = range(ranking.top_band, -1, -1)
        return any(self._found(ranking, query, now, self._window + 1, band) for band in bands)

    def _least(self, ranking: Ranking, query: Query, now: float, band: int) -> builtins.list[Entry]:
        """Where everything that fits has had its share: those that had the least."""
        found = self._found(ranking, query, now, self._window + 1, band)
        least = min((entry.turns for entry in found), default=0)
        return [entry for entry in found if entry.turns == least]

    def _found(self, ranking: Ranking, query: Query, now: float, most: int, band: int) -> builtins.list[Entry]:
        """Candidates of one tier with fewer than ``most`` turns whose forecast and age will do."""
        enough = max(_FEW, self._round) if query.strategy is Strategy.BEST else _ENOUGH.get(query.strategy)
        if enough is None and not ranking.top_band and (found := self._sampled(ranking, query, now, most)):
            return found
        found = []
        moved = []
        looked = 0
        # A session must meet the same candidates again; all others take turns.
        turn = 0 if query.strategy is Strategy.STICKY else self._picks
        for entry in ranking.best_first(turn, band=band):
            if entry.turns >= most:
                continue
            looked += 1
            if found and looked > _LOOK_LIMIT:
                break
            if self._refresh(entry, now):
                moved.append(entry)
            if self._will_do(entry, query, now):
                found.append(entry)
                if len(found) >= (enough or _SAMPLE):
                    break
        for entry in moved:
            self._place(entry)
        return found

    def _sampled(self, ranking: Ranking, query: Query, now: float, most: int) -> builtins.list[Entry]:
        """Candidates from anywhere in the ranking: at random, or in turn."""
        size = len(ranking)
        found: builtins.list[Entry] = []
        moved = []
        if not size:
            return found
        in_turn = query.strategy is Strategy.ROUND_ROBIN
        for looked, entry in enumerate(ranking.onwards(self._picks % size if in_turn else self._rng.randrange(size))):
            if looked >= 4 * _SAMPLE:
                break
            if self._refresh(entry, now):
                moved.append(entry)
            if entry.turns < most and self._will_do(entry, query, now):
                found.append(entry)
                if len(found) >= (1 if query.strategy is Strategy.RANDOM else _SAMPLE):
                    break
        for entry in moved:
            self._place(entry)
        return found

    def _will_do(self, entry: Entry, query: Query, now: float) -> bool:
        chance = entry.chance
        if query.vantage is not None:
            chance = self._forecast_of(entry, now, query.vantage).probability
        if not timely(query, entry.path, chance, now, self._options):
            return False
        if self._is_limited and not self.uses.may(entry.record.key, entry.record.sources, now, query.target):
            return False
        if query.target is not None and self._reaching.is_kept_from(query.target, entry.path, now):
            return False
        return not (query.exclude and not fits(query, entry.record, entry.path))

    def _refresh(self, entry: Entry, now: float) -> bool:
        """Bring a forecast up to date; True when the entry no longer stands where it should."""
        if -_FRESH < now - entry.chance_at < _FRESH:
            return False
        entry.chance = forecast(entry.path.health, now, model=self.model).probability
        entry.chance_at = now
        return step_of(entry.chance, entry.band) != entry.step

    def _rank(self, entry: Entry, now: float) -> None:
        entry.chance = forecast(entry.path.health, now, model=self.model).probability
        entry.chance_at = now
        entry.band = self._limits.band(entry.record)
        entry.step = step_of(entry.chance, entry.band)
        self._all.put(entry)
        for ranking in self._rankings.values():
            if self._reaching.passes(ranking.query, entry.record, entry.path):
                ranking.put(entry)
            else:
                ranking.drop(entry)

    def _place(self, entry: Entry) -> None:
        """Move an entry whose forecast has changed by time alone."""
        entry.step = step_of(entry.chance, entry.band)
        self._all.put(entry)
        for ranking in self._rankings.values():
            if entry in ranking:
                ranking.put(entry)

    def _ranking(self, query: Query) -> Ranking:
        """The ranking of those that pass the query's timeless filters; made when first asked for."""
        filters = replace(
            query,
            exclude=frozenset(),
            # Of a target that is none of ours only bans are known, which end by themselves.
            target=self._reaching.named(query.target),
            min_forecast=None,
            max_age=None,
            limit=None,
            order=_ANY.order,
            strategy=_ANY.strategy,
            session="",
        )
        if filters == self._all.query:
            return self._all
        ranking = self._rankings.pop(filters, None)
        if ranking is None:
            ranking = Ranking(filters)
            for entry in self._all.best_first():
                if self._reaching.passes(filters, entry.record, entry.path):
                    ranking.put(entry)
            self._make_room(len(ranking))
        # The one used last stands last.
        self._rankings[filters] = ranking
        return ranking

    def _make_room(self, size: int) -> None:
        room = _ROOM * len(self._all) - size
        while self._rankings and (len(self._rankings) >= _RANKINGS or sum(map(len, self._rankings.values())) > room):
            del self._rankings[next(iter(self._rankings))]

    def list(self, query: Query, now: float) -> builtins.list[Pick]:
        """Every path that fits, in the query's order, at most its limit."""
        return self._listing.page(query, now).picks

    def page(self, query: Query, now: float, after: int | None = None) -> Page:
        """As ``list``, behind the place where an earlier page ended."""
        return self._listing.page(query, now, after)

    def count(self, query: Query, now: float) -> int:
        """How many paths fit, whatever the query's limit."""
        return self._listing.count(query, now)

    def _forecast_of(self, entry: Entry, now: float, vantage: str | None = None) -> Forecast:
        return forecast(entry.path.health_from(vantage), now, model=self.model)

    def summary(self) -> dict[str, Counter[str]]:
        """Counts of what worked at its last check or use; see ``Census``."""
        return self._census.summary()

    def expected(self, now: float) -> float:
        """How many proxies would work if all were used: the sum of the forecasts as of their last news or use, each
        record's best path. Counted anew every ten seconds for each 100,000 at most."""
        counted_at, expected = self._expected
        if 0.0 <= now - counted_at < len(self._entries) / 10_000:
            return expected
        expected = sum(max(entry.chance for entry in entries) for entries in self._entries.values() if entries)
        self._expected = now, expected
        return expected

    def _rested(self, found: builtins.list[Entry]) -> builtins.list[Entry]:
        """Those of the good candidates whose turn it may be.

        Over a window of picks the share makes all good ones take turns anyway; in turn, no two picks in a row are one
        proxy while another is nearly as good.
        """
        worths = [worth(entry) for entry in found]
        floor = max(worths) * _COMPARABLE
        good = [entry for entry, value in zip(found, worths, strict=True) if value >= floor]
        # Half of them rest, so that latency still decides among the others.
        gap = min(self._round, len(good)) // 2
        return [entry for entry in good if self._picks - entry.latest >= gap]

    def _note_pick(self, entry: Entry) -> None:
        self._picks += 1
        self._turns.append(entry)
        entry.turns += 1
        entry.uses += 1
        entry.latest = self._picks
        if len(self._turns) >= self._window:
            self._turns.popleft().turns -= 1

    def _forget(self, entry: Entry) -> None:
        self.working -= entry.works
        self._listing.drop(entry)
        self._all.drop(entry)
        for ranking in self._rankings.values():
            ranking.drop(entry)


_ANY = Query()


def _as_pick(entry: Entry, chance: Forecast) -> Pick:
    return Pick(entry.record, entry.path, entry.record.proxy(entry.path.scheme), chance)
