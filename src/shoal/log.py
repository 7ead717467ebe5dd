"""The standard library's log, with lines that carry fields.

Every part logs by way of this, whoever sets up where lines go and how they look (``shoal.telemetry.logs``); without a
set-up, warnings reach standard error as any library's do. Imports nothing but ``logging``: what reads as simple as this
is not worth a third of a second at each start.
"""

from __future__ import annotations

import logging
from typing import Any, Final

FIELDS: Final = "fields"
"""The attribute of a ``logging.LogRecord`` that holds the fields of a line, by name."""


class Log:
    """A named log. Each method takes what happened, in words that do not vary, and the fields that do."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Any) -> None:
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, *, exc_info: BaseException | None = None, **fields: Any) -> None:
        """``exc_info`` is an exception whose traceback belongs below the line."""
        self._write(logging.ERROR, event, fields, exc_info)

    def exception(self, event: str, **fields: Any) -> None:
        """As ``error``, with the traceback of the exception that is being handled."""
        self._write(logging.ERROR, event, fields, True)

    def _write(
        self, level: int, event: str, fields: dict[str, Any], exc_info: BaseException | bool | None = None
    ) -> None:
        if self._logger.isEnabledFor(level):
            # An event is no format: it goes out as it is, per cent signs and all.
            self._logger.log(level, event, exc_info=exc_info, extra={FIELDS: fields}, stacklevel=3)
