from random import Random

from msgspec.structs import replace

from shoal.domain import Record
from shoal.engine.credits import Credits
from shoal.engine.pool import Pool
from shoal.options import PoolOptions
from shoal.testing.builders import change_health, make_path, make_record


def working(number: int, *sources: str, seen: float, ok: float, oks: int = 1) -> Record:
    path = make_path()
    path = replace(path, health=change_health(path.health, last_ok=ok, last_bad=0.0, oks=oks))
    return make_record(number, paths=(path,), sources=sources, first_seen=seen)


async def test_credit_is_worked_out_from_the_index() -> None:
    pool = Pool(PoolOptions(), Random(1))
    credits = Credits(pool)
    assert credits.of({"a": 5})["a"].worked == 0
    for number in range(1500):
        pool.apply(working(number, "a", *(["b"] if number % 2 else []), seen=900.0, ok=1000.0), 1000.0)
    await credits.round()
    credit = credits.of({"a": 3000, "b": 3000, "c": 7})
    assert (credit["a"].worked, credit["a"].working, credit["a"].only, credit["a"].share) == (1500, 1500, 750, 0.5)
    assert (credit["b"].working, credit["b"].only) == (750, 0)
    assert (credit["c"].worked, credit["c"].listed) == (0, 7)


async def test_what_a_restart_finds_has_no_lag_unless_it_worked_just_once() -> None:
    pool = Pool(PoolOptions(), Random(1))
    credits = Credits(pool)
    pool.apply(working(1, "a", seen=0.0, ok=9000.0, oks=50), 9000.0)
    await credits.round()
    assert credits.of({"a": 1})["a"].lag is None
    pool.apply(working(2, "a", seen=8990.0, ok=9020.0, oks=2), 9020.0)
    await credits.round()
    assert credits.of({"a": 1})["a"].lag == 30.0
    pool.apply(working(2, "a", seen=8990.0, ok=9900.0, oks=9), 9900.0)
    await credits.round()
    assert credits.of({"a": 1})["a"].lag == 30.0, "a discovery counts once"
