"""Completion scripts, and what the program answers to them."""

import os
import subprocess
import sys

import pytest

from shoal.cli.main import run


@pytest.mark.parametrize(("shell", "sign"), [("bash", "complete -o"), ("zsh", "#compdef shoal"), ("fish", "complete ")])
def test_each_shell_gets_its_script(shell: str, sign: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert sign in out and f"{shell}_complete" in out


@pytest.mark.parametrize(
    ("line", "at", "expected"),
    [("shoal so", 1, {"sources"}), ("shoal sources en", 2, {"enable"}), ("shoal check --res", 2, {"--resume"})],
)
def test_commands_and_flags_are_completed(line: str, at: int, expected: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shoal"],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "_SHOAL_COMPLETE": "bash_complete",
             "COMP_WORDS": line, "COMP_CWORD": str(at)},
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert {word.partition(",")[2] for word in done.stdout.split()} == expected
