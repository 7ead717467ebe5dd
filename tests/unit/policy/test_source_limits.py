from msgspec.structs import replace

from shoal.domain import Trust
from shoal.domain.source import PUBLIC_TIER, SourceLimits
from shoal.options import OwnSource, SourceOptions
from shoal.policy.source_limits import LimitTable, recheck
from shoal.policy.source_use import SourceUse
from shoal.testing.builders import make_record

DAY = 86_400.0
TABLE = LimitTable.from_options(
    SourceOptions(
        fetch_budget_bytes=5000,
        own=(
            OwnSource(name="paid", inline="x", tier=1, max_in_flight=2, min_interval=10.0, byte_budget=1000),
            OwnSource(name="slow", inline="x", tier=60, check_interval=600.0, fetch_budget_bytes=9000),
        ),
    )
)


def test_limits_are_those_of_the_table_and_the_defaults_elsewhere() -> None:
    assert TABLE.get("paid") == SourceLimits(1, 2, 10.0, None, 1000, 5000)
    assert TABLE.get("docip") == SourceLimits(tier=PUBLIC_TIER, fetch_budget_bytes=5000)
    assert TABLE.get("slow").fetch_budget_bytes == 9000
    assert TABLE.tiers == (0, 1, 50, 60)
    assert not TABLE.is_plain and LimitTable.from_options(SourceOptions()).is_plain


def test_a_record_of_several_sources_obeys_all_and_has_the_best_tier() -> None:
    both = TABLE.of(("slow", "paid"))
    assert both == SourceLimits(1, 2, 10.0, 600.0, 1000, 5000)
    assert TABLE.of(("slow", "paid")) is both
    assert TABLE.of(()) == TABLE.get("docip")
    assert TABLE.bounded(("docip", "slow", "paid")) == ("paid",)


def test_what_no_table_names_is_first_when_it_is_the_users_own() -> None:
    record = make_record()
    assert TABLE.tier(replace(record, sources=("docip",), trust=Trust.PUBLIC)) == PUBLIC_TIER
    assert TABLE.tier(replace(record, sources=("list.txt",), trust=Trust.OWN)) == 0
    assert TABLE.tier(replace(record, sources=("slow",), trust=Trust.OWN)) == 60


def test_a_check_is_put_off_to_the_sources_interval_and_never_brought_forward() -> None:
    limits = SourceLimits(check_interval=600.0)
    assert recheck(1020.0, 1000.0, limits) == 1600.0
    assert recheck(5000.0, 1000.0, limits) == 5000.0
    assert recheck(1020.0, 1000.0, SourceLimits()) == 1020.0


def test_requests_in_flight_count_for_the_whole_source() -> None:
    use = SourceUse(TABLE)
    for key in ("a", "b"):
        assert use.may(key, ("paid",), 0.0)
        use.begin(key, ("paid",), 0.0)
    assert not use.may("c", ("paid",), 0.0)
    assert not use.may("c", ("docip", "paid"), 0.0)
    assert use.may("c", ("docip",), 0.0)
    use.end(("paid",), 1.0)
    assert use.may("c", ("paid",), 1.0)


def test_a_use_of_which_no_end_is_told_ends_by_itself() -> None:
    use = SourceUse(TABLE)
    use.begin("a", ("paid",), 0.0, until=60.0)
    use.begin("b", ("paid",), 0.0)
    assert not use.may("c", ("paid",), 59.0)
    assert use.may("c", ("paid",), 60.0) and use.in_flight("paid", 60.0) == 1
    use.end(("paid",), 61.0)
    use.end(("paid",), 61.0)
    assert use.in_flight("paid", 61.0) == 0


def test_one_proxy_rests_between_two_requests_to_one_target() -> None:
    use = SourceUse(TABLE)
    use.begin("a", ("paid",), 100.0, "x.example:443")
    use.end(("paid",), 100.0)
    assert not use.may("a", ("paid",), 109.9, "x.example:443")
    assert use.may("a", ("paid",), 110.0, "x.example:443")
    assert use.may("a", ("paid",), 101.0, "y.example:443")
    assert use.may("b", ("paid",), 101.0, "x.example:443")
    assert use.may("a", ("paid",), 101.0)
    # Uses of which nobody says what for count as uses for one target.
    use.begin("a", ("paid",), 101.0)
    assert not use.may("a", ("paid",), 102.0)


def test_named_uses_last_as_long_as_they_are_renewed() -> None:
    use = SourceUse(TABLE)
    use.lease("one", "a", ("paid",), 0.0, until=60.0)
    use.lease("two", "b", ("paid",), 0.0, until=60.0)
    use.renew("two", 50.0, 110.0)
    assert use.in_flight("paid", 60.0) == 1
    use.release("one", 70.0, 300)
    assert use.in_flight("paid", 70.0) == 1 and use.spent("paid", 70.0) == 300
    use.release("two", 71.0)
    use.release("two", 71.0)
    assert use.in_flight("paid", 71.0) == 0


def test_the_days_bytes_end_at_midnight() -> None:
    use = SourceUse(TABLE)
    use.begin("a", ("paid",), DAY)
    use.end(("paid",), DAY, 600)
    assert use.may("b", ("paid",), DAY)
    use.spend(("paid", "docip"), DAY + 1, 400)
    assert use.spent("paid", DAY + 2) == 1000 and use.spent("docip", DAY + 2) == 0
    assert not use.may("a", ("paid",), 2 * DAY - 1) and use.is_spent(("docip", "paid"), 2 * DAY - 1)
    assert use.may("a", ("paid",), 2 * DAY) and not use.is_spent(("paid",), 2 * DAY)


def test_without_tables_nothing_is_counted() -> None:
    use = SourceUse(LimitTable.from_options(SourceOptions()))
    use.begin("a", ("docip",), 0.0, "x")
    use.end(("docip",), 0.0, 10)
    assert use.may("a", ("docip",), 0.0, "x") and use.spent("docip", 0.0) == 0
