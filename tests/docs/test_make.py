"""The entry points: every make target is explained, and scripts are fit to run."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_target_is_listed_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert targets is not None
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    listed = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert listed == set(targets[1].split())


def test_scripts_parse_and_the_ci_entry_can_be_run() -> None:
    for script in (*(ROOT / "tools").glob("*.sh"), ROOT / ".ci" / "run"):
        shell = script.read_text().splitlines()[0].rpartition("/")[2].rpartition(" ")[2]
        subprocess.run([shell, "-n", str(script)], check=True, timeout=60)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_an_old_python_is_told_in_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("python3", "python"):
        fake = old / name
        fake.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
        fake.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "tools" / "make-venv.sh"), str(tmp_path / "venv")],
        env={"PATH": str(old)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed, and here is Python 3.9.2" in done.stderr
    assert not (tmp_path / "venv").exists()
