"""The runner of this suite: who fails beside others gets one more chance, alone; who fails twice fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[2] / "tools" / "run_tests.py"
SUITE = """
import os
import pytest
@pytest.mark.parametrize("name", ["a b", "c::d"])
def test_needs_to_be_alone(name):
    assert "PYTEST_XDIST_WORKER" not in os.environ
@pytest.mark.parametrize("name", {always})
def test_fails_always(name):
    raise AssertionError
"""


def run(folder: Path, always: list[str], *flags: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(SUITE.format(always=always))
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = {word: value for word, value in os.environ.items() if not word.startswith("PYTEST")}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-q -p xdist.plugin"}
    command = [sys.executable, str(RUNNER), "1", *flags]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.parametrize(("bad", "code"), [([], 0), (["x"], 1)])
def test_what_fails_beside_others_is_tried_again_alone(tmp_path: Path, bad: list[str], code: int) -> None:
    done = run(tmp_path, bad)
    assert done.returncode == code, done.stdout + done.stderr
    assert "FAILED BESIDE OTHERS, PASSED ALONE test_it.py::test_needs_to_be_alone[c::d]" in done.stdout
    assert done.stdout.count("FAILED TWICE") == len(bad)


def test_where_many_fail_nobody_is_tried_again(tmp_path: Path) -> None:
    done = run(tmp_path, [str(number) for number in range(8)])
    assert done.returncode == 1 and "alone" not in done.stdout.lower().replace("needs_to_be_alone", "")


def test_a_run_that_a_flag_cut_short_does_not_end_well(tmp_path: Path) -> None:
    done = run(tmp_path, [], "-x")
    assert done.returncode == 2 and "PASSED ALONE" not in done.stdout, done.stdout
