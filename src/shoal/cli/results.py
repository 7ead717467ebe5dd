"""What `shoal check` writes: one row for every proxy checked, as JSON lines, CSV or plain URLs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, TextIO

from shoal.cli.words import why
from shoal.errors import ConfigError

if TYPE_CHECKING:
    from shoal.domain import CheckResult, Proxy

Row = dict[str, Any]

COLUMNS: Final = (
    "input",
    "proxy",
    "works",
    "schemes",
    "capabilities",
    "anonymity",
    "honesty",
    "exit",
    "country",
    "latency_ms",
    "failure",
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What makes a spreadsheet run a cell instead of showing it."""


class Checked(Protocol):
    """The part of a checked entry that is written."""

    @property
    def input(self) -> str: ...
    @property
    def proxy(self) -> Proxy | None: ...
    @property
    def result(self) -> CheckResult | None: ...


def row_of(entry: Checked) -> Row:
    """One proxy's result. ``proxy`` holds the password: these are the user's own, and a result without it is no use."""
    result, proxy = entry.result, entry.proxy
    assert result is not None and proxy is not None
    failure = result.failure
    return {
        "input": entry.input,
        "proxy": proxy.url(secrets=True),
        "works": result.works,
        "schemes": [scheme.value for scheme in result.schemes],
        "capabilities": sorted(str(capability) for capability in result.capabilities),
        "anonymity": result.anonymity.value,
        "honesty": result.honesty.value,
        "exit": result.exit,
        "country": result.country,
        "latency_ms": None if result.latency is None else round(result.latency * 1000.0, 1),
        "failure": None
        if failure is None
        else {
            "stage": failure.stage.value,
            "reason": failure.reason.value,
            "blame": None if result.blame is None else result.blame.value,
            "detail": failure.detail,
            "sentence": why(failure, result.blame),
        },
    }


def json_line(row: Row) -> str:
    """One line of ASCII: nothing in it can steer a terminal."""
    return json.dumps(row, ensure_ascii=True, separators=(", ", ": "))


def safe_cell(value: object) -> str:
    """A CSV cell that no spreadsheet takes for a formula and that stays on one line."""
    text = "" if value is None else str(value)
    text = "".join(char if char.isprintable() else "?" for char in text)
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def _cells(row: Row) -> list[str]:
    failure = row["failure"]
    flat = row | {
        "works": "true" if row["works"] else "false",
        "schemes": " ".join(row["schemes"]),
        "capabilities": " ".join(row["capabilities"]),
        "failure": f"{failure['stage']}.{failure['reason']} ({failure['blame']})" if failure else "",
    }
    return [safe_cell(flat[name]) for name in COLUMNS]


class ResultFile:
    """A file of results; the suffix decides the form: .jsonl (also any other), .csv, .txt (working URLs only)."""

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path = path
        self._append = append
        self._file: TextIO | None = None
        self._write: Callable[[Row], None] = self._write_json

    def __enter__(self) -> ResultFile:
        try:
            self._file = self._path.open("a" if self._append else "w", encoding="utf-8", newline="")
        except OSError as error:
            raise ConfigError(
                f"--output {self._path} cannot be written: {(error.strerror or str(error)).lower()}"
            ) from error
        match self._path.suffix.lower():
            case ".txt":
                self._write = self._write_url
            case ".csv":
                table = csv.writer(self._file, lineterminator="\n")
                if not self._file.tell():
                    table.writerow(COLUMNS)
                self._write = lambda row: table.writerow(_cells(row))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, row: Row) -> None:
        self._write(row)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def _write_json(self, row: Row) -> None:
        assert self._file is not None
        self._file.write(json_line(row) + "\n")

    def _write_url(self, row: Row) -> None:
        if row["works"]:
            assert self._file is not None
            self._file.write(row["proxy"] + "\n")
