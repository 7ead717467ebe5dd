from msgspec.structs import replace

from shoal.domain import Health, Path, Record, Scheme
from shoal.policy.source_credit import CreditTally, Lags, lag_of, worked_once, works_now
from shoal.testing.builders import make_record


def record(*sources: str, ok: float, bad: float = 0.0, seen: float = 0.0, oks: int = 1) -> Record:
    path = Path(Scheme.HTTP, Health.of(last_ok=ok, last_bad=bad, oks=oks))
    return replace(make_record(), sources=sources, paths=(path,), first_seen=seen)


def test_credit_counts_what_works_now_what_ever_did_and_what_only_one_source_has() -> None:
    tally = CreditTally()
    for one in (record("a", "b", ok=9), record("a", ok=9), record("b", ok=1, bad=2), record("a", ok=1, bad=2)):
        tally.add(one)
    credits = tally.credits({"c": 10, "b": 4, "a": 100}, Lags())
    assert list(credits) == ["a", "b", "c"], "the best comes first"
    a, b, c = credits["a"], credits["b"], credits["c"]
    assert (a.listed, a.worked, a.working, a.only, a.share) == (100, 3, 2, 1, 0.02)
    assert (b.worked, b.working, b.only) == (2, 1, 0)
    assert (c.worked, c.working, c.share, c.lag) == (0, 0, 0.0, None)
    assert tally.credits({"d": 0}, Lags())["d"].share is None


def test_the_lag_is_the_median_of_the_newest_discoveries() -> None:
    lags = Lags()
    lags.note([record("a", "b", ok=30, seen=20), record("a", ok=50, seen=20), record("a", ok=100, seen=0)])
    assert (lags.median("a"), lags.median("b"), lags.median("c")) == (30.0, 10.0, None)
    lags.note([record("a", ok=5, seen=4)] * 1000)
    assert lags.median("a") == 1.0


def test_a_lag_is_never_negative() -> None:
    assert lag_of(record("a", ok=5, seen=9)) == 0.0


def test_works_now_means_that_some_path_worked_when_last_asked() -> None:
    assert works_now(record("a", ok=2, bad=1)) and not works_now(record("a", ok=1, bad=2))
    assert not works_now(record("a", ok=0, bad=0))
    assert worked_once(record("a", ok=2)) and not worked_once(record("a", ok=2, oks=3))
