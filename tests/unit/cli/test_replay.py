"""``shoal replay``: what it prints."""

import json
from pathlib import Path
from random import Random

import pytest

from shoal.cli.exits import OK, WRONG_USE
from shoal.cli.main import run


@pytest.fixture
def trace(tmp_path: Path) -> str:
    rng = Random(1)
    times = [1_000_000 + 900 * step for step in range(30)]
    rows = ["snapshots,http," + " ".join(map(str, times))]
    for number in range(40):
        seen = [time for time in times if rng.random() < (0.9 if number % 4 == 0 else 0.1)]
        rows.append(f"http,10.0.0.{number}:80," + " ".join(map(str, seen)))
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


FLAGS = ["--budget", "30", "--serve", "20", "--max-share", "0.1", "--warmup", "5"]


def test_json_has_the_figures_of_the_pool_and_of_every_rival(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", trace, *FLAGS, "--dead", "50", "--feedback", "--seed", "3", "--json"]) == OK
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"success", "distinct", "brier", "steps", "policies"}
    assert set(found["policies"]) == {"shoal", "drop_on_failure", "score_ladder", "decayed_share", "oracle"}
    assert found["steps"] == 30 - 1 - 5
    assert 0.3 < found["success"] <= found["policies"]["oracle"]["success"] <= 1.0
    assert found["policies"]["shoal"]["success"] == found["success"]
    assert 0.0 < found["brier"] < 0.5
    assert 1.0 <= found["distinct"] <= 20.0


def test_the_table_shows_how_often_forecasts_came_true(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", trace, *FLAGS, "--no-rivals"]) == OK
    out = capsys.readouterr().out
    assert "24 steps scored" in out
    assert "came true" in out
    assert "oracle" not in out


def test_a_trace_that_cannot_be_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("hello\n")
    assert run(["replay", str(path)]) == WRONG_USE
    error = capsys.readouterr().err
    assert "line 1" in error and len(error.splitlines()) == 1
    assert run(["replay", str(tmp_path / "none.csv")]) == WRONG_USE
