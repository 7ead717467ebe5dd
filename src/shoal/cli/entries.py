"""The lists that `shoal check` is given: files, or standard input, read as they are needed."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from shoal.errors import ConfigError

if TYPE_CHECKING:
    from shoal.domain import Candidate, Refused

_CHUNK_BYTES: Final = 65_536
COUNTED_BYTES: Final = 1024 * 1024
"""Lists up to this size are read before checking starts, so that the progress bar knows the end. An entry takes ten
times as much memory as its line."""
_SPOOLED_BYTES: Final = 8 * 1024 * 1024
"""Of standard input, kept in memory; the rest goes to a temporary file."""


class Lists:
    """One or more lists. ``total`` is the number of entries, or a guess by lines for long ones."""

    def __init__(self, names: Sequence[str], *, line_limit_bytes: int = 4096) -> None:
        """``-`` is standard input, read to its end at once: whoever writes it slowly must not stall running checks.

        Raises ``ConfigError`` for every file that cannot be read.
        """
        self._limit = line_limit_bytes
        self._files: list[IO[bytes]] = []
        problems = []
        for name in names:
            try:
                self._files.append(_spooled() if name == "-" else _opened(name))
            except OSError as error:
                problems.append(f"{name} cannot be read: {(error.strerror or str(error)).lower()}")
        if problems:
            self.close()
            raise ConfigError(*problems)
        sizes = [_size(file) for file in self._files]
        self._entries: list[Candidate | tuple[Refused, str]] | None = None
        if sum(sizes) <= COUNTED_BYTES:
            self._entries = list(self._read())
            self.total = len(self._entries)
        else:
            self.total = sum(_lines(file) for file in self._files)

    def __iter__(self) -> Iterator[Candidate | tuple[Refused, str]]:
        return iter(self._entries) if self._entries is not None else self._read()

    def _read(self) -> Iterator[Candidate | tuple[Refused, str]]:
        from shoal.sources.extract import extract_stream

        for file in self._files:
            file.seek(0)
            yield from extract_stream(_chunks(file), line_limit_bytes=self._limit)

    def close(self) -> None:
        for file in self._files:
            file.close()


def _opened(name: str) -> IO[bytes]:
    path = Path(name).expanduser()
    if path.is_file():
        return path.open("rb")
    # A pipe (process substitution) can be read only once.
    with path.open("rb") as pipe:
        return _copy(pipe)


def _spooled() -> IO[bytes]:
    return _copy(sys.stdin.buffer)


def _copy(stream: IO[bytes]) -> IO[bytes]:
    kept: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115 - closed by Lists
    shutil.copyfileobj(stream, kept)
    return kept


def _size(file: IO[bytes]) -> int:
    return file.seek(0, 2)


def _lines(file: IO[bytes]) -> int:
    file.seek(0)
    return sum(chunk.count(b"\n") for chunk in _chunks(file))


def _chunks(file: IO[bytes]) -> Iterable[bytes]:
    return iter(lambda: file.read(_CHUNK_BYTES), b"")
