"""Listing: pages of the paths that fit a query, without looking at all of them.

An order is made when it is first asked for and kept up one change at a time. By forecast, a path stands where the
forecast at its last news (a check or a use) puts it: that changes only with the path itself, so a walk from page to
page sees every path that did not change meanwhile once. Within a page the forecasts of now decide.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shoal.domain import Order, Path, Pick, Query, Scheme
from shoal.domain.health import Forecast
from shoal.engine.postings import Postings
from shoal.engine.ranking import SLICE, Entry
from shoal.engine.sorted_places import SortedPlaces
from shoal.engine.taken_in import TakenIn
from shoal.options import PoolOptions
from shoal.policy.selection import fits, ordered, timely

_FEW: Final = 512
"""So many candidates are all looked at: their forecasts cost less than the text of the answer."""
_SELECTIVE: Final = 16
"""A field that lets fewer than one in so many through is looked up by value instead of met on the way."""
_UNUSED: Final = 600.0
"""Seconds after which an order that nobody asks for is forgotten."""
_COUNTED_PER_SECOND: Final = 10_000
"""Entries that may be counted for each second that the count is used again: less than a hundredth of a core."""
_COUNTS: Final = 64
_FAR: Final = 10**18
"""Beyond all latencies and times (microseconds)."""
_SCHEMES: Final = {scheme: number for number, scheme in enumerate(sorted(Scheme))}


class Page(Struct, frozen=True, gc=False):
    """``total`` is how many fit on all pages; ``next`` the place where the next page begins, None after the last."""

    picks: builtins.list[Pick]
    total: int
    next: int | None


class Listing:
    """The orders of a pool.

    ``entries`` walks through all of its paths, ``forecast`` makes one for now, ``reaches`` says whether a path may be
    handed out for a target."""

    def __init__(
        self,
        entries: Callable[[], Iterable[Entry]],
        forecast: Callable[[Entry, float, str | None], Forecast],
        reaches: Callable[[str, Path, float], bool],
        options: PoolOptions,
    ) -> None:
        self._entries = entries
        self._forecast = forecast
        self._reaches = reaches
        self._options = options
        self._orders: dict[Order, _Ordered] = {}
        self._postings = Postings(entries)
        self._counts: dict[Query, tuple[float, int]] = {}
        self._counting: dict[Query, _Count] = {}

    def put(self, entry: Entry) -> None:
        """An entry is new, or there is news of it."""
        for order in self._orders.values():
            order.put(entry)
        self._postings.put(entry)

    def drop(self, entry: Entry) -> None:
        for order in self._orders.values():
            order.drop(entry)
        self._postings.drop(entry)

    def advance(self, query: Query, now: float) -> bool:
        """Look at ``SLICE`` more entries for what a page of this query, or its count, needs; True when all is there."""
        order = self._order_begun(query.order, now)
        if not order.advance():
            return False
        if len(order) > _FEW and not self._postings.advance(query, now):
            return False
        return self._count_on(query, self._some(query, len(order), now), len(order), now)

    def page(self, query: Query, now: float, after: int | None = None) -> Page:
        """Up to ``query.limit`` of those that fit, behind the place ``after``."""
        order = self._order(query.order, now)
        some = self._some(query, len(order), now)
        picks: builtins.list[Pick] = []
        last = next = None
        for place, entry in order.after(-1 if after is None else after, some):
            pick = self._as_fitting(entry, query, now)
            if pick is None:
                continue
            if len(picks) == query.limit:
                next = last
                break
            picks.append(pick)
            last = place
        whole = after is None and next is None
        total = len(picks) if whole else self._total(query, some, len(order), now)
        return Page(ordered(picks, query.order), total, next)

    def count(self, query: Query, now: float) -> int:
        """How many fit, whatever the limit. Beyond a few hundred candidates a count is used again for seconds."""
        order = self._order(query.order, now)
        return self._total(query, self._some(query, len(order), now), len(order), now)

    def _order(self, order: Order, now: float) -> _Ordered:
        known = self._order_begun(order, now)
        while not known.advance():
            pass
        return known

    def _order_begun(self, order: Order, now: float) -> _Ordered:
        known = self._orders.get(order)
        if known is None:
            for unused in [one for one, kept in self._orders.items() if now - kept.used_at > _UNUSED]:
                del self._orders[unused]
            known = self._orders[order] = _Ordered(order, self._entries())
        known.used_at = now
        return known

    def _some(self, query: Query, size: int, now: float) -> builtins.list[Entry] | None:
        """Few candidates among which are all that fit; None where that is not worth it."""
        if size <= _FEW:
            return None
        return self._postings.fewest(query, max(_FEW, size // _SELECTIVE), now)

    def _total(self, query: Query, some: builtins.list[Entry] | None, size: int, now: float) -> int:
        if (size if some is None else len(some)) <= _FEW:
            found = self._entries() if some is None else some
            return sum(self._as_fitting(entry, query, now) is not None for entry in found)
        while not self._count_on(query, some, size, now):
            pass
        return self._counts[_uncut(query)][1]

    def _count_on(self, query: Query, some: builtins.list[Entry] | None, size: int, now: float) -> bool:
        """Count among ``SLICE`` more entries; True when a count is there that will do for now."""
        if (size if some is None else len(some)) <= _FEW:
            return True
        filters = _uncut(query)
        if now < self._counts.get(filters, (0.0, 0))[0]:
            return True
        if filters not in self._counting:
            is_crowded = len(self._counting) >= _COUNTS
            oldest = next(iter(self._counting)) if is_crowded else filters
            self._counting[filters] = _Count(list(self._entries() if some is None else some))
            if is_crowded:
                # As with rankings: in one go, and the oldest, too.
                for each in (oldest, filters):
                    while not self._look_on(each, now):
                        pass
                return True
        return self._look_on(filters, now)

    def _look_on(self, query: Query, now: float) -> bool:
        count = self._counting[query]
        for entry in count.missing[-SLICE:]:
            if timely(query, entry.path, entry.chance, now, self._options) and self._fits(query, entry, now):
                count.total += 1
        del count.missing[-SLICE:]
        if count.missing:
            return False
        del self._counting[query]
        while len(self._counts) >= _COUNTS:
            del self._counts[next(iter(self._counts))]
        self._counts.pop(query, None)
        self._counts[query] = now + count.size / _COUNTED_PER_SECOND, count.total
        return True

    def _fits(self, query: Query, entry: Entry, now: float) -> bool:
        if not fits(query, entry.record, entry.path):
            return False
        return query.target is None or self._reaches(query.target, entry.path, now)

    def _as_fitting(self, entry: Entry, query: Query, now: float) -> Pick | None:
        record, path = entry.record, entry.path
        # The age of what is long dead is cheaper to see than its forecast is to make.
        if not timely(query, path, 1.0, now, self._options) or not self._fits(query, entry, now):
            return None
        chance = self._forecast(entry, now, query.vantage)
        if not timely(query, path, chance.probability, now, self._options):
            return None
        return Pick(record, path, record.proxy(path.scheme), chance)


_ANY: Final = Query()


def _uncut(query: Query) -> Query:
    """What decides how many fit."""
    return replace(query, limit=None, order=_ANY.order, strategy=_ANY.strategy, session="")


class _Count:
    """A count that is under way among what there was when it began."""

    __slots__ = ("missing", "size", "total")

    def __init__(self, entries: builtins.list[Entry]) -> None:
        self.missing = entries
        self.size = len(entries)
        self.total = 0


class _Ordered(TakenIn):
    """All entries in one order."""

    def __init__(self, order: Order, entries: Iterable[Entry]) -> None:
        super().__init__(entries)
        self._order = order
        self._place_of: dict[Entry, int] = {}
        self._places: SortedPlaces[Entry] = SortedPlaces()

    def __len__(self) -> int:
        return len(self._places)

    def put(self, entry: Entry) -> None:
        place = _place(entry, self._order)
        old = self._place_of.get(entry)
        if old == place:
            return
        if old is not None:
            self._places.drop(old)
        self._places.put(place, entry)
        self._place_of[entry] = place

    def _leave(self, entry: Entry) -> None:
        place = self._place_of.pop(entry, None)
        if place is not None:
            self._places.drop(place)

    def after(self, place: int, some: builtins.list[Entry] | None) -> Iterator[tuple[int, Entry]]:
        """Entries behind a place, all of them or those among ``some``, each with its place."""
        if some is None:
            return self._places.after(place)
        place_of = self._place_of
        return iter(sorted(found for entry in some if (found := (place_of[entry], entry))[0] > place))


def _place(entry: Entry, order: Order) -> int:
    """Where an entry stands: by the value of the order, which it rises by, then by id and scheme."""
    record = entry.record
    if order is Order.FORECAST:
        value = round((1.0 - entry.chance) * 1e6)
    elif order is Order.LATENCY:
        value = round(entry.path.timing.total * 1e6) or _FAR
    else:
        value = _FAR - round((record.last_check if order is Order.LAST_CHECK else record.first_seen) * 1e6)
    return value << 67 | int(record.id, 16) << 3 | _SCHEMES[entry.path.scheme]
