"""``shoal migrate``: every fetcher of proxy_pool is known here, and no file is overwritten unasked."""

from pathlib import Path

import pytest

from shoal.cli.main import run

FETCHERS = [
    "DaiLi66Fetcher",
    "DocipFetcher",
    "FreeVPNNodeFetcher",
    "GeonodeFetcher",
    "GoodipsFetcher",
    "IhuanFetcher",
    "Ip3366Fetcher",
    "Ip89Fetcher",
    "KuaidailiFetcher",
    "KxdailiFetcher",
    "ProxiFlyFetcher",
    "RoundProxiesFetcher",
    "ScdnFetcher",
    "ZdayeFetcher",
]


def test_settings_become_a_file_that_the_pool_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    methods = [f"freeProxy{number:02}" for number in range(1, 12)]
    (tmp_path / "setting.py").write_text(
        f"PORT = 6010\nPROXY_FETCHER_EXCLUDE = {FETCHERS!r}\nPROXY_FETCHER = {methods!r}\n"
    )
    output = tmp_path / "out.toml"
    words = ["migrate", str(tmp_path / "setting.py"), "--output", str(output)]
    assert run(words) == 0
    err = capsys.readouterr().err
    assert "unknown here" not in err and f"wrote {output}" in err
    assert run(["config", "check", "--config", str(output)]) == 0
    before = output.read_text()
    assert run(words) == 2 and output.read_text() == before
    assert run([*words, "--force"]) == 0
    capsys.readouterr()
    assert run(["migrate", str(tmp_path / "setting.py"), "--output", "-"]) == 0
    assert capsys.readouterr().out == before


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"<html>"])
def test_what_cannot_be_read_is_one_line(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "setting.py").write_bytes(content)
    assert run(["migrate", str(tmp_path / "setting.py"), "--output", str(tmp_path / "x.toml")]) == 2
    err = capsys.readouterr().err
    assert "setting.py" in err and err.count("\n") == 1 and not (tmp_path / "x.toml").exists()
