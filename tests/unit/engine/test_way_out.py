from types import SimpleNamespace
from typing import Any

from shoal.domain import Capability, Pick, Query, Scheme
from shoal.engine.way_out import PoolWayOut


def test_it_takes_tunnels_over_what_lists_can_be_read_through_and_tells_what_came_of_it() -> None:
    asked: list[Query] = []
    told: list[tuple[str, bool]] = []
    pick: Any = SimpleNamespace(record=SimpleNamespace(key="k"), proxy="p")

    def choose(query: Query, now: float) -> Pick:
        asked.append(query)
        chosen: Pick = pick
        return chosen

    pool: Any = SimpleNamespace(pick=choose)
    leasing: Any = SimpleNamespace(feedback=lambda key, proxy, feedback: told.append((key, feedback.ok)))
    clock: Any = SimpleNamespace(now=lambda: 1.0)
    way = PoolWayOut(pool, leasing, clock)
    picked: Any = way.pick()
    way.report(picked, False)
    assert picked is pick
    assert told == [("k", False)]
    assert asked[0].capabilities == {Capability.TUNNEL} and Scheme.HTTPS not in asked[0].schemes
