"""The group: names, help, errors as one line, and what is not imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shoal.cli.main import COMMANDS, run

HEAVY = ("starlette", "httpx2", "uvloop", "selectolax", "asyncio", "shoal.options", "msgspec")


def shoal(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "shoal", *words],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ},
    )


def test_the_commands_have_their_names() -> None:
    names = (
        "up demo schedule server worker check fetch list get import link sources config backup restore top health"
        " doctor geo migrate judge lab replay completion version"
    )
    assert list(COMMANDS) == names.split()


GROUPS = {
    "sources": ("list", "test", "add", "enable", "disable", "credit"),
    "config": ("show", "check"),
    "geo": ("update",),
}
INNER = [(group, name) for group, names in GROUPS.items() for name in names]


@pytest.mark.parametrize(
    "words",
    [["--help"], *([name, "--help"] for name in COMMANDS), *([*words, "--help"] for words in INNER)],
    ids=" ".join,
)
def test_help_of_every_command_is_told_on_standard_output(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    out, err = capsys.readouterr()
    assert "Usage: shoal" in out and "--help" in out and err == ""


def test_help_of_commands_imports_nothing_heavy() -> None:
    # The question is what gets imported, not how long it takes: that depends on the machine.
    code = (
        "import sys\nfrom shoal.cli.main import run\nassert run(['--help']) == 0\n"
        f"for words in {[[name] for name in COMMANDS] + [list(words) for words in INNER]!r}:\n"
        "    assert run([*words, '--help']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"


def test_no_command_shows_help_and_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Usage: shoal" in capsys.readouterr().out


def test_exit_codes_stand_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for code in ("0 it did", "1 it ran", "2 wrong", "3 another", "4 nothing", "130 interrupted"):
        assert code in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["upp"], "shoal: no such command 'upp'"),
        (["up", "--concurency", "5"], "did you mean one of: '--concurrency'"),
        (["up", "--concurrency", "many"], "'many' is not a valid integer. (see `shoal up --help`)"),
        (["check"], "name a FILE to check"),
        (["lab", "--preset", "calm"], "'calm' is not one of"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("shoal: ") and err.count("\n") == 1
    assert told.replace(". (", " (").lower() in err.lower()


def test_wrong_settings_are_one_line_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[check]\ntimeout = 0\nconcurency = 1\n")
    done = shoal("up", "--config", str(tmp_path / "bad.toml"), SHOAL_POOL_MAX_AGE="soon")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("shoal: ")
    for name in ("check.timeout", "check.concurency; did you mean concurrency?", "pool.max_age (SHOAL_POOL_MAX_AGE)"):
        assert name in done.stderr


def test_version_is_told_by_command_and_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0 and run(["--version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second and first.startswith("shoal ")
    assert run(["version", "--json"]) == 0
    assert '"python"' in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_ends_us_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "shoal", "version"], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60
        )
    finally:
        os.close(write)
    assert done.stderr == "" and done.returncode == 0
