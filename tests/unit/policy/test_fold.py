import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shoal.domain import (
    Anonymity,
    Blame,
    Capability,
    CheckResult,
    Facts,
    Failure,
    Honesty,
    Kind,
    Observation,
    Path,
    Reason,
    Record,
    Scheme,
    Stage,
    Timing,
)
from shoal.domain.record import MOST_COMPARED
from shoal.policy.fold import fold_check, fold_use
from shoal.testing.builders import make_path, make_record

NOW = 2_000.0
FAILURE = Failure(Stage.RECEIVE, Reason.TIMEOUT)
BOTH = (make_path(Scheme.HTTP), make_path(Scheme.SOCKS5))


def seen(works: bool, scheme: Scheme | None = Scheme.HTTP, *, kind: Kind = Kind.PROBE, **rest: object) -> Observation:
    return Observation("key", kind, NOW, works, scheme, **rest)  # type: ignore[arg-type]


def failed(blame: Blame, scheme: Scheme | None = Scheme.HTTP, **rest: object) -> Observation:
    return seen(False, scheme, failure=FAILURE, blame=blame, **rest)


def check(*observations: Observation) -> CheckResult:
    works = any(each.works for each in observations)
    return CheckResult("key", observations, works, failure=None if works else FAILURE)


def learned(path: Path, facts: Facts) -> Path:
    record = fold_check(make_record(paths=(path,)), check(seen(True, path.scheme, facts=facts)), NOW)
    return record.paths[0]


@pytest.mark.parametrize("blame", [Blame.LOCAL, Blame.TARGET, Blame.UNKNOWN])
def test_a_failure_that_is_not_the_proxy_s_changes_no_health(blame: Blame) -> None:
    record = make_record(paths=BOTH)
    for scheme in (Scheme.HTTP, None):
        after = fold_check(record, check(failed(blame, scheme)), NOW)
        assert after.paths == record.paths
        assert after.misses == 0
        used = fold_use(record, failed(blame, scheme, kind=Kind.USE))
        assert used.paths == record.paths


def test_a_failure_of_the_proxy_counts_for_its_scheme_only() -> None:
    after = fold_check(make_record(paths=BOTH), check(failed(Blame.PROXY)), NOW)
    assert [path.health.bads for path in after.paths] == [1, 0]
    assert after.paths[0].failure == FAILURE
    assert after.misses == 1


def test_a_failed_connect_counts_for_all_paths() -> None:
    after = fold_check(make_record(paths=BOTH), check(failed(Blame.PROXY, None)), NOW)
    assert [path.health.bads for path in after.paths] == [1, 1]


def test_misses_are_checks_in_a_row_that_found_nothing() -> None:
    record = make_record(paths=BOTH)
    for expected in (1, 2, 3):
        record = fold_check(record, check(failed(Blame.PROXY), failed(Blame.PROXY, Scheme.SOCKS5)), NOW)
        assert record.misses == expected
    record = fold_check(record, check(failed(Blame.LOCAL)), NOW)
    assert record.misses == 3
    record = fold_check(record, check(failed(Blame.PROXY), seen(True, Scheme.SOCKS5)), NOW)
    assert record.misses == 0
    assert record.failure is None


def test_every_check_is_counted_and_dated_and_makes_a_version() -> None:
    record = fold_check(make_record(), check(failed(Blame.LOCAL)), NOW)
    assert (record.checks, record.last_check, record.version) == (1, NOW, 1)
    assert record.failure == FAILURE
    assert not record.is_verified


def test_the_first_success_makes_a_path() -> None:
    facts = Facts(can=frozenset({Capability.FORWARD}), anonymity=Anonymity.ELITE, exit="198.51.100.9", profiled=True)
    record = fold_check(make_record(), check(failed(Blame.PROXY), seen(True, Scheme.SOCKS5, facts=facts)), NOW)
    (path,) = record.paths
    assert path.scheme is Scheme.SOCKS5
    assert path.is_verified
    assert (path.anonymity, path.exit, path.profiled_at) == (Anonymity.ELITE, "198.51.100.9", NOW)


def test_a_client_s_word_makes_no_path() -> None:
    record = make_record()
    after = fold_use(record, seen(True, Scheme.SOCKS5, kind=Kind.USE))
    assert after.paths == ()
    assert fold_use(make_record(paths=BOTH), seen(True, Scheme.SOCKS4, kind=Kind.USE)).paths == BOTH


def test_use_counts_as_health() -> None:
    after = fold_use(make_record(paths=BOTH), seen(True, kind=Kind.USE))
    assert [path.health.oks for path in after.paths] == [2, 1]
    assert after.checks == 0


