"""Pool: the index in memory of every proxy that ever worked. ``apply`` and ``pick`` never wait."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from random import Random

from shoal.domain import Forecast, Path, Pick, Query, Record, Scheme, Strategy
from shoal.domain.candidate import BANNED
from shoal.domain.health import last_ok_of
from shoal.engine.census import Census
from shoal.engine.hopefuls import Hopefuls
from shoal.engine.listing import Listing, Page
from shoal.engine.past import Past
from shoal.engine.ranking import Entry, Ranking, chain_of, place_of
from shoal.engine.rankings import Rankings
from shoal.engine.reaching import Reaching
from shoal.engine.spread import Spread, comparable
from shoal.options import PoolOptions
from shoal.policy.forecast import BUILT_IN, confidence, features, forecast
from shoal.policy.learning import Model, probability
from shoal.policy.selection import bounds, choose, choose_best, excluded, timely
from shoal.policy.source_use import SourceUse
from shoal.policy.target_table import TargetTable

_ENOUGH = {Strategy.FASTEST: 32, Strategy.STICKY: 32}
"""Candidates that a pick compares, best first. Those behind the first few are hardly better."""
_FEW = 8
"""Candidates that the best strategy compares at least."""
_SAMPLE = 4
"""Candidates that the other strategies compare, from anywhere among those that fit: the least used of four is seldom
one that was used often."""
_SAMPLED = 12
"""Paths that are looked at for these, half as many once one was found: each needs a forecast anew. Where none of them
will do, the best ones are asked."""
_ALL = 32
"""Where so few fit, all of them are compared."""
_FINE = 8_192
_CHANCES = [step / _FINE for step in range(_FINE + 1)]
"""Forecasts as entries keep them, so that paths share the numbers: one of its own takes 24 bytes, and forecasts are not
surer than a ten-thousandth."""
_LOOK_LIMIT = 4_000
"""Paths that one pick looks at before it settles for what it found. While nothing is found it looks on: a proxy that
a list shows must not be denied to a pick."""
_FRESH = 10.0
"""Seconds for which a forecast that was made for a path is used again: what fades fastest in it takes two minutes."""
_MOMENT = 0.25
"""Seconds within which forecasts count as made at one time: a number for each takes 24 bytes."""
WINDOW = 200
"""Picks over which a proxy's share is counted, more where the share is smaller than one of them."""


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
        self._entries: dict[str, Entry] = {}
        """The first path of each record; others hang on it."""
        self._rankings = Rankings(self._reaching)
        self._spread = Spread(options.max_share, window)
        self._moment = 0.0
        self._census = Census()
        self._expected = (0.0, 0.0)
        self.past = Past()
        """The last results of each record."""
        self.hopefuls = Hopefuls()
        self._listing = Listing(self._rankings.all.best_first, self._forecast_of, self._reaching.reaches, options)
        self.working = 0
        """Paths whose last check or use worked."""

    def __len__(self) -> int:
        return len(self._entries)

    def record(self, key: str) -> Record | None:
        """The newest state of a verified record, None when it is not in the index."""
        entry = self._entries.get(key)
        return entry.record if entry is not None else None

    def records(self) -> Iterator[Record]:
        return (entry.record for entry in self._entries.values())

    def revised(self, start: int, most: int, now: float) -> Iterator[Entry]:
        """Every path, best first, after ``most`` forecasts from place ``start`` on were brought up to date."""
        for entry in [*islice(self._rankings.all.onwards(start), most)]:
            if self._refresh(entry, now):
                self._place(entry, entry.band)
        return self._rankings.all.best_first()

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

    def is_kept_from(self, key: str, scheme: Scheme, target: str, now: float) -> bool:
        """Whether a ban of this target stands against a path; not where the path is unknown."""
        for entry in chain_of(self._entries.get(key)):
            if entry.path.scheme is scheme:
                return self._reaching.is_kept_from(target, entry.path, now)
        return False

    def apply(self, record: Record, now: float) -> None:
        """Take in a record's new state; one that was never verified is left out."""
        if BANNED in record.tags and record.is_verified:
            self.remove(record.key)
            self.banned[record.key] = record
            return
        self.banned.pop(record.key, None)
        if not record.is_verified:
            self.remove(record.key)
            if BANNED not in record.tags:
                self.hopefuls.put(record.key, record.misses, record.last_check or record.first_seen)
            return
        self.hopefuls.forget(record.key)
        known = [*chain_of(self._entries.get(record.key))]
        old = known[0].record if known else None
        self._census.change(old, record)
        self.past.change(old, record)
        first: Entry | None = None
        for path in reversed(record.paths):
            if not path.is_verified:
                continue
            if path.reaches:
                self._reaching.note(path, now)
            entry = next((entry for entry in known if entry.path.scheme is path.scheme), None)
            if entry is None:
                entry = Entry(record, path, uses=self._spread.level)
            else:
                known.remove(entry)
                self.working -= entry.path.health.is_up
            entry.record, entry.path, entry.next = record, path, first
            self._rank(entry, now)
            self._listing.put(entry)
            self.working += path.health.is_up
            first = entry
        for entry in known:
            self._forget(entry)
        assert first is not None
        self._entries[record.key] = first

    def remove(self, key: str) -> bool:
        """Forget a record; True when it was there."""
        self.banned.pop(key, None)
        self.hopefuls.forget(key)
        first = self._entries.pop(key, None)
        for entry in chain_of(first):
            self._forget(entry)
        self._census.change(None if first is None else first.record, None)
        self.past.forget(key)
        return first is not None

    def limits_changed(self) -> None:
        """The sources' limits are others now: every entry takes its place by them."""
        self._is_limited = not self._limits.is_plain
        for first in self._entries.values():
            for entry in chain_of(first):
                self._place(entry, self._limits.band(entry.record))

    def pick(self, query: Query, now: float) -> Pick | None:
        """One path that fits, by the query's strategy; None when nothing fits.

        No proxy gets more than ``max_share`` of the last picks while another fits. Where the ranking of the query is
        not made yet, a part of it is, and the pick is one of the best that are at hand.
        """
        ranking = self._rankings.at_hand(query, self._spread.picks)
        found = self._foremost(query, now) if ranking is None else []
        if not found:
            ranking = self._rankings.of(query, self._spread.picks)
            # The best tier comes first, whatever a proxy's share; the user's own are in tier 0, public ones the
            # fall-back.
            for band in range(ranking.top_band, -1, -1):
                found = self._found(ranking, query, now, band)
                if found:
                    break
            else:
                return None
        if query.vantage is not None and query.strategy is Strategy.BEST:
            found = comparable(found, [self._forecast_of(entry, now, query.vantage).probability for entry in found])
        if query.strategy is Strategy.BEST:
            # Worked out once for both steps: it is a quarter of a pick.
            entry = choose_best(*self._spread.rested_best(found), self._rng)
        else:
            entry = choose(self._spread.rested(found, query.strategy), query, self._rng)
        self._spread.note(entry, query)
        if query.vantage is not None:
            return _as_pick(entry, self._forecast_of(entry, now, query.vantage))
        return _as_pick(entry, Forecast(entry.chance, confidence(entry.path.health, now)))

    def peek(self, query: Query, now: float) -> bool:
        """True when a pick would find something; counts as no pick."""
        ranking = self._rankings.of(query, self._spread.picks)
        bands = range(ranking.top_band, -1, -1)
        return any(self._found(ranking, query, now, band) for band in bands)

    def _found(self, ranking: Ranking, query: Query, now: float, band: int) -> builtins.list[Entry]:
        """Candidates of one tier whose forecast and age will do, and whose turn it may be."""
        strategy, spread = query.strategy, self._spread
        kept = spread.kept(query)
        if kept is not None and kept in ranking and kept.band == band:
            self._refresh(kept, now)
            if self._will_do(kept, query, now):
                return [kept]
        enough = max(_FEW, spread.round) if strategy is Strategy.BEST else _ENOUGH.get(strategy)
        if enough is None:
            enough = _SAMPLE
            if len(ranking) <= _ALL:
                enough = _ALL
            elif not ranking.top_band and (found := self._sampled(ranking, query, now)):
                return found
        found, spent, moved = [], [], []
        looked = 0
        # A session must meet the same candidates again, whatever their share; all others take turns.
        is_sticky = strategy is Strategy.STICKY
        most = 1 << 60 if is_sticky else spread.most
        floor, oldest = bounds(query, now, self._options)
        is_plain, exclude = self._is_plain(query), query.exclude
        for entry in ranking.best_first(0 if is_sticky else spread.picks, band=band):
            if entry.turns >= most:
                spent.append(entry)
                continue
            looked += 1
            if found and looked > _LOOK_LIMIT:
                break
            # As _refresh and _will_do, written out: a pick looks at a dozen, and calls cost more than what they do. The
            # age first: a forecast is dear.
            if is_plain and last_ok_of(entry.path.health.block) < oldest:
                continue
            if not -_FRESH < now - entry.chance_at < _FRESH and self._refresh(entry, now):
                moved.append(entry)
            if is_plain:
                if entry.chance < floor or (exclude and excluded(exclude, entry.record)):
                    continue
            elif not self._will_do(entry, query, now):
                continue
            found.append(entry)
            if len(found) >= enough:
                break
        if spent and len(found) < enough:
            moved += [entry for entry in spent if self._refresh(entry, now)]
            spent = [entry for entry in spent if self._will_do(entry, query, now)]
            found = spread.among_few(found, spent, strategy)
        for entry in moved:
            self._place(entry, entry.band)
        return found

    def _foremost(self, query: Query, now: float) -> builtins.list[Entry]:
        """Candidates of one tier among the best paths of all that are below their share; for the best
        strategy, since the others want to see all that fits."""
        found: builtins.list[Entry] = []
        if query.strategy is not Strategy.BEST:
            return found
        moved = []
        for entry in self._rankings.passing(query, self._spread.picks):
            if found and entry.band != found[0].band:
                break
            if entry.turns >= self._spread.most:
                continue
            if self._refresh(entry, now):
                moved.append(entry)
            if self._will_do(entry, query, now):
                found.append(entry)
                if len(found) >= self._spread.round:
                    break
        for entry in moved:
            self._place(entry, entry.band)
        return found

    def _is_plain(self, query: Query) -> bool:
        """Whether forecast, age and exclusions alone decide which entries of the query's ranking will do."""
        return not (self._is_limited or query.target is not None or query.vantage is not None)

    def _sampled(self, ranking: Ranking, query: Query, now: float) -> builtins.list[Entry]:
        """Candidates from anywhere in the ranking: at random, or in turn."""
        size = len(ranking)
        found: builtins.list[Entry] = []
        moved = []
        if not size:
            return found
        in_turn = query.strategy is Strategy.ROUND_ROBIN
        enough = 1 if query.strategy is Strategy.RANDOM else _SAMPLE
        start = self._spread.picks % size if in_turn else self._rng.randrange(size)
        for looked, entry in enumerate(ranking.onwards(start)):
            if looked >= (_SAMPLED if not found else _SAMPLED // 2):
                break
            if self._refresh(entry, now):
                moved.append(entry)
            if entry.turns < self._spread.most and self._will_do(entry, query, now):
                found.append(entry)
                if len(found) >= enough:
                    break
        for entry in moved:
            self._place(entry, entry.band)
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
        return not (query.exclude and excluded(query.exclude, entry.record))

    def _refresh(self, entry: Entry, now: float) -> bool:
        """Bring a forecast up to date; True when the entry no longer stands where it should."""
        if -_FRESH < now - entry.chance_at < _FRESH:
            return False
        self._foresee(entry, now)
        return place_of(entry, entry.band) != entry.step

    def _foresee(self, entry: Entry, now: float) -> None:
        if not 0.0 <= now - self._moment < _MOMENT:
            self._moment = now
        # Without the confidence, which nobody asks for here.
        entry.chance = _CHANCES[int(probability(self.model, features(entry.path.health, now)) * _FINE + 0.5)]
        entry.chance_at = self._moment

    def _rank(self, entry: Entry, now: float) -> None:
        self._foresee(entry, now)
        self._rankings.put(entry, place_of(entry, self._limits.band(entry.record)))

    def _place(self, entry: Entry, band: int) -> None:
        """Move an entry whose forecast has changed by time alone, or whose tier has."""
        self._rankings.move(entry, place_of(entry, band))

    def advance(self, query: Query) -> bool:
        """Do a part of what the first pick by this query would do in one go, at most ``SLICE`` paths; True when
        nothing is left to do. Others may use the pool in between."""
        return self._rankings.advance(query)

    def advance_listing(self, query: Query, now: float) -> bool:
        """The same for its first page or count."""
        return self._listing.advance(query, now)

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
        expected = sum(max(entry.chance for entry in chain_of(first)) for first in self._entries.values())
        self._expected = now, expected
        return expected

    def _forget(self, entry: Entry) -> None:
        self.working -= entry.path.health.is_up
        self._listing.drop(entry)
        self._rankings.drop(entry)


def _as_pick(entry: Entry, chance: Forecast) -> Pick:
    return Pick(entry.record, entry.path, entry.record.proxy(entry.path.scheme), chance)
