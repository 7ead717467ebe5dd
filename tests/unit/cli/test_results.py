"""Result rows and files."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cli.results import COLUMNS, ResultFile, json_line, row_of, safe_cell
from shoal.domain import (
    Anonymity,
    Blame,
    CheckResult,
    Credentials,
    Endpoint,
    Failure,
    Honesty,
    Proxy,
    Reason,
    Scheme,
    Stage,
)
from shoal.errors import ConfigError

GOOD: Any = SimpleNamespace(
    input="192.0.2.1:1080:me:p@ss",
    proxy=Proxy(Scheme.SOCKS5, Endpoint("192.0.2.1", 1080), Credentials("me", "p@ss")),
    result=CheckResult(
        "k",
        (),
        works=True,
        schemes=(Scheme.SOCKS5, Scheme.HTTP),
        capabilities=("tunnel", "forward"),
        anonymity=Anonymity.ELITE,
        honesty=Honesty.CLEAN,
        exit="198.51.100.7",
        country="DE",
        latency=0.12345,
    ),
)
BAD: Any = SimpleNamespace(
    input="=cmd()\x1b[2J",
    proxy=Proxy(Scheme.HTTP, Endpoint("192.0.2.2", 80)),
    result=CheckResult("k", (), works=False, failure=Failure(Stage.CONNECT, Reason.TIMEOUT), blame=Blame.PROXY),
)


def test_a_row_holds_what_other_programs_rely_on() -> None:
    assert row_of(GOOD) == {
        "input": "192.0.2.1:1080:me:p@ss",
        "proxy": "socks5://me:p%40ss@192.0.2.1:1080",
        "works": True,
        "schemes": ["socks5", "http"],
        "capabilities": ["forward", "tunnel"],
        "anonymity": "elite",
        "honesty": "clean",
        "exit": "198.51.100.7",
        "country": "DE",
        "latency_ms": 123.5,
        "failure": None,
    }
    assert row_of(BAD)["failure"] == {
        "stage": "connect",
        "reason": "timeout",
        "blame": "proxy",
        "detail": "",
        "sentence": "connecting: timed out",
    }
    assert tuple(row_of(BAD)) == COLUMNS


def test_json_lines_are_the_form_for_any_suffix(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.out"):
        with ResultFile(tmp_path / name) as results:
            results.write(row_of(GOOD))
            results.write(row_of(BAD))
        rows = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        assert rows == [row_of(GOOD), row_of(BAD)]


def test_text_holds_working_urls_only(tmp_path: Path) -> None:
    with ResultFile(tmp_path / "a.txt") as results:
        results.write(row_of(GOOD))
        results.write(row_of(BAD))
    assert (tmp_path / "a.txt").read_text() == "socks5://me:p%40ss@192.0.2.1:1080\n"


def test_csv_cells_cannot_start_a_formula(tmp_path: Path) -> None:
    with ResultFile(tmp_path / "a.csv") as results:
        results.write(row_of(GOOD))
        results.write(row_of(BAD))
    with (tmp_path / "a.csv").open(newline="") as file:
        head, good, bad = csv.reader(file)
    assert tuple(head) == COLUMNS
    assert good[2:5] == ["true", "socks5 http", "forward tunnel"]
    assert bad[0] == "'=cmd()?[2J" and bad[-1] == "connect.timeout (proxy)"


@given(st.text())
def test_no_cell_is_a_formula_or_more_than_one_line(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@")) and cell.isprintable()


@given(st.text())
def test_json_lines_are_ascii_and_give_back_what_was_read(text: str) -> None:
    line = json_line({"input": text})
    assert line.isascii() and line.isprintable() and json.loads(line) == {"input": text}


def test_a_file_that_cannot_be_written_is_told_before_anything_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: no such file or directory"), ResultFile(tmp_path / "x/y"):
        pass
