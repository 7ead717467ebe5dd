"""Single keys from a terminal, without waiting for Enter."""

from __future__ import annotations

import os
import select
import sys
from types import TracebackType
from typing import Any


class Keys:
    """While the block lasts, keys come at once and are not echoed; where standard input is no terminal, none come."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None
        self._file = -1

    def __enter__(self) -> Keys:
        if sys.stdin is not None and sys.stdin.isatty():
            try:
                import termios
                import tty
            except ImportError:  # not on Windows
                return self
            self._file = sys.stdin.fileno()
            self._before = termios.tcgetattr(self._file)
            # Not raw: Ctrl-C stays an interrupt.
            tty.setcbreak(self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)
            self._before = None

    def wait(self, seconds: float) -> str:
        """The key that was pressed within so many seconds, "" for none."""
        readable, _, _ = select.select([self._file] if self._before is not None else [], [], [], seconds)
        return os.read(self._file, 1).decode("latin-1") if readable else ""