@pytest.mark.parametrize("offence", [Honesty.TAMPERS, Honesty.INTERCEPTS, Honesty.FAKES])
def test_one_clean_answer_does_not_clear_an_offender(offence: Honesty) -> None:
    path = learned(make_path(), Facts(honesty=offence))
    assert path.honesty is offence
    for honesty in (Honesty.CLEAN, Honesty.UNKNOWN, None):
        path = learned(path, Facts(honesty=honesty))
        assert path.honesty is offence


def test_an_offence_is_kept_from_a_failed_attempt_too() -> None:
    facts = Facts(honesty=Honesty.FAKES)
    after = fold_check(make_record(paths=BOTH), check(failed(Blame.PROXY, facts=facts)), NOW)
    assert [path.honesty for path in after.paths] == [Honesty.FAKES, Honesty.UNKNOWN]


def test_unknown_overwrites_nothing_that_is_known() -> None:
    path = learned(make_path(), Facts(honesty=Honesty.CLEAN, anonymity=Anonymity.ELITE))
    path = learned(path, Facts(honesty=Honesty.UNKNOWN, anonymity=Anonymity.UNKNOWN))
    assert (path.honesty, path.anonymity) == (Honesty.CLEAN, Anonymity.ELITE)
    path = learned(path, Facts(anonymity=Anonymity.TRANSPARENT))
    assert path.anonymity is Anonymity.TRANSPARENT


def test_documents_that_came_unchanged_add_up_to_a_limit_and_a_use_adds_none() -> None:
    path = learned(learned(make_path(), Facts(compared=4)), Facts(compared=9))
    assert path.compared == 13
    assert fold_use(make_record(paths=(path,)), seen(True, kind=Kind.USE)).paths[0].compared == 13
    for _ in range(40):
        path = learned(path, Facts(compared=9))
    assert path.compared == MOST_COMPARED


CAPABILITIES = st.frozensets(st.sampled_from(Capability))


@given(CAPABILITIES, CAPABILITIES, CAPABILITIES)
def test_capabilities_are_what_was_shown_without_what_was_denied(
    before: frozenset[Capability], can: frozenset[Capability], cannot: frozenset[Capability]
) -> None:
    path = learned(replace(make_path(), capabilities=before), Facts(can=can, cannot=cannot))
    assert path.capabilities == (before | can) - cannot


@given(st.lists(st.floats(0.001, 100.0), min_size=1, max_size=20))
def test_timing_is_an_average_within_what_was_measured(totals: list[float]) -> None:
    record = make_record()
    for total in totals:
        timing = Timing(total / 4, total / 2, total, total)
        record = fold_check(record, check(seen(True, timing=timing)), NOW)
    timing = record.paths[0].timing
    # Kept to a millisecond, or below 0.1 s to a tenth of one.
    assert min(totals) - 1e-3 <= timing.total <= max(totals) + 1e-3
    assert timing.connect == pytest.approx(timing.total / 4, abs=4e-3)


def test_equal_timings_of_many_paths_are_the_same_numbers() -> None:
    total = 0.123456
    one, other = (
        fold_check(make_record(number), check(seen(True, timing=Timing(total=total * 1.0))), NOW).paths[0].timing
        for number in (1, 2)
    )
    assert one.total == 0.123
    assert one.total is other.total


def test_a_client_that_times_the_total_only_changes_nothing_else() -> None:
    record = make_record(paths=(make_path(latency=0.4),))
    before = record.paths[0].timing
    after = fold_use(record, seen(True, kind=Kind.USE, timing=Timing(total=1.4))).paths[0].timing
    assert (after.connect, after.handshake, after.first_byte) == (before.connect, before.handshake, before.first_byte)
    assert after.total == pytest.approx(0.7)
    assert fold_use(record, seen(True, kind=Kind.USE)).paths[0].timing == before


def test_a_full_profile_is_dated_and_a_small_check_leaves_its_date() -> None:
    path = replace(make_path(), profiled_at=500.0)
    assert learned(path, Facts()).profiled_at == 500.0
    assert learned(path, Facts(profiled=True)).profiled_at == NOW


def test_the_record_folded_into_stays_as_it_was() -> None:
    record = make_record(paths=BOTH)
    copy = Record(**{name: getattr(record, name) for name in record.__struct_fields__})
    fold_check(record, check(seen(True), failed(Blame.PROXY, Scheme.SOCKS5)), NOW)
    assert record == copy
