import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import ConfigError
from shoal.net.descriptors import LEAST, fitting_concurrency, need_descriptors, raise_limit


@given(st.integers(1, 100_000), st.integers(0, 2_000_000))
def test_checks_leave_descriptors_for_everything_else(wanted: int, limit: int) -> None:
    fitting = fitting_concurrency(wanted, limit)
    assert 1 <= fitting <= wanted
    assert fitting == 1 or fitting <= 0.8 * (limit - 128)


def test_what_fits_is_what_is_used() -> None:
    assert fitting_concurrency(1000, 1_048_576) == 1000
    assert fitting_concurrency(1000, 1024) == 716


class Limits:
    """The limits of a machine that is not this one."""

    def __init__(self, soft: int, hard: int, most: int | None = None) -> None:
        self.now = (soft, hard)
        self._most = most

    def getrlimit(self, which: int) -> tuple[int, int]:
        return self.now

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        if self._most is not None and limits[0] > self._most:
            raise ValueError("not allowed to raise maximum limit")
        self.now = limits


INFINITY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "held"),
    [
        (Limits(1024, 524_288), 524_288),
        (Limits(524_288, 524_288), 524_288),
        (Limits(256, INFINITY), 10_240),
        (Limits(INFINITY, INFINITY), 10_240),
        (Limits(65_536, INFINITY), 65_536),
        (Limits(1024, 4096, most=2048), 1024),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_it_goes(limits: Limits, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", limits.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", limits.setrlimit)
    assert raise_limit() == held
    assert limits.now[0] in (held, INFINITY)


@pytest.mark.parametrize("held", [3, LEAST - 1])
def test_too_few_for_anything_is_told_with_what_to_do(held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", Limits(held, held).getrlimit)
    with pytest.raises(ConfigError, match=rf"limit on open files .* {held}.*ulimit -n"):
        need_descriptors()


def test_the_least_is_enough_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", Limits(LEAST, LEAST).getrlimit)
    assert need_descriptors() == LEAST
