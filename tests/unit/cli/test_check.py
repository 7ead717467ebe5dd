"""``shoal check`` against a fake checker: output, exit codes, judges that do not answer."""

import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from shoal.cli.main import run
from shoal.domain import Candidate, CheckResult, Endpoint, Failure, Proxy, Reason, Scheme, Stage
from shoal.ports.vantage import JudgeStatus


class FakeChecker:
    """Proxies on port 80 work."""

    def __init__(self) -> None:
        self.processes = 0
        self.vantage: Any = SimpleNamespace(healthy=True, judges=(JudgeStatus("http://j/", "shoal", True, True),))

    async def run(self, entries: Iterable[Any]) -> AsyncIterator[Any]:
        for entry in entries:
            if not isinstance(entry, Candidate):
                yield SimpleNamespace(input=entry[1], proxy=None, refused=entry[0], result=None)
                continue
            works = entry.endpoint.port == 80
            failure = None if works else Failure(Stage.CONNECT, Reason.REFUSED)
            result = CheckResult("k", (), works=works, schemes=(Scheme.HTTP,) if works else (), failure=failure)
            yield SimpleNamespace(
                input=entry.text,
                proxy=Proxy(Scheme.HTTP, entry.endpoint, entry.credentials),
                refused=None,
                result=result,
            )


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> FakeChecker:
    fake = FakeChecker()

    @asynccontextmanager
    async def open_checker(options: object, processes: int = 1) -> AsyncIterator[FakeChecker]:
        fake.processes = processes
        yield fake

    module = ModuleType("shoal.app")
    module.open_checker = open_checker  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shoal.app", module)
    return fake


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "list.txt").write_text("192.0.2.1:80\n192.0.2.2:81\nhttp://192.0.2.3:80\n192.0.2.4:0\n")
    return tmp_path / "list.txt"


def test_working_proxies_are_printed_and_everything_checked_is_written(
    checker: FakeChecker, lists: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = lists.with_name("results.jsonl")
    assert run(["check", str(lists), "--output", str(output)]) == 0
    out, err = capsys.readouterr()
    assert out == "http://192.0.2.1:80\nhttp://192.0.2.3:80\n"
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(row["input"], row["works"]) for row in rows] == [
        ("192.0.2.1:80", True),
        ("192.0.2.2:81", False),
        ("http://192.0.2.3:80", True),
    ]
    assert "read 4 entries; not checked 1 (bad port 1)" in err
    assert "2 work (http 2)" in err and "connecting: refused 1" in err


def test_objects_instead_of_urls(checker: FakeChecker, lists: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--json", str(lists)]) == 0
    assert [json.loads(line)["works"] for line in capsys.readouterr().out.splitlines()] == [True, True]


def test_no_working_proxy_is_exit_code_1(checker: FakeChecker, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("192.0.2.2:81\n")
    assert run(["check", str(tmp_path / "a")]) == 1


def test_no_judge_is_exit_code_4_and_one_line(
    checker: FakeChecker, lists: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checker.vantage.healthy = False
    checker.vantage.judges = (JudgeStatus("http://j/", "shoal", True, False, "refused", checked_at=1.0),)
    assert run(["check", str(lists)]) == 4
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "http://j/: refused" in err and "--judge" in err


def test_the_list_itself_is_never_overwritten(checker: FakeChecker, lists: Path) -> None:
    before = lists.read_text()
    assert run(["check", str(lists), "--output", str(lists)]) == 2
    assert lists.read_text() == before


def test_a_second_run_checks_only_what_the_first_did_not(
    checker: FakeChecker, lists: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = lists.with_name("results.jsonl")
    assert run(["check", str(lists), "--output", str(output)]) == 0
    lists.write_text(lists.read_text() + "192.0.2.9:80\n")
    capsys.readouterr()
    assert run(["check", str(lists), "--output", str(output), "--resume"]) == 0
    out, err = capsys.readouterr()
    assert out == "http://192.0.2.9:80\n"
    assert "3 proxies checked before, of which 2 worked" in err and "checked 1 in" in err
    assert [json.loads(line)["input"] for line in output.read_text().splitlines()][3:] == ["192.0.2.9:80"]


def test_what_worked_before_counts(checker: FakeChecker, lists: Path) -> None:
    output = lists.with_name("results.csv")
    assert run(["check", str(lists), "--output", str(output)]) == 0
    assert run(["check", str(lists), "--output", str(output), "--resume"]) == 0


def test_resume_needs_a_file_of_results(checker: FakeChecker, lists: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(lists), "--resume"]) == 2
    assert "--output" in capsys.readouterr().err


def test_each_failure_is_explained_when_asked_for(
    checker: FakeChecker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text("192.0.2.1:80\nme:secret@192.0.2.2:81\nx\x1b[31m:9:9\n192.0.2.4:0\n")
    assert run(["check", "-v", str(tmp_path / "a")]) == 0
    err = capsys.readouterr().err
    assert "shoal: me:***@192.0.2.2:81: connecting: refused\n" in err and "secret" not in err
    assert "192.0.2.4:0: not checked: bad port" in err and "\x1b" not in err
    assert "192.0.2.1:80:" not in err


def test_urls_are_read_as_lists(
    checker: FakeChecker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    async def fetch_all(options: Any, on_source: Any) -> list[Candidate]:
        asked.append(options.sources.urls)
        return [Candidate(Endpoint("192.0.2.7", 80))]

    monkeypatch.setattr(sys.modules["shoal.app"], "fetch_all", fetch_all, raising=False)
    assert run(["check", "http://a.example/list", "--source", "http://b.example/"]) == 0
    assert asked == [("http://a.example/list", "http://b.example/")]
    assert capsys.readouterr().out == "http://192.0.2.7:80\n"


def test_long_lists_take_a_process_for_every_core_and_short_ones_one(
    checker: FakeChecker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(4), raising=False)
    for entries, given, processes in ((3, (), 1), (600, (), 2), (5000, (), 4), (5000, ("--processes", "3"), 3)):
        list = tmp_path / "list.txt"
        list.write_text("".join(f"192.0.{n >> 8}.{n & 255}:80\n" for n in range(entries)))
        assert run(["check", str(list), *given]) == 0
        assert checker.processes == processes
