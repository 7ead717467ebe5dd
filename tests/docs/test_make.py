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


def make_venv(folder: Path, **programs: str) -> "subprocess.CompletedProcess[str]":
    """Runs the script where only these programs are on the path."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(ROOT / "tools" / "make-venv.sh"), str(folder / "venv")],
        env={"PATH": str(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_old_python_is_told_in_a_sentence(tmp_path: Path) -> None:
    old = '[ "$1" = -V ] && echo "Python 3.9.2" && exit 0; exit 1'
    done = make_venv(tmp_path, python3=old, python=old)
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed, and here is Python 3.9.2" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_is_told_in_a_sentence(tmp_path: Path) -> None:
    bare = 'case "$2" in *ensurepip*) exit 1 ;; *python%d*) echo python3.11-venv ;; esac'
    done = make_venv(tmp_path, python3=bare, id="echo 1000", rm="exit 0")
    assert done.returncode == 2
    assert "apt-get install python3.11-venv" in done.stderr


def test_without_venv_root_gets_it_installed(tmp_path: Path) -> None:
    bare = 'case "$2" in *ensurepip*) exit 1 ;; *python%d*) echo python3.11-venv ;; venv) echo made "$3" ;; esac'
    done = make_venv(
        tmp_path, python3=bare, id="echo 0", rm="exit 0", **{"apt-get": f'echo "$@" >> {tmp_path}/installed'}
    )
    assert done.returncode == 0 and done.stdout == f"made {tmp_path / 'venv'}\n"
    assert (tmp_path / "installed").read_text() == "install -y -qq python3.11-venv\n"
