"""A few rounds of the trial that `make crash` runs two hundred times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TRIAL = Path(__file__).parents[2] / "tools" / "crash_trial.py"


@pytest.mark.timeout(300)
def test_a_killed_pool_holds_what_it_acknowledged() -> None:
    done = subprocess.run(
        [sys.executable, str(TRIAL), "--rounds", "3", "--seed", "7"], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    assert report["acknowledged"] > 20
