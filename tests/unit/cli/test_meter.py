"""Pace, and the lines that stand for a bar."""

import pytest

from shoal.cli import meter
from shoal.cli.meter import Meter, Pace
from shoal.cli.tally import Tally
from shoal.cli.words import span
from shoal.domain import Refused


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    pace = Pace(window=30.0)
    assert pace.rate == 0.0
    pace.note(0.0, 0)
    assert pace.rate == 0.0
    for second in range(1, 101):
        pace.note(float(second), 10 * second if second <= 50 else 500)
    assert pace.rate == 0.0
    pace.note(101.0, 531)
    assert pace.rate == pytest.approx(1.0, abs=0.05)


def test_without_a_terminal_a_line_tells_rate_and_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(meter.time, "monotonic", lambda: now[0])
    tally = Tally()
    with Meter(1000, tally) as shown:
        assert not shown.update()
        for _ in range(200):
            tally.refuse(Refused.BAD_PORT)
        now[0] += 10.0
        assert shown.update()
    assert capsys.readouterr().err == "shoal: 200 of 1,000 done, 0 work, 20/s, 40 s left\n"


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, "0 s"), (89.0, "89 s"), (600.0, "10 min"), (7200.0, "2.0 h"), (259_200.0, "3.0 d")]
)
def test_spans_in_words(seconds: float, told: str) -> None:
    assert span(seconds) == told
