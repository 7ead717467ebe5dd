"""What an earlier run of `shoal check` already wrote: those proxies are not checked again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shoal.errors import ConfigError

if TYPE_CHECKING:
    from shoal.domain import Candidate, Refused

_LINE_LIMIT_BYTES: Final = 1 << 20


class Done:
    """The proxies in a file of results: eight bytes each, however long their names are. ``worked`` of them worked."""

    def __init__(self, path: Path) -> None:
        """Also cuts off a last line that was not written to its end, as after a power cut.

        Raises ``ConfigError`` when the file is none of ours or cannot be read.
        """
        self.worked = 0
        self._marks = array("Q")
        if path.suffix.lower() == ".txt":
            raise ConfigError(
                f"--resume cannot tell from {path} what failed, since .txt holds only working ones; "
                "use --output with .jsonl or .csv"
            )
        if path.exists():
            try:
                self._read(path)
            except OSError as error:
                raise ConfigError(
                    f"--output {path} cannot be read: {(error.strerror or str(error)).lower()}"
                ) from error

    def __len__(self) -> int:
        return len(self._marks)

    def __contains__(self, entry: Candidate) -> bool:
        user = f"{entry.credentials.userinfo}@" if entry.credentials else ""
        mark = _mark(f"{user}{entry.endpoint}")
        at = bisect_left(self._marks, mark)
        return at < len(self._marks) and self._marks[at] == mark

    def _read(self, path: Path) -> None:
        is_csv = path.suffix.lower() == ".csv"
        marks = []
        good = 0
        with path.open("rb") as file:
            while line := file.readline(_LINE_LIMIT_BYTES):
                if not line.endswith(b"\n"):
                    break
                row = _csv_row(line) if is_csv else _json_row(line)
                if row is None:
                    raise ConfigError(f"--output {path} does not hold results of `shoal check`; name another file")
                good += len(line)
                proxy, works = row
                if proxy:
                    marks.append(_mark(proxy.partition("://")[2]))
                    self.worked += works
        marks.sort()
        self._marks = array("Q", marks)
        if good < path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(good)


def unchecked(
    entries: Iterable[Candidate | tuple[Refused, str]], done: Done
) -> Iterator[Candidate | tuple[Refused, str]]:
    """The entries without those that were checked before."""
    return (entry for entry in entries if isinstance(entry, tuple) or entry not in done)


def _mark(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def _json_row(line: bytes) -> tuple[str, bool] | None:
    try:
        row = json.loads(line)
        return str(row["proxy"]), bool(row["works"])
    except (ValueError, KeyError, TypeError):
        return None


def _csv_row(line: bytes) -> tuple[str, bool] | None:
    from shoal.cli.results import COLUMNS

    try:
        cells = next(csv.reader(io.StringIO(line.decode())))
    except (ValueError, StopIteration, csv.Error):
        return None
    if tuple(cells) == COLUMNS:
        return "", False
    return (cells[1], cells[2] == "true") if len(cells) == len(COLUMNS) else None
