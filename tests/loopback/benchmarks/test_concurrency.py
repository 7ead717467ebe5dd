"""benchmarks/concurrency.py runs every way that it names, and draws its plot."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_benchmark_runs_every_way_and_draws_its_plot(tmp_path: Path) -> None:
    command = ["benchmarks/concurrency.py", "--levels", "4", "--seconds", "0.1", "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, *command, "--json", str(tmp_path / "rows.json"), "--svg", str(tmp_path / "plot.svg")],
        capture_output=True, text=True, timeout=110, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    models = ("loop", "threads", "processes", "coroutines", "processes x coroutines")
    assert {(row["job"], row["model"]) for row in rows} == {(job, one) for job in ("check", "parse") for one in models}
    for row in rows:
        assert "error" not in row and row["per_second"] > 0 and row["cpu_ms"] > 0, row
        assert 0 < row["good"] <= row["done"]
        # Every page is read whole; of the lab's entries about six in ten work.
        assert row["job"] == "check" or row["good"] == row["done"]
    ET.parse(tmp_path / "plot.svg")
