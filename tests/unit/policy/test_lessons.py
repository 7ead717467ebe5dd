from msgspec.structs import replace

from shoal.domain import Blame, Kind, Observation, Path, Scheme
from shoal.policy.forecast import BUILT_IN
from shoal.policy.lessons import lessons
from shoal.testing.builders import make_path, make_record

NOW = 1_000.0
RECORD = make_record(paths=(make_path(Scheme.HTTP, last_ok=NOW), make_path(Scheme.SOCKS5, last_ok=NOW)))


def seen(works: bool, scheme: Scheme | None = Scheme.HTTP, blame: Blame | None = Blame.PROXY) -> Observation:
    return Observation("k", Kind.USE, NOW + 60.0, works, scheme, blame=None if works else blame)


def count(*observations: Observation, record: object = RECORD) -> int:
    return lessons(BUILT_IN, record, observations).seen  # type: ignore[arg-type]


def test_probes_and_uses_teach_alike() -> None:
    assert count(seen(True), replace(seen(False), kind=Kind.PROBE)) == 2


def test_a_host_that_takes_no_connection_teaches_of_all_its_paths() -> None:
    assert count(seen(False, None)) == 2


def test_what_was_not_the_proxys_fault_teaches_nothing() -> None:
    assert count(*(seen(False, blame=blame) for blame in (Blame.LOCAL, Blame.TARGET, Blame.UNKNOWN))) == 0


def test_what_never_worked_teaches_nothing() -> None:
    assert count(seen(False), record=make_record(paths=(Path(Scheme.HTTP),))) == 0
    assert count(seen(True), record=make_record()) == 0
