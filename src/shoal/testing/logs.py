"""What was logged, for tests that ask for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shoal.log import FIELDS


@contextmanager
def capture_logs() -> Iterator[list[dict[str, Any]]]:
    """The lines that Shoal logs within the block, at any level.

    Each has ``event``, ``log_level``, its fields, and its exception as ``exc_info``.
    """
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told: dict[str, Any] = {"event": record.getMessage(), "log_level": record.levelname.lower()}
            if record.exc_info:
                told["exc_info"] = record.exc_info[1]
            lines.append(told | getattr(record, FIELDS, {}))

    log = logging.getLogger("shoal")
    handler, level = Keep(), log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
