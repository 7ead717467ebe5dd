"""docs/concurrency.md: its examples do what it says, and its figures are those of its plot."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "concurrency"
PAGE = ROOT / "docs" / "concurrency.md"


def run(name: str) -> str:
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py")], capture_output=True, text=True, timeout=90, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def figures(line: str) -> tuple[int, int]:
    made, counted = re.findall(r"(\d+) picks made, (\d+) counted", line)[0]
    return int(made), int(counted)


def test_updates_are_lost_with_the_gil_every_time() -> None:
    for _ in range(3):
        step, speed, *_ = run("lost_update").splitlines()
        assert figures(step) == (2, 1)
        made, counted = figures(speed)
        assert made == 8_000 and 0 < counted < made


def test_a_lock_and_a_queue_each_lose_nothing() -> None:
    lock, owner = run("lost_update_fixed").splitlines()
    assert figures(lock) == figures(owner) == (8_000, 8_000)


def test_two_locks_in_two_orders_are_a_deadlock_and_in_one_order_none() -> None:
    before, after = run("deadlock").split("in one order:")
    assert before.count("gave up: holds") >= 1
    assert after.count("moved ") == 2 and "gave up" not in after


def test_a_plain_lock_stops_its_own_holder_and_a_reentrant_one_does_not() -> None:
    plain, reentrant = run("reentrant_lock").splitlines()
    assert "cleared: False" in plain and "cleared: True" in reentrant


def test_queues_carry_everything_between_threads_and_between_processes() -> None:
    assert "checked 20 entries: alive True, dead False" in run("queue_threads")
    assert "40 pages, 8000 proxies" in run("queue_processes")


def test_coroutines_lose_updates_only_across_an_await() -> None:
    assert [figures(line) for line in run("coroutines").splitlines()] == [(100, 1), (100, 1), (100, 100), (100, 100)]


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_every_example_is_named_on_the_page_and_says_how_to_run_it(name: str) -> None:
    assert f"examples/concurrency/{name}.py" in PAGE.read_text()
    assert f"python examples/concurrency/{name}.py\n" in (FOLDER / f"{name}.py").read_text()


def test_the_committed_figures_are_those_of_the_page_and_of_the_plot() -> None:
    rows = json.loads((ROOT / "docs" / "img" / "concurrency.json").read_text())["rows"]
    page = PAGE.read_text()
    for row in rows:
        if row["at_once"] in (1, 100, 10_000) and "error" not in row:
            assert f"| {row['per_second']:,.0f} |" in page, row
    plot = ET.parse(ROOT / "docs" / "img" / "concurrency.svg")
    assert len(plot.findall(".//{*}path[@class='line']")) == 24
