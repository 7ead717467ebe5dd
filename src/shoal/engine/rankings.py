"""Rankings: that of all paths, and one more for each filter in use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec.structs import replace

from shoal.domain import Query
from shoal.engine.ranking import SLICE, Entry, Ranking
from shoal.engine.reaching import Reaching

_RANKINGS: Final = 16
_ROOM: Final = 4.0
"""Filters whose own ranking is kept: so many, and all together with so many entries per path in the index."""
FOREMOST: Final = 4_000
"""Paths among which a pick looks that cannot wait for its ranking: some five milliseconds at most. Where none of them
fits, the filter is a rare one, and the ranking is made at once rather than deny what there is."""
_ASKED: Final = 64
"""Queries whose ranking is known by the query itself: callers ask with the same few again and again."""
_ANY: Final = Query()


class Rankings:
    """Keeps ``all`` and those of filters up with every change."""

    def __init__(self, reaching: Reaching) -> None:
        self.all = Ranking(Query(not_honesties=frozenset()), of_all=True)
        self._reaching = reaching
        self._kept: dict[Query, Ranking] = {}
        self._missing: dict[Query, list[Entry]] = {}
        """What each ranking that is being made has not looked at yet."""
        self._asked: dict[int, tuple[Query, Ranking]] = {}

    def clear(self) -> None:
        """Forget those of filters: what fits is another matter now."""
        self._kept.clear()
        self._missing.clear()
        self._asked.clear()

    def put(self, entry: Entry, step: int) -> None:
        """There is news of an entry, which now stands at this step."""
        self.all.put(entry, step)
        for ranking in self._kept.values():
            if self._reaching.passes(ranking.query, entry.record, entry.path):
                ranking.put(entry, step)
            else:
                ranking.drop(entry)
        entry.step = step

    def move(self, entry: Entry, step: int) -> None:
        """An entry stands elsewhere without any news of it."""
        self.all.put(entry, step)
        for ranking in self._kept.values():
            if entry in ranking:
                ranking.put(entry, step)
        entry.step = step

    def drop(self, entry: Entry) -> None:
        self.all.drop(entry)
        for ranking in self._kept.values():
            ranking.drop(entry)

    def of(self, query: Query, turn: int) -> Ranking:
        """The ranking of those that pass the query's timeless filters, asked for by pick number ``turn``. What is
        missing of it is made in one go: who can wait asks for it in slices first (``advance``)."""
        asked = self._asked.get(id(query))
        # A query that is kept here cannot have given its number to another one.
        if asked is not None and asked[0] is query:
            asked[1].used = turn
            return asked[1]
        while not self.advance(query):
            pass
        filters = self._filters(query)
        ranking = self.all if filters == self.all.query else self._kept[filters]
        ranking.used = turn
        if len(self._asked) >= _ASKED:
            self._asked.clear()
        self._asked[id(query)] = query, ranking
        return ranking

    def at_hand(self, query: Query, turn: int) -> Ranking | None:
        """The same where it is whole, or is so after ``SLICE`` more paths."""
        asked = self._asked.get(id(query))
        if asked is not None and asked[0] is query:
            asked[1].used = turn
            return asked[1]
        return self.of(query, turn) if self.advance(query) else None

    def passing(self, query: Query, turn: int) -> Iterator[Entry]:
        """Each of the best ``FOREMOST`` paths that passes the query's timeless filters, from the best step down.

        Nothing may be moved meanwhile."""
        filters, passes = self._filters(query), self._reaching.passes
        for entry in islice(self.all.best_first(turn), FOREMOST):
            if passes(filters, entry.record, entry.path):
                yield entry

    def advance(self, query: Query) -> bool:
        """Look at ``SLICE`` more paths for the query's ranking; True when it is whole."""
        asked = self._asked.get(id(query))
        if asked is not None and asked[0] is query:
            return True
        filters = self._filters(query)
        if filters == self.all.query:
            return True
        if filters not in self._kept:
            self._make_room(0)
            is_crowded = len(self._missing) >= _RANKINGS
            oldest = next(iter(self._missing)) if is_crowded else filters
            self._kept[filters] = Ranking(filters)
            self._missing[filters] = list(self.all.best_first())
            if is_crowded:
                # In one go, or so many might make each other begin anew without end. The oldest, too: whoever asked for
                # it may have gone.
                while not self._look_on(oldest):
                    pass
                while not self._look_on(filters):
                    pass
        return filters not in self._missing or self._look_on(filters)

    def _look_on(self, filters: Query) -> bool:
        ranking, missing = self._kept[filters], self._missing[filters]
        for entry in missing[-SLICE:]:
            # Some have gone since, some have come in with news of them.
            if entry in self.all and self._reaching.passes(filters, entry.record, entry.path):
                ranking.put(entry, entry.step)
        del missing[-SLICE:]
        if missing:
            return False
        del self._missing[filters]
        self._make_room(len(ranking), filters)
        return True

    def _filters(self, query: Query) -> Query:
        return replace(
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

    def _make_room(self, size: int, newest: Query | None = None) -> None:
        others = {
            filters: ranking
            for filters, ranking in self._kept.items()
            if filters != newest and filters not in self._missing
        }
        room = _ROOM * len(self.all) - size
        while others and (len(others) >= _RANKINGS or sum(map(len, others.values())) > room):
            unused = min(others.values(), key=lambda ranking: ranking.used)
            del others[unused.query], self._kept[unused.query]
            self._asked.clear()
