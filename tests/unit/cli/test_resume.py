"""What an earlier run wrote: proxies are recognised however they are spelled, and torn files are mended."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shoal.cli.results import ResultFile, row_of
from shoal.cli.resume import Done, unchecked
from shoal.domain import Candidate, CheckResult, Credentials, Endpoint, Failure, Proxy, Reason, Refused, Scheme, Stage
from shoal.errors import ConfigError

USER = Credentials("me", "p@ss:w")


def row(host: str, credentials: Credentials | None = None, *, works: bool = False) -> dict[str, Any]:
    failure = None if works else Failure(Stage.CONNECT, Reason.REFUSED)
    result = CheckResult("k", (), works=works, schemes=(Scheme.SOCKS5,) if works else (), failure=failure)
    proxy = Proxy(Scheme.SOCKS5, Endpoint(host, 80), credentials)
    return row_of(SimpleNamespace(input=f"=1+1 {host}", proxy=proxy, result=result))  # type: ignore[arg-type]


@pytest.fixture(params=["jsonl", "csv"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path: Path = tmp_path / f"r.{request.param}"
    with ResultFile(path) as results:
        for one in (row("192.0.2.1"), row("192.0.2.2", USER, works=True), row("2001:db8::1")):
            results.write(one)
    return path


def test_what_was_checked_is_known_by_address_and_user(output: Path) -> None:
    done = Done(output)
    assert (len(done), done.worked) == (3, 1)
    entries = [
        Candidate(Endpoint("192.0.2.1", 80), Scheme.HTTP),
        Candidate(Endpoint("192.0.2.1", 81)),
        Candidate(Endpoint("192.0.2.2", 80), credentials=USER),
        Candidate(Endpoint("192.0.2.2", 80)),
        (Refused.BAD_PORT, "x"),
        Candidate(Endpoint("2001:db8::1", 80)),
    ]
    assert list(unchecked(entries, done)) == [entries[1], entries[3], entries[4]]


def test_a_line_that_was_not_written_to_its_end_is_cut_off(output: Path) -> None:
    whole = output.read_bytes()
    for cut in (1, 2, 30):
        output.write_bytes(whole[:-cut])
        assert len(Done(output)) == 2
        with ResultFile(output, append=True) as results:
            results.write(row("2001:db8::1"))
        assert output.read_bytes() == whole


def test_the_head_of_a_table_is_written_once(tmp_path: Path) -> None:
    for _ in range(2):
        Done(tmp_path / "r.csv")
        with ResultFile(tmp_path / "r.csv", append=True) as results:
            results.write(row("192.0.2.1"))
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert len(lines) == 3 and lines[0].startswith("input,proxy,works") and lines[1].startswith("'=1+1")


def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text("192.0.2.1:80\n192.0.2.2:80\n")
    with pytest.raises(ConfigError, match="does not hold results"):
        Done(tmp_path / "list.jsonl")
    assert (tmp_path / "list.jsonl").read_text().count("\n") == 2


def test_text_cannot_tell_what_failed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.jsonl or \.csv"):
        Done(tmp_path / "r.txt")
    assert len(Done(tmp_path / "missing.jsonl")) == 0
