"""``shoal config``: what is in force, where it came from, and no secret."""

import json
from pathlib import Path

import pytest

from shoal.cli.main import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "shoal.toml").write_text(
        '[check]\nconcurrency = 7\n[judge]\nurls = ["http://j.example/#key=hidden1"]\n'
        '[gateway]\nusers = ["me:hidden2"]\n[[source]]\nname = "mine"\ninline = "192.0.2.1:80:u:hidden3"\n'
    )
    return str(tmp_path / "shoal.toml")


def test_what_is_given_is_shown_with_its_origin_and_without_secrets(
    path: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOAL_API_TOKEN", "hidden4")
    assert run(["config", "show", "--config", path]) == 0
    out = capsys.readouterr().out
    assert f"check.concurrency = 7  # {path}" in out and 'api.token = "***"  # SHOAL_API_TOKEN' in out
    assert '[[source]] mine = "inline"' in out
    assert "hidden" not in out and "check.timeout" not in out


def test_all_of_them_as_an_object(path: str, capsys: Capture) -> None:
    assert run(["config", "show", "--all", "--json", "--config", path]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["check.concurrency"] == 7 and shown["check.timeout"] == 10.0 and shown["api.token"] is None


def test_right_settings_are_told_so(path: str, capsys: Capture) -> None:
    assert run(["config", "check", "--config", path]) == 0
    out, err = capsys.readouterr()
    assert out == "" and "all right; 3 settings given, 1 sources are read" in err


def test_everything_that_is_wrong_is_in_one_line(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "bad.toml").write_text('[check]\ntimeout = 0\n[pool]\nmax_age = "x"\n')
    assert run(["config", "check", "--config", str(tmp_path / "bad.toml")]) == 2
    err = capsys.readouterr().err
    assert "check.timeout" in err and "pool.max_age" in err and err.count("\n") == 1
    (tmp_path / "bad.toml").write_text('[sources]\nenable = ["nosuch"]\n')
    assert run(["config", "check", "--config", str(tmp_path / "bad.toml")]) == 2
